/** A specification's schedules on a server, by lastseat: alone, and in lockstep with the model. */
import { ModelEngine } from '../src/engine/model/engine.js';
import type { ModelState } from '../src/engine/model/state.js';
import type { PostgresEngine } from '../src/engine/postgres/engine.js';
import { dpor } from '../src/explore/dpor/dpor.js';
import { ForetoldSteps, KnownSteps } from '../src/explore/foretold.js';
import { lockstep } from '../src/explore/lockstep.js';
import { search } from '../src/explore/search.js';
import { DEFAULT_LIMITS } from '../src/limits.js';
import { Machine } from '../src/machine.js';
import { run } from '../src/run.js';
import { replay } from '../src/schedule/replay.js';
import type { Specification } from './specification.js';

/** Schedules until the rate is steady: before that it is the compiler's time that is measured. */
const WARM_UP = 400;

export interface SpecificationRuns {
  readonly alone: () => Promise<void>;
  readonly together: () => Promise<void>;
  /** The orders of the plan that matter, one after the other; answers with the number of executions. */
  readonly everyOrder: () => Promise<number>;
  /** Runs schedules until the process is warm; with `quick`, all of them once. */
  readonly warmUp: (quick: boolean) => Promise<void>;
}

/** As an exploration does it: the model's side of each transition is computed once. */
export async function specificationRuns({ scenario, plan, schedules }: Specification, engine: PostgresEngine): Promise<SpecificationRuns> {
  const modelEngine = new ModelEngine();
  const model = new Machine(scenario, plan, modelEngine);
  const steps = new KnownSteps<ModelState>();
  const { graph } = await search(model, modelEngine, { maxStates: DEFAULT_LIMITS.maxStates, remember: steps.remember });
  const foretold = new ForetoldSteps(model, graph, steps);
  const ours = new Machine(scenario, plan, engine);
  const alone = async () => {
    for (const { choices } of schedules) await run(ours, replay(choices, ours.actorNames));
  };
  const together = async () => {
    for (const { choices } of schedules) {
      const { difference } = await lockstep(model, ours, choices, foretold);
      if (difference !== null)
        throw new Error(`the model and PostgreSQL differ in ${difference.what}: ${difference.model} / ${difference.server}`);
    }
  };
  const observed = new Machine(scenario, plan, engine, { observes: true });
  const everyOrder = async () => {
    const { runs, givenUp, complete } = await dpor(observed, { maxRuns: DEFAULT_LIMITS.orderRuns });
    if (!complete) throw new Error('the orders that matter are too many');
    return runs + givenUp;
  };
  const warmUp = async (quick: boolean) => {
    for (let done = 0; done < (quick ? 1 : WARM_UP); done += 2 * schedules.length) {
      await alone();
      await together();
      await everyOrder();
    }
  };
  return { alone, together, everyOrder, warmUp };
}
