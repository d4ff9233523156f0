import type { Ending } from '../actor/finished.js';
import type { Machine } from '../machine.js';
import type { OperationFigures, PlanActivity } from '../outcome.js';
import type { Run } from '../run.js';
import { childrenFirst, type StateGraph } from './graph.js';

/** What actors do in a plan, by operation: counts over interleavings where all of them are known, over runs where they are sampled. */
export class Activity {
  readonly #names: readonly string[];
  readonly #operations: ReadonlyMap<string, Tally>;
  #overlap = false;

  constructor(operations: readonly string[]) {
    this.#names = operations;
    this.#operations = new Map(operations.map((name) => [name, new Tally()]));
  }

  /** So many interleavings or runs have come to their ends. */
  ran(times: bigint): void {
    for (const name of this.#names) this.#operations.get(name)!.due += times;
  }

  ended(actor: number, ending: Ending, times: bigint): void {
    this.#operations.get(this.#names[actor]!)!.add(ending, times);
  }

  overlapped(): void {
    this.#overlap = true;
  }

  get figures(): Record<string, OperationFigures> {
    return this.#collect((tally) => tally.figures);
  }

  get activity(): PlanActivity {
    return { overlap: this.#names.length < 2 ? null : this.#overlap, operations: this.#collect((tally) => tally.activity) };
  }

  #collect<T>(pick: (tally: Tally) => T): Record<string, T> {
    return Object.fromEntries([...this.#operations].map(([name, tally]) => [name, pick(tally)]));
  }
}

class Tally {
  /** Operations that were begun. */
  due = 0n;
  #ended = 0n;
  #silent = 0n;
  #erred = 0n;
  #returned = 0n;
  #firstError: string | null = null;
  readonly #refused = new Map<string, bigint>();
  readonly #threw = new Map<string, bigint>();

  add({ kind, code, message, slip, silent }: Ending, times: bigint): void {
    this.#ended += times;
    if (silent) this.#silent += times;
    if (slip !== null) this.#erred += times;
    this.#firstError ??= slip ?? message;
    if (kind === 'returned') this.#returned += times;
    else {
      const counts = kind === 'refused' ? this.#refused : this.#threw;
      counts.set(code, (counts.get(code) ?? 0n) + times);
    }
  }

  get figures(): OperationFigures {
    const unended = this.due - this.#ended;
    return {
      returned: String(this.#returned),
      refused: asText(this.#refused),
      threw: asText(this.#threw),
      ...(unended > 0n && { unended: String(unended) }),
    };
  }

  get activity(): PlanActivity['operations'][string] {
    const ended = this.#ended > 0n;
    return {
      silent: ended && this.#silent === this.#ended,
      slipped: ended && this.#erred === this.#ended,
      firstError: this.#firstError,
    };
  }
}

/** By code, in an order of its own. */
const asText = (counts: ReadonlyMap<string, bigint>): Record<string, string> =>
  Object.fromEntries([...counts].sort(([left], [right]) => (left < right ? -1 : 1)).map(([code, count]) => [code, String(count)]));

const operationsOf = <S>({ plan }: Machine<S>): string[] => plan.actors.map(({ operation }) => operation);

/** Over all interleavings of a graph: each ending counts as often as there are ways through it. */
export function activityIn<S>(machine: Machine<S>, graph: StateGraph): Activity {
  const activity = new Activity(operationsOf(machine));
  const order = childrenFirst(graph);
  const onwards = new Array<bigint>(graph.nodes.length);
  for (const { id, edges } of order) onwards[id] = edges.length === 0 ? 1n : edges.reduce((sum, edge) => sum + onwards[edge.to.id]!, 0n);
  const all = onwards[graph.root.id]!;
  activity.ran(all);
  for (const { actor, ending } of graph.endedAtStart) activity.ended(actor, ending, all);
  const ways = new Array<bigint>(graph.nodes.length).fill(0n);
  ways[graph.root.id] = 1n;
  for (const { id, edges } of order.reverse())
    for (const { to, endings } of edges) {
      ways[to.id]! += ways[id]!;
      for (const { actor, ending } of endings) activity.ended(actor, ending, ways[id]! * onwards[to.id]!);
    }
  if (graph.overlap) activity.overlapped();
  return activity;
}

/** Over runs. */
export class SampledActivity<S> {
  readonly #machine: Machine<S>;
  readonly activity: Activity;

  constructor(machine: Machine<S>) {
    this.#machine = machine;
    this.activity = new Activity(operationsOf(machine));
  }

  note({ first, steps }: Run<S>): void {
    const machine = this.#machine;
    this.activity.ran(1n);
    for (const { actor, ending } of machine.endedBetween(null, first)) this.activity.ended(actor, ending, 1n);
    for (const step of steps) {
      for (const { actor, ending } of machine.endedBetween(step.before, step.after)) this.activity.ended(actor, ending, 1n);
      if (machine.overlaps(step)) this.activity.overlapped();
    }
  }
}
