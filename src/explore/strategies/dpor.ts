import { type Engine, UnmodelledError } from '../../engine/contract.js';
import { ModelEngine } from '../../engine/model/engine.js';
import type { PostgresEngine } from '../../engine/postgres/engine.js';
import { grouped } from '../../grouped.js';
import { Machine } from '../../machine.js';
import type { Failure, ModelFigures, PlanOutcome, ServerFigures } from '../../outcome.js';
import type { Verdict } from '../../verdict.js';
import { type DporResult, dpor as everyOrder } from '../dpor/dpor.js';
import { ReplayDiffers } from '../dpor/tree.js';
import { type Activity, SampledActivity } from '../operations.js';
import { patiently } from '../patiently.js';
import { refusedByModel } from '../refused.js';
import { sampleServer } from '../sample.js';
import { PlanTask } from '../task.js';
import { PORTFOLIO } from './sampling.js';
import type { Strategy } from './strategy.js';

/** Every order that matters, run on an engine that need not be able to go back: PostgreSQL where there is one, the model otherwise. */
export const dpor: Strategy = {
  name: 'dpor',
  summary: 'every order that matters, up to steps that commute, run on PostgreSQL itself',
  rewinds: false,
  explore: async (task) => {
    const postgres = await task.options.postgres;
    if (postgres !== null) return dporOnServer(task, postgres);
    try {
      return await onModel(task);
    } catch (error) {
      if (!(error instanceof UnmodelledError)) throw error;
      return refusedByModel(task, error, (server) => dporOnServer(task, server));
    }
  },
};

async function onModel(task: PlanTask): Promise<PlanOutcome> {
  const engine = new ModelEngine();
  try {
    const { result, found } = await exploreOrders(task, engine);
    const model: ModelFigures = {
      interleavings: String(result.orders ?? result.runs),
      violating: String(found.violating),
      states: 0,
      transitions: found.steps,
      exhaustive: result.complete,
      strategy: 'dpor',
      coarse: engine.coarse,
      runs: result.runs,
    };
    const held: Verdict = result.complete ? 'explored' : result.runs === 0 ? 'inconclusive' : 'passed';
    const reason = result.complete ? 'not confirmed on PostgreSQL: the model alone was asked' : whatIsLeft(result);
    return outcomeOf(task, found, { verdict: found.violating > 0 ? 'violated' : held, reason: found.firstRows ?? reason, model });
  } finally {
    engine.keepShapes();
  }
}

export async function dporOnServer(task: PlanTask, postgres: PostgresEngine): Promise<PlanOutcome> {
  let explored: Explored;
  postgres.takeCoarse();
  try {
    explored = await exploreOrders(task, postgres);
  } catch (error) {
    if (!(error instanceof ReplayDiffers)) throw error;
    return task.outcome({ verdict: 'racy', reason: `the same steps came to something else: ${error.message}` });
  }
  const { result, found } = explored;
  const figures: ServerFigures = {
    runs: result.runs,
    transitionsConfirmed: 0,
    transitionsUnforceable: 0,
    divergences: 0,
    exhaustive: result.complete && result.open === 0,
    orders: result.orders === null ? null : String(result.orders),
    reduction: task.options.reduction === false ? 'none' : 'source-dpor',
    coarse: postgres.takeCoarse(),
  };
  const done = { postgres: figures };
  if (found.violating > 0) return outcomeOf(task, found, { verdict: 'violated', reason: found.firstRows, ...done });
  if (result.complete && result.open === 0) {
    const proved = outcomeOf(task, found, { verdict: 'proved', ...done });
    const unseen = (task.scenario.requires ?? []).filter((name) => proved.witnesses[name] === '0');
    return unseen.length === 0 ? proved : lookingForWitnesses(task, postgres, proved);
  }
  if (result.complete) {
    const reason = `in ${grouped(result.open)} of ${grouped(result.runs)} runs this server decided itself who goes on first`;
    return outcomeOf(task, found, { verdict: 'passed', reason, ...done });
  }
  if (task.expired) task.hit.push('time');
  else task.hit.push(`runs ${budgetOf(task)}`);
  if (result.runs === 0)
    return outcomeOf(task, found, { verdict: 'inconclusive', reason: 'no schedule was run before the time was up', ...done });
  // What is left is looked at here and there: orders next to each other, as the search takes them, are alike.
  const sampled = await sampleServer(task, postgres, PORTFOLIO);
  return sampled.verdict === 'passed'
    ? { ...sampled, reason: whatIsLeft(result), postgres: { ...figures, runs: result.runs + sampled.postgres!.runs }, limits: task.hit }
    : { ...sampled, limits: task.hit };
}

