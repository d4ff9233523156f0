import { UnmodelledError } from '../../engine/contract.js';
import { ModelEngine } from '../../engine/model/engine.js';
import { chain } from '../../maybe-promise.js';
import type { PlanOutcome } from '../../outcome.js';
import { drawOrders, ordered } from '../../schedule/arbitrary.js';
import { delayed, delayPlacements } from '../../schedule/bounded.js';
import { pct } from '../../schedule/pct.js';
import { weighted } from '../../schedule/weighted.js';
import { refusedByModel } from '../refused.js';
import { type Policies, sampleModel, sampleServer } from '../sample.js';
import type { PlanTask } from '../task.js';
import type { Strategy } from './strategy.js';

const sampling = (name: string, summary: string, policies: Policies): Strategy => ({
  name,
  summary,
  rewinds: false,
  explore: (task) => sample(task, name, policies),
});

async function sample(task: PlanTask, name: string, policies: Policies): Promise<PlanOutcome> {
  if (!task.options.model) return sampleServer(task, (await task.options.postgres)!, policies);
  const major = chain(task.options.postgres, (postgres) => postgres?.server.major ?? null);
  const engine = new ModelEngine({ major });
  try {
    return await sampleModel(task, engine, name, policies);
  } catch (error) {
    if (!(error instanceof UnmodelledError)) throw error;
    return refusedByModel(task, error, (postgres) => sampleServer(task, postgres, policies));
  } finally {
    engine.keepShapes();
  }
}

const total = (lengths: readonly number[]): number => lengths.reduce((sum, length) => sum + length, 0);

/** All orders alike. */
export const uniform: Strategy = sampling('uniform', 'random orders, each alike', function* (plan, budget) {
  for (const order of drawOrders(plan, budget)) yield () => ordered(order);
});

export const pctOnly: Strategy = sampling('pct', 'random priorities that change a few times', function* (plan, budget, lengths) {
  for (let given = 0; given < budget; given += 1) yield () => pct(`${plan.seed}/schedule ${given}`, plan.actors.length, total(lengths));
});

/** The first run tells how long runs are. */
export const bounded: Strategy = sampling('bounded', 'all schedules with few delays', (_, budget, lengths) => fewDelays(budget, lengths));

/**
 * All schedules with few delays first, up to a third of the budget, then walks weighted by steps left and PCT in turn; each alone is blind to some
 * shape of bug.
 */
export const PORTFOLIO: Policies = function* (plan, budget, lengths) {
  let given = 0;
  for (const policy of fewDelays(Math.ceil(budget / 3), lengths)) {
    given += 1;
    yield policy;
  }
  for (; given < budget; given += 1) {
    const seed = `${plan.seed}/schedule ${given}`;
    yield given % 2 === 0 ? () => pct(seed, plan.actors.length, total(lengths)) : () => weighted(seed, lengths);
  }
};

export const portfolio: Strategy = sampling('portfolio', 'few delays, then random walks of two kinds in turn', PORTFOLIO);

function* fewDelays(budget: number, lengths: readonly number[]): ReturnType<Policies> & Generator {
  yield () => delayed([]);
  let given = 1;
  for (let delays = 1; delays <= 4 && given < budget; delays += 1)
    for (const placement of delayPlacements(delays, total(lengths))) {
      if (given >= budget) break;
      given += 1;
      yield () => delayed(placement);
    }
}
