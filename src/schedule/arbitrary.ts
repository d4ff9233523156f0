import fc from 'fast-check';
import type { ActorIndex } from '../engine/contract.js';
import { numericSeed } from '../plan/draw.js';
import { fewerFaults } from '../plan/fault.js';
import { type Plan, planWith } from '../plan/plan.js';
import { type Choice, isOwn, NOBODY, sameChoice } from './choice.js';
import type { Policy } from './policy.js';

/** Whoever is named takes a step, of whatever kind; what no actor does is a choice of its own. */
export type OrderEntry = ActorIndex | Choice;

export const orderEntry = (choice: Choice): OrderEntry => (isOwn(choice) ? choice.actor : choice);

/** A plan with an order: actor ids, of which those that cannot run are skipped; when they are used up, actors finish in the plan's order. */
export interface OrderedPlan {
  readonly plan: Plan;
  readonly order: readonly OrderEntry[];
}

/** Longest drawn order, per actor. */
const STEPS_PER_ACTOR = 12;

/** Plans in which one thing is simpler, the simplest first: see `simplerPlans`. */
export type Simplify = (plan: Plan) => Iterable<Plan>;

/** Plans with drawn orders. Shrinks as {@link smallerOrders} says. */
export class OrderedPlanArbitrary extends fc.Arbitrary<OrderedPlan> {
  readonly #plans: fc.Arbitrary<Plan>;
  readonly #simplify: Simplify;

  constructor(plans: fc.Arbitrary<Plan>, simplify: Simplify = () => []) {
    super();
    this.#plans = plans;
    this.#simplify = simplify;
  }

  override generate(random: fc.Random, bias: number | undefined): fc.Value<OrderedPlan> {
    const plan = this.#plans.generate(random, bias).value_;
    const actors = plan.actors.length;
    const order: number[] = [];
    for (let index = 0; index < actors * STEPS_PER_ACTOR; index += 1) order.push(random.nextInt(0, actors - 1));
    return new fc.Value({ plan, order }, undefined);
  }

  override canShrinkWithoutContext(value: unknown): value is OrderedPlan {
    return typeof value === 'object' && value !== null && 'plan' in value && 'order' in value;
  }

  override shrink(value: OrderedPlan): fc.Stream<fc.Value<OrderedPlan>> {
    return new fc.Stream(smallerOrders(value, this.#simplify)).map((smaller) => new fc.Value(smaller, undefined));
  }
}

/**
 * The way in which counterexamples of interleavings get small: drop actors, halves first, and where that is too much of a change drop them
 * with every number at its smallest (a seat less is wanted, so a seat less must be there); drop faults; join blocks of the same actor; simplify
 * numbers.
 * Lists of naturals, fast-check's own way, end far from the minimum.
 */
export function* smallerOrders(value: OrderedPlan, simplify: Simplify): IterableIterator<OrderedPlan> {
  yield* fewerActors(value);
  for (const { plan, order } of fewerActors(value)) for (const simplest of first(simplify(plan))) yield { plan: simplest, order };
  const { faults = [] } = value.plan;
  for (const fewer of fewerFaults(faults, faults.length - 1)) yield { ...value, plan: planWith(value.plan, fewer) };
  for (const order of joinedBlocks(value.order)) yield { ...value, order };
  for (const plan of simplify(value.plan)) yield { ...value, plan };
}

function* first<T>(items: Iterable<T>): Generator<T> {
  for (const item of items) {
    yield item;
    return;
  }
}

/** The first orders of a plan under its seed. */
export function drawOrders(plan: Plan, count: number): (readonly OrderEntry[])[] {
  const orders = new OrderedPlanArbitrary(fc.constant(plan));
  return fc.sample(orders, { numRuns: count, seed: numericSeed(`${plan.seed}/orders`) }).map(({ order }) => order);
}

function* fewerActors({ plan, order }: OrderedPlan): Generator<OrderedPlan> {
  const count = plan.actors.length;
  for (let size = Math.ceil(count / 2); size >= 1 && count > 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < count; from += size) {
      const kept = plan.actors.map((_, index) => index).filter((index) => index < from || index >= from + size);
      if (kept.length === 0) continue;
      yield keepActors({ plan, order }, kept);
    }
  }
}

/** The same with some of the actors only. */
function keepActors({ plan, order }: OrderedPlan, kept: readonly number[]): OrderedPlan {
  return {
    plan: { ...plan, actors: kept.map((index) => plan.actors[index]!) },
    order: order.flatMap((entry): OrderEntry[] => {
      const actor = typeof entry === 'number' ? entry : entry.actor;
      if (actor === NOBODY) return [entry];
      const index = kept.indexOf(actor);
      return index < 0 ? [] : [typeof entry === 'number' ? index : { ...entry, actor: index }];
    }),
  };
}

/** Each block of one actor's steps moved to that actor's block before it: fewer changes of actor, and nothing lost. */
function* joinedBlocks(order: readonly OrderEntry[]): Generator<OrderEntry[]> {
  const blocks: { actor: OrderEntry; steps: number }[] = [];
  for (const actor of order) {
    const last = blocks[blocks.length - 1];
    if (last?.actor === actor) last.steps += 1;
    else blocks.push({ actor, steps: 1 });
  }
  const flat = (items: readonly { actor: OrderEntry; steps: number }[]) =>
    items.flatMap((item) => Array.from({ length: item.steps }, () => item.actor));
  for (let index = blocks.length - 1; index > 0; index -= 1) {
    const block = blocks[index]!;
    const before = blocks.slice(0, index).findLastIndex((item) => item.actor === block.actor);
    if (before < 0) continue;
    yield flat(blocks.flatMap((item, at) => (at === before ? [item, block] : at === index ? [] : [item])));
  }
}

/** Follows a drawn order on a machine. */
export function ordered(order: readonly OrderEntry[]): Policy {
  let at = 0;
  return {
    choose: (choices): Choice => {
      for (; at < order.length; at += 1) {
        const entry = order[at]!;
        const found = choices.find((choice) =>
          typeof entry === 'number' ? choice.actor === entry && isOwn(choice) : sameChoice(choice, entry),
        );
        if (found === undefined) continue;
        at += 1;
        return found;
      }
      return choices[0]!;
    },
  };
}
