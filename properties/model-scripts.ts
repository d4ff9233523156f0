/** Actors that are lists of SQL, and the ways in which the model's tests explore them and hold them against a real server. */
import { ModelEngine } from '../src/engine/model/engine.js';
import type { ModelState } from '../src/engine/model/state.js';
import type { PostgresEngine } from '../src/engine/postgres/engine.js';
import { splitStatements } from '../src/engine/sql-text.js';
import { Coverage } from '../src/explore/coverage.js';
import { count, type StateGraph } from '../src/explore/graph.js';
import { lockstep } from '../src/explore/lockstep.js';
import { patiently } from '../src/explore/plan.js';
import { search } from '../src/explore/search.js';
import type { Operation } from '../src/index.js';
import { Machine, type MachineOptions, type Step } from '../src/machine.js';
import type { Difference } from '../src/outcome.js';
import type { Plan } from '../src/plan/plan.js';
import type { IsolationLevel, Scenario } from '../src/scenario.js';
import { type Choice, showChoice } from '../src/schedule/choice.js';

/** What one actor does: its statements, semicolons between them. */
export type Script = string;

/** Runs the statements in order. After an error it goes on with the last one, which ends the transaction, or stubbornly with the next. */
const statementsInOrder: Operation = async ({ client }, input: { readonly script: Script; readonly stubborn: boolean }) => {
  const statements = splitStatements(input.script);
  for (let index = 0; index < statements.length; index += 1) {
    try {
      await client.query(statements[index]!);
    } catch {
      const last = statements.length - 1;
      if (!input.stubborn && index < last && /^(commit|rollback)/i.test(statements[last]!)) index = last - 1;
    }
  }
};

export interface ScriptedCase {
  readonly schema: string;
  readonly seed: string;
  readonly scripts: readonly Script[];
  readonly isolation: IsolationLevel;
  /** After an error go on with the next statement, not with the last. */
  readonly stubborn?: boolean;
  readonly invariants?: Scenario['invariants'];
  readonly witnesses?: Scenario['witnesses'];
  readonly faults?: Plan['faults'];
}

export function scenarioOf(scripted: ScriptedCase): { scenario: Scenario; plan: Plan } {
  const scenario: Scenario = {
    name: 'scripts/scripts',
    description: 'Actors that are lists of SQL.',
    schema: scripted.schema,
    seed: () => scripted.seed,
    operations: { script: statementsInOrder },
    workloads: [],
    invariants: scripted.invariants ?? [],
    ...(scripted.witnesses === undefined ? {} : { witnesses: scripted.witnesses }),
    expect: {},
  };
  const plan: Plan = {
    scenario: scenario.name,
    workload: 'scripts',
    isolation: scripted.isolation,
    capacity: 1,
    actors: scripted.scripts.map((script, index) => ({
      name: 'abcdefgh'.charAt(index),
      operation: 'script',
      input: { script, stubborn: scripted.stubborn ?? false },
    })),
    seed: 'scripts',
    ...(scripted.faults === undefined ? {} : { faults: scripted.faults }),
  };
  return { scenario, plan };
}

export function modelOf(
  scripted: ScriptedCase,
  engine = new ModelEngine(),
  options: MachineOptions = {},
): { engine: ModelEngine; machine: Machine<ModelState> } {
  const { scenario, plan } = scenarioOf(scripted);
  return { engine, machine: new Machine(scenario, plan, engine, options) };
}

/** What has been seen on the model while a case was confirmed. */
export interface Confirmed {
  readonly difference: string | null;
  /** SQLSTATEs, `waits`, `freed and waits again`, `deadlock`, and the replies of statements with rows, as text. */
  readonly seen: ReadonlySet<string>;
  readonly states: number;
  readonly transitions: number;
  /** Transitions that the server chose not to take: serialization failures that it may spare a transaction, or that it may not. */
  readonly unforceable: number;
  readonly interleavings: bigint;
  readonly schedules: number;
}

const MAX_STATES = 20_000;
const MAX_SCHEDULES = 5_000;

/** Explores every interleaving on the model, and runs schedules that take every transition on the server, step by step. */
export async function confirm(scripted: ScriptedCase, engine: ModelEngine, postgres: PostgresEngine): Promise<Confirmed> {
  const { machine } = modelOf(scripted, engine);
  const { graph, complete } = await search(machine, engine, { maxStates: MAX_STATES });
  if (!complete) throw new Error(`more than ${MAX_STATES} states`);
  const coverage = new Coverage(graph);
  const seen = new Set<string>();
  let runs = 0;
  for (let schedules = coverage.schedules(MAX_SCHEDULES); schedules.length > 0; schedules = coverage.schedules(MAX_SCHEDULES - runs))
    for (const schedule of schedules) {
      const { steps, difference, parted } = await compare(machine, scripted, postgres, schedule);
      runs += 1;
      for (const step of steps) note(step, seen);
      if (difference !== null) return { difference, seen, ...figures(graph, coverage, runs) };
      coverage.note(schedule, parted);
    }
  return { difference: null, seen, ...figures(graph, coverage, runs) };
}

const figures = (graph: StateGraph, coverage: Coverage, schedules: number) => ({
  states: graph.nodes.length,
  transitions: graph.transitions,
  unforceable: coverage.unforceable,
  interleavings: count(graph, 0).interleavings,
  schedules,
});

/** Runs one schedule on both; a difference is told with the way that led to it. */
export async function compare(
  machine: Machine<ModelState>,
  scripted: ScriptedCase,
  postgres: PostgresEngine,
  schedule: readonly Choice[],
): Promise<{ steps: readonly Step<ModelState>[]; difference: string | null; parted: number | null }> {
  const { scenario, plan } = scenarioOf(scripted);
  const server = new Machine(scenario, plan, postgres);
  let { model, difference, parted } = await patiently(() => lockstep(machine, server, schedule));
  // On a busy machine a waiter's deadlock check may come before it could be frozen. A difference that does not come again says nothing of the model.
  for (let tries = 0; tries < 2 && difference !== null; tries += 1)
    ({ model, difference, parted } = await patiently(() => lockstep(machine, server, schedule)));
  // The step at which the server parted was not taken.
  const steps = parted === null ? model : model.slice(0, parted);
  return { steps, parted, difference: difference === null ? null : tell(machine, model, difference) };
}

function tell(machine: Machine<ModelState>, steps: readonly Step<ModelState>[], difference: Difference): string {
  const way = steps.map((step) => {
    const came = step.outcome.kind === 'blocked' ? 'waits' : step.outcome.reply.kind === 'error' ? step.outcome.reply.code : 'done';
    return `  ${showChoice(step.choice, machine.actorNames)}: ${[...step.prelude, step.text].join('; ')} [${step.kind}: ${came}]`;
  });
  const { what, model, server } = difference;
  return [`${machine.plan.isolation}, ${what}`, ...way, `  model:  ${model}`, `  server: ${server}`].join('\n');
}

/** Adds what a step came to. */
export function note(step: Step<ModelState>, seen: Set<string>): void {
  if (step.outcome.kind === 'blocked') seen.add(step.kind === 'resume' ? 'waits again' : 'waits');
  else if (step.outcome.reply.kind === 'error') seen.add(step.outcome.reply.code);
  else if (step.outcome.reply.kind === 'result') seen.add(`${step.outcome.reply.command} ${step.outcome.reply.rowCount ?? ''}`.trim());
}
