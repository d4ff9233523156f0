import type { FoundViolation } from '../invariants/check.js';
import type { Ended } from '../machine.js';
import { type Choice, isOwn } from '../schedule/choice.js';

/** A state of the merged graph. Its edges are what can happen next, in the order of the machine's choices. */
export interface GraphNode {
  readonly id: number;
  readonly violations: readonly FoundViolation[];
  /** Waiters whose blocker is gone, by actor. */
  readonly freed: readonly number[];
  edges: readonly GraphEdge[];
}

export interface GraphEdge {
  readonly choice: Choice;
  readonly to: GraphNode;
  /** Witnesses of the step, by index, as bits. */
  readonly witnesses: number;
  /** Operations that end with the step. */
  readonly endings: readonly Ended[];
}

/** All that can happen to a plan, equal states merged. It has no cycles: every step uses up something for good. */
export interface StateGraph {
  readonly root: GraphNode;
  readonly nodes: readonly GraphNode[];
  readonly transitions: number;
  /** Operations that end without a step. */
  readonly endedAtStart: readonly Ended[];
  /** Somewhere an actor takes a step while the operation of another is under way. */
  readonly overlap: boolean;
}

export interface Counts {
  /** Ways from the first state to an end. */
  readonly interleavings: bigint;
  /** Those on which some state violated an invariant. */
  readonly violating: bigint;
  /** By witness: those on which it was seen. */
  readonly witnesses: readonly bigint[];
}

/** Nodes so that every edge leads from a later one to an earlier one. */
export function childrenFirst(graph: StateGraph): GraphNode[] {
  const order: GraphNode[] = [];
  const seen = new Uint8Array(graph.nodes.length);
  const stack: { node: GraphNode; next: number }[] = [{ node: graph.root, next: 0 }];
  seen[graph.root.id] = 1;
  while (stack.length > 0) {
    const top = stack[stack.length - 1]!;
    const edge = top.node.edges[top.next];
    if (edge === undefined) {
      order.push(top.node);
      stack.pop();
      continue;
    }
    top.next += 1;
    if (seen[edge.to.id] === 1) continue;
    seen[edge.to.id] = 1;
    stack.push({ node: edge.to, next: 0 });
  }
  return order;
}

/** Exact counts over all interleavings, without walking them: each state's is the sum over its edges. */
export function count(graph: StateGraph, witnesses: number): Counts {
  const all = new Array<bigint>(graph.nodes.length);
  const bad = new Array<bigint>(graph.nodes.length);
  const seen = Array.from({ length: witnesses }, () => new Array<bigint>(graph.nodes.length));
  for (const node of childrenFirst(graph)) {
    const { id, edges } = node;
    all[id] = edges.length === 0 ? 1n : edges.reduce((sum, edge) => sum + all[edge.to.id]!, 0n);
    bad[id] = node.violations.length > 0 ? all[id] : edges.reduce((sum, edge) => sum + bad[edge.to.id]!, 0n);
    seen.forEach((counts, index) => {
      counts[id] = edges.reduce((sum, edge) => sum + (edge.witnesses & (1 << index) ? all[edge.to.id]! : counts[edge.to.id]!), 0n);
    });
  }
  const { id } = graph.root;
  return { interleavings: all[id]!, violating: bad[id]!, witnesses: seen.map((counts) => counts[id]!) };
}

/** A way through the graph: the schedule, and the state after each choice. */
export interface Path {
  readonly choices: readonly Choice[];
  readonly nodes: readonly GraphNode[];
  readonly switches: number;
}

/**
 * The way to a wanted state with the fewest faults, of those with the fewest context switches, and of those one with the fewest steps; null where
 * none leads there. A context switch is a change of actor while the former could have gone on.
 */
export function shortestTo(graph: StateGraph, wanted: (node: GraphNode) => boolean): Path | null {
  // By edge: the cost from before it to a wanted state. Children come first, so each is known when it is asked for.
  const costs = new Map<GraphEdge, number>();
  const costOf = (node: GraphNode, last: number): { cost: number; edge: GraphEdge | null } => {
    if (wanted(node)) return { cost: 0, edge: null };
    const couldGoOn = node.edges.some((edge) => edge.choice.actor === last && isOwn(edge.choice));
    let best: { cost: number; edge: GraphEdge | null } = { cost: Number.POSITIVE_INFINITY, edge: null };
    for (const edge of node.edges) {
      const cost = costs.get(edge)! + (couldGoOn && edge.choice.actor !== last ? SWITCH : 0) + (isOwn(edge.choice) ? 0 : FAULT);
      if (cost < best.cost) best = { cost, edge };
    }
    return best;
  };
  for (const node of childrenFirst(graph)) for (const edge of node.edges) costs.set(edge, 1 + costOf(edge.to, edge.choice.actor).cost);
  const nodes = [graph.root];
  const choices: Choice[] = [];
  const { cost } = costOf(graph.root, -1);
  if (cost === Number.POSITIVE_INFINITY) return null;
  for (let at = costOf(graph.root, -1).edge; at !== null; at = costOf(at.to, at.choice.actor).edge) {
    choices.push(at.choice);
    nodes.push(at.to);
  }
  return { choices, nodes, switches: Math.floor((cost % FAULT) / SWITCH) };
}

/** One switch outweighs any number of steps that a plan can have. */
const SWITCH = 1_000_000;
/** And one fault any number of switches. */
const FAULT = 1_000_000 * SWITCH;
