import { type Choice, sameChoice } from '../schedule/choice.js';
import { coveringSchedules, forceable } from './cover.js';
import type { GraphEdge, GraphNode, StateGraph } from './graph.js';
import type { Parting } from './lockstep.js';

/**
 * Times that the server may choose otherwise at a transition that it has taken before: the model holds what led there for one state, the server may
 * not. After that it is no way to what lies behind.
 */
const PARTINGS = 10;

/**
 * Schedules that cover a graph on a server that takes some choices itself: whether it spares a transaction a serialization failure. Where it chose
 * otherwise, the transition counts as one that cannot be forced, and the rest is covered on other ways.
 */
export class Coverage {
  readonly #graph: StateGraph;
  readonly #allowed: (node: GraphNode, edge: GraphEdge) => boolean;
  readonly #seen = new Set<GraphEdge>();
  readonly #refused = new Set<GraphEdge>();
  readonly #partings = new Map<GraphEdge, number>();

  constructor(graph: StateGraph, allowed: (node: GraphNode, edge: GraphEdge) => boolean = () => true) {
    this.#graph = graph;
    this.#allowed = (node, edge) => allowed(node, edge) && !this.#refused.has(edge);
  }

  /** Schedules that together take all that has not been seen and can be. */
  schedules(limit: number): Choice[][] {
    return coveringSchedules(this.#graph, limit, this.#allowed, new Set(this.#seen)).schedules;
  }

  /** A schedule was run, to its end or to the step at which the server parted from it. */
  note(schedule: readonly Choice[], parted: Parting | null): void {
    let node = this.#graph.root;
    for (const [index, choice] of schedule.entries()) {
      const edge = node.edges.find((item) => sameChoice(item.choice, choice))!;
      if (index === parted?.at) {
        const taken = node.edges.find((item) => sameChoice(item.choice, parted.to))!;
        const partings = (this.#partings.get(edge) ?? 0) + 1;
        this.#partings.set(edge, partings);
        // Where it is the same, it was seen, and what comes behind it was not.
        if (taken === edge || !this.#seen.has(edge) || partings >= PARTINGS) this.#refused.add(edge);
        this.#seen.add(taken);
        if (taken !== edge) this.#refused.delete(taken);
        return;
      }
      this.#seen.add(edge);
      this.#refused.delete(edge);
      node = edge.to;
    }
  }

  /** A schedule was run often, and the server never went on as it says behind its first steps. */
  refuse(schedule: readonly Choice[], followed: number): void {
    this.note(schedule.slice(0, followed), null);
    let node = this.#graph.root;
    for (const [index, choice] of schedule.entries()) {
      const edge = node.edges.find((item) => sameChoice(item.choice, choice))!;
      if (index >= followed && !this.#seen.has(edge)) this.#refused.add(edge);
      node = edge.to;
    }
  }

  get confirmed(): number {
    return this.#seen.size;
  }

  /** Transitions that cannot be forced, as far as is known. */
  get unforceable(): number {
    const reachable = forceable(this.#graph, this.#allowed);
    return this.#graph.transitions - new Set([...reachable, ...this.#seen]).size;
  }
}
