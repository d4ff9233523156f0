import type { PlanOutcome } from '../outcome.js';
import type { PlanCounts } from '../plan/counts.js';
import type { PlanCovering } from '../plan/covering.js';
import type { Plan } from '../plan/plan.js';

/** What exploring one plan came to, with whatever else the caller keeps of it. */
interface Explored {
  readonly outcome: PlanOutcome;
}

/** Steps that a sampled schedule on the server counts as. */
const STEPS_OF_A_RUN = 10;

/** What a plan has cost of the budget. */
function stepsOf({ limits, model, postgres }: PlanOutcome): number {
  // When the time is up no other plan is begun.
  if (limits.includes('time')) return Number.POSITIVE_INFINITY;
  return model === null ? (postgres?.runs ?? 0) * STEPS_OF_A_RUN : model.transitions;
}

type Settled<R> = { readonly result: R; readonly steps: number } | { readonly error: unknown; readonly steps: number };

/**
 * Explores the plans of a workload in their order, as many as the budget of steps allows, and those that the seed gives besides. Some are explored at
 * once; one that turns out to be beyond the budget is left out of the results, so that
 * they are the same however many are.
 */
export async function coverPlans<R extends Explored>(
  covering: PlanCovering,
  explore: (plan: Plan) => Promise<R>,
  atOnce: number,
): Promise<{ readonly results: readonly R[]; readonly counts: PlanCounts }> {
  const results = await exploreWithin(covering.plans, covering.steps ?? Number.POSITIVE_INFINITY, explore, atOnce);
  const inTime = results.every(({ outcome }) => !outcome.limits.includes('time'));
  const besides = inTime ? covering.besides(results.length) : [];
  const more = await exploreWithin(besides, Number.POSITIVE_INFINITY, explore, atOnce);
  return { results: [...results, ...more], counts: covering.counts(results.length, more.length) };
}

async function exploreWithin<R extends Explored>(
  plans: readonly Plan[],
  budget: number,
  explore: (plan: Plan) => Promise<R>,
  atOnce: number,
): Promise<R[]> {
  const settled: (Settled<R> | undefined)[] = [];
  let next = 0;
  // Unfinished plans count as nothing yet: what is found to be too late has been begun for nothing, and what is in time has been begun.
  const isSpent = () => settled.slice(0, next).reduce((sum, item) => sum + (item?.steps ?? 0), 0) >= budget;
  const lane = async () => {
    while (next < plans.length && !isSpent()) {
      const index = next;
      next += 1;
      settled[index] = await explore(plans[index]!).then(
        (result) => ({ result, steps: stepsOf(result.outcome) }),
        (error: unknown) => ({ error, steps: Number.POSITIVE_INFINITY }),
      );
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, plans.length) }, lane));
  const results: R[] = [];
  let steps = 0;
  for (const item of settled) {
    if (steps >= budget || item === undefined) break;
    if ('error' in item) throw item.error;
    results.push(item.result);
    steps += item.steps;
  }
  return results;
}