/** Orders that commute may differ in what witnesses see: those that are required, and were not seen, are looked for in some more. */
async function lookingForWitnesses(task: PlanTask, postgres: PostgresEngine, proved: PlanOutcome): Promise<PlanOutcome> {
  const { limits } = task.options;
  const fewer = new PlanTask(task.scenario, task.plan, { ...task.options, limits: { ...limits, runs: limits.sharedRuns } });
  const sampled = await sampleServer(fewer, postgres, PORTFOLIO);
  if (sampled.failure !== null) return sampled;
  const sum = ([name, count]: [string, string]): [string, string] => [name, String(BigInt(count) + BigInt(sampled.witnesses[name] ?? '0'))];
  return { ...proved, witnesses: Object.fromEntries(Object.entries(proved.witnesses).map(sum)) };
}

const budgetOf = ({ options: { limits } }: PlanTask): number => Math.min(limits.orderRuns, limits.serverRuns);

interface Found {
  readonly violating: number;
  readonly steps: number;
  readonly witnesses: Readonly<Record<string, string>>;
  readonly activity: Activity;
  readonly runs: number;
  readonly failure: Failure | null;
  readonly firstRows: string | null;
}

interface Explored {
  readonly result: DporResult;
  readonly found: Found;
}

async function exploreOrders<S>(task: PlanTask, engine: Engine<S>): Promise<Explored> {
  const { limits, reduction = true, expired } = task.options;
  const machine = new Machine(task.scenario, task.plan, engine, { observes: reduction });
  const sampled = new SampledActivity(machine);
  const seen = machine.witnesses.map(() => 0);
  const maxRuns = budgetOf(task);
  let runs = 0;
  let steps = 0;
  let violating = 0;
  let failure: Failure | null = null;
  let firstRows: string | null = null;
  const result = await everyOrder(machine, {
    maxRuns,
    reduces: reduction,
    attempt: patiently,
    ...(expired === undefined ? {} : { expired }),
    onRun: (run) => {
      runs += 1;
      steps += run.steps.length;
      if (!run.finished) task.hit.push('steps');
      sampled.note(run);
      const bits = run.steps.reduce((all, step) => all | step.witnesses, 0);
      machine.witnesses.forEach((_, index) => {
        if (bits & (1 << index)) seen[index]! += 1;
      });
      if (runs % 16 === 0) task.progress({ runs, of: maxRuns });
      if (run.violations.length === 0) return false;
      violating += 1;
      task.violated();
      firstRows = task.brokenFirstRows(run.violations.filter(({ step }) => step < 0).map(({ violation }) => violation));
      if (firstRows !== null) return true;
      failure ??= task.failure(machine, run, runs);
      // The failure is known; more of them on a server would say no more.
      return engine.capabilities.rewinds ? false : runs >= limits.violatedServerRuns;
    },
  });
  if (result.overlap) sampled.activity.overlapped();
  const witnesses = Object.fromEntries(machine.witnesses.map((witness, index) => [witness.name, String(seen[index])]));
  return { result, found: { violating, steps, witnesses, activity: sampled.activity, runs, failure, firstRows } };
}

function outcomeOf(task: PlanTask, found: Found, known: Partial<PlanOutcome> & { readonly verdict: Verdict }): PlanOutcome {
  return task.outcome({
    witnesses: found.witnesses,
    operations: found.activity.figures,
    activity: found.runs === 0 ? null : found.activity.activity,
    failure: found.failure,
    ...known,
  });
}

/** What the search has not come to. */
function whatIsLeft({ runs, givenUp, share }: DporResult): string {
  const all = Math.round((runs + givenUp) / share);
  return `${grouped(runs)} orders that matter were run, of about ${grouped(all)}`;
}
