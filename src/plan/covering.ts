import { grouped } from '../grouped.js';
import type { Limits } from '../limits.js';
import { MOST_PLANS, type PlanCounts } from './counts.js';
import { drawDistinct } from './draw.js';
import { EveryPlan } from './every.js';
import type { PlanForm } from './form.js';
import type { Plan } from './plan.js';

/** How many plans of a workload are wanted: as many as the limits say, as many as are given, or all. */
export type WantedPlans = 'default' | 'all' | number;

/** Draws that are made for each plan that is wanted, since the same may come again. */
const DRAWS_PER_PLAN = 4;

/** Which plans of a workload are explored. */
export class PlanCovering {
  /** In the order in which they are explored. */
  readonly plans: readonly Plan[];
  /** Steps after which no further one of them is begun; null where all are explored. */
  readonly steps: number | null;
  readonly #form: PlanForm;
  readonly #every: EveryPlan | null;
  readonly #declared: boolean;
  /** The seed gives these plans, and not their size. */
  readonly #drawn: boolean;
  /** Plans that the seed gives besides. */
  readonly #besides: number;

  /** Throws {@link TooManyPlansError}, and `RangeError` where there is no plan at all. */
  constructor(form: PlanForm, wanted: WantedPlans, limits: Pick<Limits, 'plans' | 'planSteps' | 'drawnPlans'>) {
    const declared = wanted === 'default' ? form.scenario.drawnPlans : undefined;
    const every = EveryPlan.of(form);
    this.#form = form;
    this.#every = every;
    this.#declared = declared !== undefined;
    this.#drawn = declared !== undefined || every === null;
    this.steps = wanted === 'default' && declared === undefined ? limits.planSteps : null;
    this.#besides = wanted === 'default' && !this.#drawn ? limits.drawnPlans : 0;
    // Drawing would go on for ever.
    if (every?.total.count === 0n) throw new RangeError("a filter leaves no value, or a role's `max` is less than its `min`");
    if (wanted === 'all') requireAll(form, every);
    const count = declared ?? (wanted === 'default' ? limits.plans : wanted === 'all' ? MOST_PLANS : wanted);
    this.plans = (this.#drawn ? drawDistinct(form, DRAWS_PER_PLAN * count) : take(every!.smallest(), count)).slice(0, count);
  }

  /** Plans that the seed gives besides the first of {@link plans}. */
  besides(explored: number): Plan[] {
    if (this.#besides === 0) return [];
    const known = new Set(this.plans.slice(0, explored).map((plan) => this.#form.key(plan)));
    return drawDistinct(this.#form, DRAWS_PER_PLAN * this.#besides, known).slice(0, this.#besides);
  }

  /** What is to be said of the first of {@link plans}, and of as many besides. */
  counts(explored: number, besides = 0): PlanCounts {
    return {
      explored: explored + besides,
      of: this.#every === null ? null : String(this.#every.total.count),
      exact: this.#every?.total.exact ?? false,
      drawn: (this.#drawn ? explored : 0) + besides,
      declared: this.#declared,
    };
  }
}

/** All plans of a workload were asked for, and they are too many, or their number is not known. */
export class TooManyPlansError extends Error {
  override readonly name = 'TooManyPlansError';
}

function requireAll({ scenario, workload }: PlanForm, every: EveryPlan | null): void {
  const of = `workload "${workload.name}" of ${scenario.name}`;
  if (every === null) throw new TooManyPlansError(`a generator of ${of} does not say which values it has`);
  const { count, exact } = every.total;
  if (count > MOST_PLANS)
    throw new TooManyPlansError(
      `${of} has ${exact ? '' : 'at most '}${grouped(String(count))} plans, and ${grouped(MOST_PLANS)} are explored at the most`,
    );
}

function take<T>(items: Iterable<T>, count: number): T[] {
  const taken: T[] = [];
  if (count > 0)
    for (const item of items) {
      taken.push(item);
      if (taken.length === count) break;
    }
  return taken;
}
