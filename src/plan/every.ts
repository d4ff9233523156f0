import type { Bounds } from './bounds.js';
import { MOST_PLANS } from './counts.js';
import type { PlanForm } from './form.js';
import { valuesOf } from './generators.js';
import type { Plan } from './plan.js';
import { countMultisets, multisets, type Values } from './values.js';

/** How many plans a workload has, up to symmetry: so many, or no more than so many where that is not `exact`. */
export interface PlanTotal {
  readonly count: bigint;
  readonly exact: boolean;
}

/** What the plans of a workload are made of: capacities, and the inputs of each role. */
interface Parts {
  readonly capacities: Values<number>;
  readonly inputs: readonly Values<unknown>[];
}

/**
 * Every plan of a workload, up to symmetry: plans that differ only in which of several like actors does what are one. Those that differ in the ids that
 * they name are not: nothing shows beforehand that code treats two ids alike.
 */
export class EveryPlan {
  readonly #form: PlanForm;
  readonly #parts: Parts;
  readonly #total: PlanTotal;

  private constructor(form: PlanForm, parts: Parts) {
    this.#form = form;
    this.#parts = parts;
    this.#total = this.#count();
  }

  /** Null where a generator does not say which values it has. */
  static of(form: PlanForm): EveryPlan | null {
    const capacities = valuesOf(form.capacity);
    const inputs = form.workload.roles.map((role) => valuesOf(role.input));
    if (capacities === null || !inputs.every((values) => values !== null)) return null;
    return new EveryPlan(form, { capacities, inputs });
  }

  get total(): PlanTotal {
    return this.#total;
  }

  #count(): PlanTotal {
    const { capacities, inputs } = this.#parts;
    const ofRole = (values: Values<unknown>, { min, max }: Bounds) =>
      range(min, max).reduce((sum, size) => sum + countMultisets(values.count, size), 0n);
    const count = inputs.reduce((product, values, role) => product * ofRole(values, this.#form.bounds[role]!), capacities.count);
    if (!this.#mayMeet()) return { count, exact: true };
    if (count > MOST_PLANS) return { count, exact: false };
    return { count: BigInt([...this.smallest()].length), exact: true };
  }

  /** Whether two roles may give the same plan in two ways: their actors have no names of their own, and do the same. */
  #mayMeet(): boolean {
    const { roles } = this.#form.workload;
    const free = roles.filter(({ name }) => name === undefined).map(({ operation }) => operation);
    return new Set(free).size < free.length;
  }

  /** Every plan once: those with fewer actors first, then those with the smaller inputs and capacity, added up. */
  *smallest(): Generator<Plan> {
    const seen = this.#mayMeet() ? new Set<string>() : null;
    for (const plan of this.#inOrder()) {
      const key = seen === null ? '' : this.#form.key(plan);
      if (seen?.has(key)) continue;
      seen?.add(key);
      yield plan;
    }
  }

  *#inOrder(): Generator<Plan> {
    const { bounds } = this.#form;
    const [least, most] = [bounds.reduce((sum, { min }) => sum + min, 0), bounds.reduce((sum, { max }) => sum + max, 0)];
    for (const actors of range(least, most)) yield* this.#ofSizes([...sizesOf(bounds, actors)]);
  }

  /** The plans that have one of these numbers of each role's actors, by their weight. */
  *#ofSizes(all: readonly (readonly number[])[]): Generator<Plan> {
    const { capacities, inputs } = this.#parts;
    const heaviest = (sizes: readonly number[]) =>
      sizes.reduce((sum, size, role) => sum + size * (inputs[role]!.tiers - 1), capacities.tiers - 1);
    const most = all.reduce((max, sizes) => Math.max(max, heaviest(sizes)), -1);
    for (let weight = 0; weight <= most; weight += 1)
      for (const sizes of all)
        for (let mine = 0; mine <= Math.min(weight, capacities.tiers - 1); mine += 1)
          for (const capacity of capacities.tier(mine))
            for (const chosen of inputsOf(inputs, sizes, weight - mine)) yield this.#form.fill(capacity, chosen);
  }
}

const range = (from: number, to: number): number[] => Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);

/** Every way to have so many actors: how many of each role. */
function* sizesOf(bounds: readonly Bounds[], actors: number): Generator<number[]> {
  const [first, ...rest] = bounds;
  if (first === undefined) {
    if (actors === 0) yield [];
    return;
  }
  for (let size = first.min; size <= Math.min(first.max, actors); size += 1)
    for (const others of sizesOf(rest, actors - size)) yield [size, ...others];
}

/** Inputs of each role, with this weight in all. */
function* inputsOf(inputs: readonly Values<unknown>[], sizes: readonly number[], weight: number): Generator<unknown[][]> {
  const [values, ...rest] = inputs;
  const [size, ...others] = sizes;
  if (values === undefined || size === undefined) {
    if (weight === 0) yield [];
    return;
  }
  const most = rest.reduce((sum, { tiers }, index) => sum + others[index]! * (tiers - 1), 0);
  const mineAtMost = Math.min(weight, size * (values.tiers - 1));
  for (let mine = Math.max(0, weight - most); mine <= mineAtMost; mine += 1)
    for (const chosen of multisets(values, size, mine)) for (const left of inputsOf(rest, others, weight - mine)) yield [chosen, ...left];
}
