import type { ModelEngine } from '../engine/model/engine.js';
import type { PostgresEngine } from '../engine/postgres/engine.js';
import { Machine } from '../machine.js';
import type { Failure, ModelFigures, PlanOutcome, ServerFigures } from '../outcome.js';
import type { Plan } from '../plan/plan.js';
import { run, scheduleOf } from '../run.js';
import { type Choice, isOwn } from '../schedule/choice.js';
import { withHappenings } from '../schedule/happening.js';
import type { Policy } from '../schedule/policy.js';
import type { Verdict } from '../verdict.js';
import { describe, lockstepAll } from './confirm.js';
import { type Activity, SampledActivity } from './operations.js';
import { patiently } from './patiently.js';
import type { PlanTask } from './task.js';

/** Policies for the runs of one plan, as many as the budget allows. `lengths`: by actor, the steps of the longest run so far. */
export type Policies = (plan: Plan, budget: number, lengths: readonly number[]) => Iterable<() => Policy>;

interface Sample {
  readonly runs: number;
  readonly steps: number;
  readonly violating: number;
  readonly witnesses: Readonly<Record<string, string>>;
  readonly activity: Activity;
  readonly schedules: readonly Choice[][];
  readonly failure: Failure | null;
  /** See {@link brokenFirstRows}: then there is no failure of an order. */
  readonly firstRows: string | null;
}

/** On the model; some of the schedules on the server too, in lockstep. */
export async function sampleModel(task: PlanTask, engine: ModelEngine, strategy: string, policies: Policies): Promise<PlanOutcome> {
  const machine = new Machine(task.scenario, task.plan, engine);
  const { limits } = task.options;
  const sample = await sampleRuns(task, machine, limits.runs, policies);
  const postgres = await task.options.postgres;
  let figures: ServerFigures | null = null;
  let divergence: PlanOutcome['divergence'] = null;
  let racy: string | null = null;
  if (postgres !== null) {
    const compared = await lockstepAll(task, machine, postgres, await sampledForServer(task, engine, postgres, sample.schedules, policies));
    racy = compared.racy;
    figures = {
      runs: compared.runs,
      transitionsConfirmed: 0,
      transitionsUnforceable: 0,
      divergences: compared.difference === null ? 0 : 1,
    };
    if (compared.difference !== null) divergence = { ...compared.difference, schedule: compared.schedule ?? [] };
  }
  const model: ModelFigures = {
    interleavings: String(sample.runs),
    violating: String(sample.violating),
    states: 0,
    transitions: sample.steps,
    exhaustive: false,
    strategy,
    coarse: engine.coarse,
  };
  const found: Verdict = sample.violating > 0 ? 'violated' : sample.runs === 0 ? 'inconclusive' : 'passed';
  return task.outcome({
    verdict: racy !== null ? 'racy' : divergence !== null ? 'diverged' : found,
    reason:
      racy ??
      (divergence === null
        ? found === 'inconclusive'
          ? 'no schedule was run before the time was up'
          : sample.firstRows
        : describe(divergence)),
    model,
    postgres: figures,
    witnesses: sample.witnesses,
    operations: sample.activity.figures,
    activity: sample.runs === 0 ? null : sample.activity.activity,
    failure: sample.failure,
    divergence,
  });
}

/** Those of the sampled schedules that are run on the server too; a server that cannot be held back gets some that it can be made to follow. */
async function sampledForServer(
  task: PlanTask,
  engine: ModelEngine,
  { capabilities, server }: PostgresEngine,
  sampled: readonly (readonly Choice[])[],
  policies: Policies,
): Promise<readonly (readonly Choice[])[]> {
  const { sampledServerRuns } = task.options.limits;
  if (capabilities.holdsWaiters) return sampled.slice(0, sampledServerRuns);
  const machine = new Machine(task.scenario, task.plan, engine, { resumeAtOnce: true });
  const { schedules } = await sampleRuns(task, machine, sampledServerRuns, policies);
  if (server.canSetDeadlockTimeout) return schedules;
  return schedules.map((schedule) => {
    const victim = schedule.findIndex((choice) => choice.kind === 'victim');
    return victim < 0 ? schedule : schedule.slice(0, victim);
  });
}

/** On the server alone. */
export async function sampleServer(task: PlanTask, postgres: PostgresEngine, policies: Policies): Promise<PlanOutcome> {
  const { limits } = task.options;
  const machine = new Machine(task.scenario, task.plan, postgres);
  const sample = await sampleRuns(task, machine, Math.min(limits.runs, limits.serverRuns), policies);
  const figures: ServerFigures = { runs: sample.runs, transitionsConfirmed: 0, transitionsUnforceable: 0, divergences: 0 };
  return task.outcome({
    verdict: sample.violating > 0 ? 'violated' : sample.runs === 0 ? 'inconclusive' : 'passed',
    reason: sample.runs === 0 ? 'no schedule was run before the time was up' : sample.firstRows,
    postgres: figures,
    witnesses: sample.witnesses,
    operations: sample.activity.figures,
    activity: sample.runs === 0 ? null : sample.activity.activity,
    failure: sample.failure,
  });
}

/** The first run is without them, and tells how long runs are. */
function withFaults({ faults, seed }: Plan, policy: Policy, runs: number, lengths: readonly number[]): Policy {
  if (faults === undefined) return policy;
  const steps = lengths.reduce((sum, length) => sum + length, 0);
  return withHappenings(policy, `${seed}/faults ${runs}`, runs === 0 ? 0 : faults.length, steps);
}

/** Runs schedules one after the other, as the policies draw them. */
async function sampleRuns<S>(task: PlanTask, machine: Machine<S>, budget: number, policies: Policies): Promise<Sample> {
  const seen = machine.witnesses.map(() => 0);
  const schedules: Choice[][] = [];
  const sampled = new SampledActivity(machine);
  let failure: Failure | null = null;
  let firstRows: string | null = null;
  let endless = false;
  let runs = 0;
  let steps = 0;
  let violating = 0;
  const lengths = machine.actorNames.map(() => 1);
  for (const policy of policies(task.plan, budget, lengths)) {
    if (task.expired) {
      task.hit.push('time');
      break;
    }
    const result = await patiently(() => run(machine, withFaults(task.plan, policy(), runs, lengths)));
    runs += 1;
    steps += result.steps.length;
    if (!result.finished) task.hit.push('steps');
    schedules.push(scheduleOf(result));
    lengths.forEach((length, actor) => {
      lengths[actor] = Math.max(length, result.steps.filter(({ choice }) => isOwn(choice) && choice.actor === actor).length);
    });
    sampled.note(result);
    const bits = result.steps.reduce((all, step) => all | step.witnesses, 0);
    machine.witnesses.forEach((_, index) => {
      if (bits & (1 << index)) seen[index]! += 1;
    });
    if (result.violations.length > 0) {
      violating += 1;
      task.violated();
      firstRows = task.brokenFirstRows(result.violations.filter(({ step }) => step < 0).map(({ violation }) => violation));
      if (firstRows !== null) break;
      failure ??= task.failure(machine, result, runs);
      endless ||= machine.actorNames.some((_, actor) => machine.phase(result.last, actor) === 'endless');
    }
    // Each such run takes as many steps as an operation may: the failure is known, and more of them would say no more.
    if (endless && runs >= task.options.limits.violatedServerRuns) break;
    if (runs % 16 === 0) task.progress({ runs, of: budget });
  }
  const witnesses = Object.fromEntries(machine.witnesses.map((witness, index) => [witness.name, String(seen[index])]));
  return { runs, steps, violating, witnesses, activity: sampled.activity, schedules, failure, firstRows };
}
