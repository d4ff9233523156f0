import { ModelEngine } from '../engine/model/engine.js';
import type { PostgresEngine } from '../engine/postgres/engine.js';
import type { Limits } from '../limits.js';
import { Machine } from '../machine.js';
import { minimise, type SearchPlan, type SmallFailure } from '../minimise/minimise.js';
import type { Counterexample, Failure } from '../outcome.js';
import { recordHistory, stepHash } from '../record.js';
import { type Run, run, scheduleOf } from '../run.js';
import type { Scenario } from '../scenario.js';
import { ordered } from '../schedule/arbitrary.js';
import type { Choice } from '../schedule/choice.js';
import { replay, ScheduleError } from '../schedule/replay.js';
import { encodeToken } from '../schedule/token.js';
import { count, shortestTo } from './graph.js';
import { patiently } from './plan.js';
import { search } from './search.js';

/** How far the minimiser goes, and the server that confirms what it finds; null: the model alone. */
export interface CounterexampleOptions {
  readonly limits: Limits;
  readonly postgres: PostgresEngine | null;
}

/** States after which a candidate of the minimiser counts as too large to tell. */
const CANDIDATE_STATES = 20_000;

/** Makes a failure small on the model, replays it on the server, and says how it came about. */
export async function makeCounterexample(scenario: Scenario, failure: Failure, options: CounterexampleOptions): Promise<Counterexample> {
  const minimised = failure.onServerOnly ? null : await minimise(scenario, failure, searchOnModel(scenario), options.limits.minimiserPlans);
  const small = minimised?.found ?? asFound(failure);
  return describe(scenario, failure, small, minimised?.minimal ?? false, options);
}

const searchOnModel =
  (scenario: Scenario, engine = new ModelEngine()): SearchPlan =>
  async (plan, failure) => {
    const machine = new Machine(scenario, plan, engine);
    const { graph, complete } = await search(machine, engine, { maxStates: CANDIDATE_STATES });
    const path = shortestTo(graph, (node) =>
      node.violations.some((item) => item.invariant === failure.invariant && item.resource === failure.resource),
    );
    if (path === null) return complete ? null : 'unknown';
    const counts = complete ? count(graph, 0) : null;
    return {
      plan,
      schedule: path.choices,
      switches: path.switches,
      steps: path.choices.length,
      interleavings: counts === null ? null : String(counts.interleavings),
      violating: counts === null ? null : String(counts.violating),
    };
  };

/** What was found, up to the violation, where it could not be made smaller. */
function asFound({ plan, schedule, steps, switches }: Failure): SmallFailure {
  return { plan, schedule: schedule.slice(0, steps), steps, switches, interleavings: null, violating: null };
}

async function describe(
  scenario: Scenario,
  failure: Failure,
  small: SmallFailure,
  minimal: boolean,
  options: CounterexampleOptions,
): Promise<Counterexample> {
  const { plan } = small;
  const { postgres, limits } = options;
  // The schedule ends with the violation; what is left of the actors is run to its end, so that a replay ends cleanly.
  const model = failure.onServerOnly
    ? null
    : await complete(new Machine(scenario, plan, new ModelEngine(), { sites: true }), small.schedule);
  const server = postgres === null ? null : new Machine(scenario, plan, postgres, { sites: true });
  const recorded = model ?? (await complete(server!, small.schedule));
  const { matched, of } = await (server === null
    ? replayOften(new Machine(scenario, plan, new ModelEngine()), recorded, failure, limits.replays)
    : replayOften(server, recorded, failure, limits.replays));
  const token = encodeToken({
    plan,
    schedule: recorded.schedule,
    hashes: recorded.hashes,
    violation: { invariant: failure.invariant, resource: failure.resource },
  });
  return {
    token,
    plan,
    schedule: recorded.schedule,
    hashes: recorded.hashes,
    invariant: failure.invariant,
    resource: failure.resource,
    history: recorded.history,
    actors: plan.actors.length,
    steps: small.steps,
    switches: small.switches,
    minimal,
    confirmedOnPostgres: server !== null && matched === of,
    replays: { matched, of },
    shrunkFrom: { actors: failure.plan.actors.length, steps: failure.steps, switches: failure.switches },
    interleavings: small.interleavings,
    violating: small.violating,
  };
}

/** Replays to the letter: a match is the same hash at every step, and the same violation. */
async function replayOften<S>(
  machine: Machine<S>,
  recorded: Recorded,
  failure: Failure,
  times: number,
): Promise<{ matched: number; of: number }> {
  let matched = 0;
  for (let time = 0; time < times; time += 1) {
    try {
      const done = await patiently(() => run(machine, replay(recorded.schedule, machine.actorNames)));
      const again = done.violations.some(
        ({ violation }) => violation.invariant === failure.invariant && violation.resource === failure.resource,
      );
      if (again && done.steps.map(stepHash).join() === recorded.hashes.join()) matched += 1;
    } catch (error) {
      // A schedule that cannot be followed is a replay that does not match.
      if (!(error instanceof ScheduleError)) throw error;
    }
  }
  return { matched, of: times };
}

interface Recorded {
  readonly schedule: readonly Choice[];
  readonly hashes: readonly string[];
  readonly history: Counterexample['history'];
}

async function complete<S>(machine: Machine<S>, schedule: readonly Choice[]): Promise<Recorded> {
  const done: Run<S> = await patiently(() => run(machine, ordered(schedule.map((choice) => choice.actor))));
  return { schedule: scheduleOf(done), hashes: done.steps.map(stepHash), history: recordHistory(machine, done) };
}
