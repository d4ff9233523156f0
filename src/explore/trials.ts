import { type Engine, UnmodelledError } from '../engine/contract.js';
import { ModelEngine } from '../engine/model/engine.js';
import type { ModelState } from '../engine/model/state.js';
import type { PostgresEngine } from '../engine/postgres/engine.js';
import { Machine, type MachineOptions } from '../machine.js';
import type { RerunPlan, SearchPlan, SmallFailure } from '../minimise/minimise.js';
import type { Fingerprint } from '../outcome.js';
import { contextSwitches, type Run, run } from '../run.js';
import type { Scenario } from '../scenario.js';
import { ordered } from '../schedule/arbitrary.js';
import { dpor } from './dpor/dpor.js';
import { count, shortestTo } from './graph.js';
import { patiently } from './patiently.js';
import { type SearchResult, search } from './search.js';

/** States after which a candidate of the minimiser counts as too large to tell. */
const CANDIDATE_STATES = 20_000;

/** What else goes wrong with a smaller plan is another failure. */
const isSame = (failure: Fingerprint, violation: Fingerprint): boolean =>
  violation.invariant === failure.invariant && violation.resource === failure.resource;

/** Looks at every interleaving of a plan on the model, or at those that the options leave. */
export const searchOnModel =
  (scenario: Scenario, engine = new ModelEngine(), options: MachineOptions = {}): SearchPlan =>
  async (plan, failure) => {
    const result = await searchIfModelled(new Machine(scenario, plan, engine, options), engine);
    if (result === null) return 'unknown';
    const { graph, complete } = result;
    const path = shortestTo(graph, (node) => node.violations.some((violation) => isSame(failure, violation)));
    if (path === null) return complete ? null : 'unknown';
    const whole = options.resumeAtOnce ? await searchIfModelled(new Machine(scenario, plan, engine), engine) : result;
    const counts = whole?.complete ? count(whole.graph, 0) : null;
    return {
      plan,
      schedule: path.choices,
      switches: path.switches,
      steps: path.choices.length,
      interleavings: counts === null ? null : String(counts.interleavings),
      violating: counts === null ? null : String(counts.violating),
    };
  };

/** Runs that looking for smaller plans may take on a server, and those of one plan. */
const SERVER_RUNS = 1_500;
const PLAN_RUNS = 300;

/** Runs the orders of a plan that matter on a server, up to the first that fails alike. */
export function searchOnServer(scenario: Scenario, engine: PostgresEngine): SearchPlan {
  let left = SERVER_RUNS;
  return async (plan, failure) => {
    const machine = new Machine(scenario, plan, engine, { observes: true });
    let found: SmallFailure | null = null;
    const { runs, givenUp, complete } = await dpor(machine, {
      maxRuns: Math.min(left, PLAN_RUNS),
      attempt: patiently,
      onRun: (result) => {
        found = failureIn(machine, result, failure);
        return found !== null;
      },
    });
    left -= runs + givenUp;
    return found ?? (complete ? null : 'unknown');
  };
}

/** What of a run is the failure, up to its violation; null where it did not fail in that way. */
function failureIn<S>(machine: Machine<S>, result: Run<S>, failure: Fingerprint): SmallFailure | null {
  const found = result.violations.find(({ violation }) => isSame(failure, violation));
  if (found === undefined) return null;
  const steps = result.steps.slice(0, found.step + 1);
  return {
    plan: machine.plan,
    schedule: steps.map((step) => step.choice),
    switches: contextSwitches(machine, steps),
    steps: steps.length,
    interleavings: null,
    violating: null,
  };
}

/** Runs a plan once, in the order given, and stops to look at the first violation that is the failure's. */
export const rerunOn =
  <S>(scenario: Scenario, engine: Engine<S>, options: MachineOptions = {}): RerunPlan =>
  async ({ plan, order }, failure) => {
    const machine = new Machine(scenario, plan, engine, options);
    const result = await patiently(() => run(machine, ordered(order)));
    return failureIn(machine, result, failure);
  };

/** A smaller plan may come to SQL that the failing one never came to. */
async function searchIfModelled(machine: Machine<ModelState>, engine: ModelEngine): Promise<SearchResult | null> {
  try {
    return await search(machine, engine, { maxStates: CANDIDATE_STATES });
  } catch (error) {
    if (error instanceof UnmodelledError) return null;
    throw error;
  }
}
