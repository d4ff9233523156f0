import type { Failure, Fingerprint } from '../outcome.js';
import { simplerPlans, smallerPlans } from '../plan/draw.js';
import { fewerFaults } from '../plan/fault.js';
import { type Plan, type PlanActor, planWith } from '../plan/plan.js';
import type { Scenario } from '../scenario.js';
import { type OrderedPlan, orderEntry, smallerOrders } from '../schedule/arbitrary.js';
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
export type SearchPlan = (plan: Plan, failure: Fingerprint) => Promise<SmallFailure | null | 'unknown'>;

/** Runs a plan in an order, and says how it failed in the given way; null where it did not. */
export type RerunPlan = (ordered: OrderedPlan, failure: Fingerprint) => Promise<SmallFailure | null>;

/** The ways in which a plan can be tried: `search` is null where only runs can be had, as on the server alone. */
export interface Trials {
  readonly search: SearchPlan | null;
  /** `search` says whether a plan fails, and not with how few steps: what it finds is made smaller run by run. Default false. */
  readonly inexact?: boolean;
  readonly rerun: RerunPlan;
}

export interface Minimised {
  readonly found: SmallFailure;
  /** No smaller failure exists among the plan's actors, and the inputs and capacities that its workload shrinks to. */
  readonly minimal: boolean;
  /** No plan with fewer actors or faults fails; the order may not be the smallest. */
  readonly fewestActors?: true;
}

/** Answers `unknown` after which a search is given up: what comes next is larger still. */
const MAX_UNKNOWN = 10;

/**
 * The smallest failure with the same fingerprint. Smaller means, in this order: fewer actors, fewer faults, fewer context switches, fewer steps,
 * smaller inputs and capacity. Where plans can be searched the smallest is computed; else the failure is made smaller run by run, as far as that goes.
 */
export async function minimise(
  scenario: Scenario,
  failure: Failure,
  { search, rerun, inexact = false }: Trials,
  maxPlans: number,
): Promise<Minimised | null> {
  const smallest = search === null ? null : await searchSmallest(scenario, failure, search, maxPlans);
  if (smallest !== null && !inexact) return smallest;
  if (smallest !== null) {
    const { plan, schedule } = smallest.found;
    const found = (await shrink(scenario, { ...failure, plan, schedule }, rerun, maxPlans)) ?? smallest.found;
    return { found, minimal: false, ...(smallest.minimal && { fewestActors: true }) };
  }
  const found = await shrink(scenario, failure, rerun, maxPlans);
  return found === null ? null : { found, minimal: false };
}

/** Plans are searched from small to large, all of one size before the next, so the first size that fails is the least. */
async function searchSmallest(scenario: Scenario, failure: Failure, search: SearchPlan, maxPlans: number): Promise<Minimised | null> {
  const { plan } = failure;
  const domain = smallerPlans(scenario, plan);
  const groups = groupsOf(plan, domain.inputs);
  let certain = domain.complete;
  let searched = 0;
  let unknown = 0;
  for (const sameSize of bySize(plan, groups, domain.capacities)) {
    let best: SmallFailure | null = null;
    for (const candidate of sameSize) {
      if (searched >= maxPlans || unknown >= MAX_UNKNOWN) {
        certain = false;
        break;
      }
      searched += 1;
      const found = await search(candidate, failure);
      if (found === 'unknown') {
        certain = false;
        unknown += 1;
      } else if (found !== null && (best === null || isSmaller(sizeOf(found), sizeOf(best)))) best = found;
    }
    if (best !== null) return { found: best, minimal: certain };
  }
  return null;
}

/** Takes the first order that fails alike and comes out smaller, again and again, until none does. */
async function shrink(scenario: Scenario, failure: Failure, rerun: RerunPlan, maxRuns: number): Promise<SmallFailure | null> {
  const simplify = (plan: Plan) => simplerPlans(scenario, plan);
  const orderOf = ({ plan, schedule }: SmallFailure): OrderedPlan => ({ plan, order: schedule.map(orderEntry) });
  let best = await rerun({ plan: failure.plan, order: failure.schedule.map(orderEntry) }, failure);
  if (best === null) return null;
  let candidates = smallerOrders(orderOf(best), simplify);
  for (let runs = 0; runs < maxRuns; runs += 1) {
    const { value, done } = candidates.next();
    if (done) break;
    const found = await rerun(value, failure);
    // An order leaves the rest of a run open: what has run is what counts, and only what is smaller is taken, so this comes to an end.
    if (found === null || !isSmaller(sizeOf(found), sizeOf(best))) continue;
    best = found;
    candidates = smallerOrders(orderOf(best), simplify);
  }
  return best;
}

