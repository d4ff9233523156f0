import type { Failure } from '../outcome.js';
import { smallerPlans } from '../plan/draw.js';
import type { Plan } from '../plan/plan.js';
import type { Scenario } from '../scenario.js';
import type { Choice } from '../schedule/choice.js';

/** A failing schedule of a plan, with what its size is measured by. */
export interface SmallFailure {
  readonly plan: Plan;
  readonly schedule: readonly Choice[];
  readonly switches: number;
  readonly steps: number;
  readonly interleavings: string | null;
  readonly violating: string | null;
}

/** The fewest switches, then steps, with which a plan fails in the given way; null where it does not, `unknown` where that is too much to tell. */
export type SearchPlan = (plan: Plan, failure: Failure) => Promise<SmallFailure | null | 'unknown'>;

export interface Minimised {
  readonly found: SmallFailure;
  /** No smaller failure exists among the plan's actors, and the inputs and capacities that its workload shrinks to. */
  readonly minimal: boolean;
}

/**
 * The smallest failure with the same fingerprint. Smaller means, in this order: fewer actors, fewer context switches, fewer steps, smaller
 * inputs and capacity. Plans are searched from small to large, all of one size before the next, so the first size that fails is the least.
 */
export async function minimise(scenario: Scenario, failure: Failure, searchPlan: SearchPlan, maxPlans: number): Promise<Minimised | null> {
  const { plan } = failure;
  const domain = smallerPlans(scenario, plan);
  let certain = domain.complete;
  let searched = 0;
  for (let size = 1; size <= plan.actors.length; size += 1) {
    let best: { failure: SmallFailure; weight: number } | null = null;
    const seen = new Set<string>();
    for (const candidate of candidates(plan, size, domain)) {
      const key = alike(candidate);
      if (seen.has(key)) continue;
      seen.add(key);
      if (searched >= maxPlans) {
        certain = false;
        break;
      }
      searched += 1;
      const found = await searchPlan(candidate, failure);
      if (found === 'unknown') certain = false;
      else if (found !== null) {
        const weight = weightOf(candidate);
        if (best === null || smaller(found, weight, best.failure, best.weight)) best = { failure: found, weight };
      }
    }
    if (best !== null) return { found: best.failure, minimal: certain };
  }
  return null;
}

function smaller(left: SmallFailure, leftWeight: number, right: SmallFailure, rightWeight: number): boolean {
  if (left.switches !== right.switches) return left.switches < right.switches;
  if (left.steps !== right.steps) return left.steps < right.steps;
  return leftWeight < rightWeight;
}

/** Plans whose actors do the same with the same inputs differ in names only. */
const alike = (plan: Plan): string => JSON.stringify([plan.capacity, plan.actors.map((actor) => [actor.operation, actor.input])]);

/** Numbers in inputs and capacity, added up. */
function weightOf(plan: Plan): number {
  const sum = (value: unknown): number =>
    typeof value === 'number'
      ? Math.abs(value)
      : typeof value === 'object' && value !== null
        ? Object.values(value).reduce((total: number, item) => total + sum(item), 0)
        : 0;
  return plan.capacity + plan.actors.reduce((total, actor) => total + sum(actor.input), 0);
}

/** Plans of a given number of actors, with every combination of smaller inputs and capacities. */
function* candidates(
  plan: Plan,
  size: number,
  domain: { capacities: readonly number[]; inputs: readonly (readonly unknown[])[] },
): Generator<Plan> {
  for (const kept of subsets(plan.actors.length, size))
    for (const capacity of domain.capacities)
      for (const inputs of combinations(kept.map((index) => domain.inputs[index]!)))
        yield { ...plan, capacity, actors: kept.map((index, position) => ({ ...plan.actors[index]!, input: inputs[position] })) };
}

function* subsets(of: number, size: number, from = 0): Generator<number[]> {
  if (size === 0) {
    yield [];
    return;
  }
  for (let first = from; first <= of - size; first += 1) for (const rest of subsets(of, size - 1, first + 1)) yield [first, ...rest];
}

function* combinations(lists: readonly (readonly unknown[])[]): Generator<unknown[]> {
  const [first, ...rest] = lists;
  if (first === undefined) {
    yield [];
    return;
  }
  for (const value of first) for (const others of combinations(rest)) yield [value, ...others];
}
