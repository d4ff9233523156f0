import { ModelEngine } from '../engine/model/engine.js';
import type { PostgresEngine } from '../engine/postgres/engine.js';
import type { Limits } from '../limits.js';
import { Machine, type MachineOptions } from '../machine.js';
import { type Minimised, minimise, type SmallFailure, type Trials } from '../minimise/minimise.js';
import type { Counterexample, Failure } from '../outcome.js';
import { hashesOf, recordHistory, StepHashes } from '../record.js';
import { type Run, run, scheduleOf } from '../run.js';
import type { Scenario } from '../scenario.js';
import type { Choice } from '../schedule/choice.js';
import { following, replay, ScheduleError } from '../schedule/replay.js';
import { encodeToken } from '../schedule/token.js';
import { patiently } from './patiently.js';
import { rerunOn, searchOnModel, searchOnServer } from './trials.js';

/** How far the minimiser goes, and the server that confirms what it finds; null: the model alone. */
export interface CounterexampleOptions {
  readonly limits: Limits;
  readonly postgres: PostgresEngine | null;
}

/** Makes a failure small, replays it on the server, and says how it came about. */
export async function makeCounterexample(scenario: Scenario, failure: Failure, options: CounterexampleOptions): Promise<Counterexample> {
  // Where waiters cannot be held back, the smallest that the server can be made to show comes before one that is smaller still.
  const ways: MachineOptions[] = options.postgres?.capabilities.holdsWaiters === false ? [{ resumeAtOnce: true }, {}] : [{}];
  for (const way of ways) {
    const minimised = await minimise(scenario, failure, trialsOf(scenario, failure, options, way), options.limits.minimiserPlans);
    if (minimised !== null) return describe(scenario, failure, minimised, way, options);
  }
  return describe(scenario, failure, { found: asFound(failure), minimal: false }, {}, options);
}

function trialsOf(scenario: Scenario, failure: Failure, { postgres }: CounterexampleOptions, way: MachineOptions): Trials {
  if (!failure.onServerOnly)
    return { search: searchOnModel(scenario, modelOf(postgres), way), rerun: rerunOn(scenario, modelOf(postgres), way) };
  if (postgres === null) throw new Error('a failure of the server alone needs a server to be made small');
  return { search: searchOnServer(scenario, postgres), rerun: rerunOn(scenario, postgres), inexact: true };
}

/** A model of the server's major version. */
const modelOf = (postgres: PostgresEngine | null): ModelEngine => new ModelEngine({ major: postgres?.server.major ?? null });

/** What was found, up to the violation, where it could not be made smaller. */
function asFound({ plan, schedule, steps, switches }: Failure): SmallFailure {
  return { plan, schedule: schedule.slice(0, steps), steps, switches, interleavings: null, violating: null };
}

async function describe(
  scenario: Scenario,
  failure: Failure,
  { found: small, minimal, fewestActors }: Minimised,
  way: MachineOptions,
  options: CounterexampleOptions,
): Promise<Counterexample> {
  const { plan } = small;
  const { postgres, limits } = options;
  // The schedule ends with the violation; what is left of the actors is run to its end, so that a replay ends cleanly.
  const model = failure.onServerOnly
    ? null
    : await complete(new Machine(scenario, plan, modelOf(postgres), { ...way, sites: true }), small.schedule);
  const server = postgres === null ? null : new Machine(scenario, plan, postgres, { sites: true });
  const recorded = model ?? (await complete(server!, small.schedule));
  const { matched, of } = await (server === null
    ? replayOften(new Machine(scenario, plan, modelOf(null)), recorded, failure, limits.replays)
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
    ...(fewestActors && { fewestActors }),
    confirmedOnPostgres: server !== null && matched === of,
    replays: { matched, of },
    shrunkFrom: {
      actors: failure.plan.actors.length,
      ...(failure.plan.faults === undefined ? {} : { faults: failure.plan.faults.length }),
      steps: failure.steps,
      switches: failure.switches,
    },
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
      const done = await patiently(() => run(machine, replay(recorded.schedule, machine.actorNames, machine.engine.name === 'postgres')));
      const again = done.violations.some(
        ({ violation }) => violation.invariant === failure.invariant && violation.resource === failure.resource,
      );
      const held = new StepHashes();
      const hashes = done.steps.map((step, index) => held.of(step, recorded.hashes[index]));
      if (again && hashes.join() === recorded.hashes.join()) matched += 1;
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
  const once = () => patiently(() => run(machine, following(schedule)));
  const done: Run<S> = await once();
  // A server may draw values of its own, which only a second run shows.
  const again = machine.engine.name === 'postgres' ? (await once()).steps : null;
  return { schedule: scheduleOf(done), hashes: hashesOf(done.steps, again), history: recordHistory(machine, done) };
}