const sizeOf = ({ plan, switches, steps }: SmallFailure): number[] => [
  plan.actors.length,
  plan.faults?.length ?? 0,
  switches,
  steps,
  weightOf(plan),
];

/** Compares sizes from the first, which weighs most, to the last. */
function isSmaller(left: readonly number[], right: readonly number[]): boolean {
  const first = left.findIndex((value, index) => value !== right[index]);
  return first >= 0 && left[first]! < right[first]!;
}

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

/** Actors that do the same with the same inputs: they differ in names only, so that it matters how many of them take part, not which. */
interface Group {
  readonly actors: readonly { readonly index: number; readonly actor: PlanActor }[];
  /** The inputs that theirs shrinks to. */
  readonly inputs: readonly unknown[];
}

function groupsOf(plan: Plan, inputs: readonly (readonly unknown[])[]): Group[] {
  const groups = new Map<string, { actors: { index: number; actor: PlanActor }[]; inputs: readonly unknown[] }>();
  plan.actors.forEach((actor, index) => {
    const key = JSON.stringify([actor.operation, actor.input, inputs[index]]);
    const group = groups.get(key) ?? { actors: [], inputs: inputs[index]! };
    group.actors.push({ index, actor });
    groups.set(key, group);
  });
  return [...groups.values()];
}

/** Plans by the number of their actors, then of their faults. */
function* bySize(plan: Plan, groups: readonly Group[], capacities: readonly number[]): Generator<Iterable<Plan>> {
  const { faults = [] } = plan;
  for (let size = 1; size <= plan.actors.length; size += 1)
    for (let count = 0; count <= faults.length; count += 1) yield withFewerFaults(plan, count, size, groups, capacities);
}

function* withFewerFaults(
  plan: Plan,
  count: number,
  size: number,
  groups: readonly Group[],
  capacities: readonly number[],
): Generator<Plan> {
  for (const faults of fewerFaults(plan.faults ?? [], count)) yield* candidates(planWith(plan, faults), size, groups, capacities);
}

/** Plans of a given number of actors, with every combination of smaller inputs and capacities, none twice. */
function* candidates(plan: Plan, size: number, groups: readonly Group[], capacities: readonly number[]): Generator<Plan> {
  const seen = new Set<string>();
  for (const chosen of choose(groups, size)) {
    const actors = [...chosen].sort((left, right) => left.index - right.index).map(({ actor }) => actor);
    for (const capacity of capacities) {
      const key = JSON.stringify([capacity, actors.map((actor) => JSON.stringify([actor.operation, actor.input])).sort()]);
      if (seen.has(key)) continue;
      seen.add(key);
      yield { ...plan, capacity, actors };
    }
  }
}

type Chosen = { readonly index: number; readonly actor: PlanActor };

/** Every way to take so many actors, as many from each group as there are, with inputs in no particular order. */
function* choose(groups: readonly Group[], size: number): Generator<Chosen[]> {
  const [group, ...rest] = groups;
  if (size === 0) yield [];
  if (group === undefined || size === 0) return;
  for (let count = Math.min(size, group.actors.length); count >= 0; count -= 1)
    for (const inputs of multisets(group.inputs, count)) {
      const mine = inputs.map((input, position): Chosen => {
        const { index, actor } = group.actors[position]!;
        return { index, actor: { ...actor, input } };
      });
      for (const others of choose(rest, size - count)) yield [...mine, ...others];
    }
}

function* multisets<T>(values: readonly T[], count: number, from = 0): Generator<T[]> {
  if (count === 0) {
    yield [];
    return;
  }
  for (let first = from; first < values.length; first += 1)
    for (const rest of multisets(values, count - 1, first)) yield [values[first]!, ...rest];
}
