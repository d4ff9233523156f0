/** Every order of a program, and those that `dpor` runs: what either shows. */

import { DrawnValues } from '../src/drawn-values.js';
import { ModelEngine } from '../src/engine/model/engine.js';
import type { ModelState } from '../src/engine/model/state.js';
import type { PostgresEngine, ServerState } from '../src/engine/postgres/engine.js';
import { type DporResult, dpor } from '../src/explore/dpor/dpor.js';
import { count, type GraphNode } from '../src/explore/graph.js';
import { patiently } from '../src/explore/patiently.js';
import { search } from '../src/explore/search.js';
import { type ScriptedCase, scenarioOf } from '../src/fuzz/scripted.js';
import { type Configuration, Machine } from '../src/machine.js';
import type { Plan } from '../src/plan/plan.js';
import { replyKey } from '../src/reply.js';
import type { Run } from '../src/run.js';
import type { Scenario } from '../src/scenario.js';
import { worldKey } from '../src/world.js';

/** What can be told apart of all orders of a plan. */
export interface Shown {
  /** Committed rows at the end, and what each actor was answered. */
  readonly endings: ReadonlySet<string>;
  /** Committed rows at any time. */
  readonly committed: ReadonlySet<string>;
  readonly orders: bigint | null;
  /** Somebody goes on and has to wait again, as for several who lock one row: they are waited for in the order in which they came, which no answer tells. */
  readonly waitsAgain?: boolean;
}

/** Looks at committed rows, which therefore have to be shown. */
const ANY: NonNullable<ScriptedCase['invariants']> = [{ name: 'any', check: () => [] }];
const MAX_STATES = 60_000;

interface BothOptions {
  readonly delays?: boolean;
  readonly maxRuns?: number;
}

/** The program on the model: all its orders, and the reduced search over the same machine; null where there are too many states. */
export function bothOf(scripted: ScriptedCase, options: BothOptions = {}): ReturnType<typeof bothOfPlan> {
  const { scenario, plan } = scenarioOf({ ...scripted, invariants: ANY });
  return bothOfPlan(scenario, plan, options);
}

/** As {@link bothOf}, of any plan. */
export async function bothOfPlan(
  scenario: Scenario,
  plan: Plan,
  options: BothOptions = {},
): Promise<{ readonly all: Shown; readonly reduced: Shown & DporResult } | null> {
  const engine = new ModelEngine();
  const machine = new Machine<ModelState>(scenario, plan, engine, { observes: true });
  const all = { endings: new Set<string>(), committed: new Set<string>() };
  const reduced = { endings: new Set<string>(), committed: new Set<string>() };
  const rows = (at: Configuration<ModelState>) => JSON.stringify(at.committed.tables);
  const ending = (at: Configuration<ModelState>) =>
    `${at.actors.map(({ node }) => node.id).join()} ${rows(at)} ${JSON.stringify(at.monitors)} ${worldKey(at.world)}`;
  const reached: (readonly [GraphNode, string])[] = [];
  const { graph, complete } = await search(machine, engine, {
    maxStates: MAX_STATES,
    remember: ({ to }, { after }) => {
      all.committed.add(rows(after));
      reached.push([to, ending(after)]);
    },
  });
  if (!complete) return null;
  // The search may have begun anew.
  const last = new Set(graph.nodes);
  for (const [node, text] of reached) if (last.has(node) && node.edges.length === 0) all.endings.add(text);
  let waitsAgain = false;
  const result = await dpor(machine, {
    maxRuns: options.maxRuns ?? 20_000,
    ...(options.delays === undefined ? {} : { delays: options.delays }),
    onRun: (run) => {
      for (const { after } of run.steps) reduced.committed.add(rows(after));
      waitsAgain ||= run.steps.some(({ kind, outcome }) => kind === 'resume' && outcome.kind === 'blocked');
      reduced.endings.add(ending(run.last));
      return false;
    },
  });
  return { all: { ...all, orders: count(graph, 0).interleavings }, reduced: { ...reduced, ...result, waitsAgain } };
}

/** The same on the server, where every order is run one by one; null where those are more than `maxRuns`. */
export function bothOnServer(
  scripted: ScriptedCase,
  engine: PostgresEngine,
  options: BothOptions & { readonly maxRuns: number },
): ReturnType<typeof bothOfPlanOnServer> {
  const { scenario, plan } = scenarioOf({ ...scripted, invariants: ANY });
  return bothOfPlanOnServer(scenario, plan, engine, options);
}

/** As {@link bothOnServer}, of any plan. Values that the server draws are told by their names. */
export async function bothOfPlanOnServer(
  scenario: Scenario,
  plan: Plan,
  engine: PostgresEngine,
  { maxRuns, delays }: BothOptions & { readonly maxRuns: number },
): Promise<{ readonly all: Shown & DporResult; readonly reduced: Shown & DporResult } | null> {
  const machine = new Machine<ServerState>(scenario, plan, engine, { observes: true });
  const explore = async (reduces: boolean) => {
    const endings = new Set<string>();
    const committed = new Set<string>();
    const rows = (at: Configuration<ServerState>) => JSON.stringify(at.committed.tables);
    const result = await dpor(machine, {
      maxRuns,
      reduces,
      ...(delays === undefined ? {} : { delays }),
      attempt: patiently,
      onRun: (run) => {
        for (const { after } of run.steps) committed.add(new DrawnValues().named(rows(after)));
        endings.add(`${answersIn(run)} ${new DrawnValues().named(rows(run.last))}`);
        return false;
      },
    });
    return { endings, committed, ...result };
  };
  const all = await explore(false);
  return all.complete ? { all, reduced: await explore(true) } : null;
}

/** What each actor was answered, in its order. */
const answersIn = <S>({ steps, last }: Run<S>): string =>
  JSON.stringify(
    last.actors.map((_, actor) => {
      const names = new DrawnValues();
      return steps.flatMap(({ choice, outcome }) =>
        choice.actor === actor && outcome.kind !== 'blocked' ? [names.named(replyKey(outcome.reply))] : [],
      );
    }),
  );
