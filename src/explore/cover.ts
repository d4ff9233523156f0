import { type Choice, isOwn } from '../schedule/choice.js';
import { childrenFirst, type GraphEdge, type GraphNode, type StateGraph } from './graph.js';

/**
 * Few schedules that together take every transition of a graph. Each is a way from the first state to an end that takes as many
 * transitions as it can that none before it has taken; the best way is found from the ends backwards.
 */
export function coveringSchedules(
  graph: StateGraph,
  limit: number,
  allowed: (node: GraphNode, edge: GraphEdge) => boolean = () => true,
  taken: Set<GraphEdge> = new Set(),
): { schedules: Choice[][]; unforceable: number } {
  const order = childrenFirst(graph);
  const reachable = forceable(graph, allowed);
  const position = new Map(order.map((node, index) => [node.id, index]));
  const parents = new Map<number, GraphNode[]>();
  for (const node of order) for (const edge of node.edges) parents.set(edge.to.id, [...(parents.get(edge.to.id) ?? []), node]);
  const gain = new Float64Array(graph.nodes.length);
  const best: (GraphEdge | null)[] = new Array(graph.nodes.length).fill(null);
  const settle = (node: GraphNode): boolean => {
    let most = -1;
    let choice: GraphEdge | null = null;
    for (const edge of node.edges) {
      if (!reachable.has(edge)) continue;
      const value = gain[edge.to.id]! + (taken.has(edge) ? 0 : 1);
      if (value > most) {
        most = value;
        choice = edge;
      }
    }
    const changed = gain[node.id] !== Math.max(0, most);
    gain[node.id] = Math.max(0, most);
    best[node.id] = choice;
    return changed;
  };
  for (const node of order) settle(node);
  const schedules: Choice[][] = [];
  while (gain[graph.root.id]! > 0 && schedules.length < limit) {
    const path: GraphNode[] = [];
    const schedule: Choice[] = [];
    for (let node = graph.root, edge = best[node.id]!; edge != null; node = edge.to, edge = best[node.id]!) {
      path.push(node);
      schedule.push(edge.choice);
      taken.add(edge);
    }
    schedules.push(schedule);
    // Only states above the path's can have lost something.
    const stale = new Set(path.map((node) => node.id));
    const queue = [...path].sort((left, right) => position.get(left.id)! - position.get(right.id)!);
    resettle(queue, stale, parents, position, settle);
  }
  return { schedules, unforceable: graph.transitions - reachable.size };
}

/** Transitions that lie on a way of allowed ones. */
export function forceable(graph: StateGraph, allowed: (node: GraphNode, edge: GraphEdge) => boolean): Set<GraphEdge> {
  const edges = new Set<GraphEdge>();
  const seen = new Set<number>([graph.root.id]);
  const open = [graph.root];
  for (let node = open.pop(); node !== undefined; node = open.pop())
    for (const edge of node.edges) {
      if (!allowed(node, edge)) continue;
      edges.add(edge);
      if (!seen.has(edge.to.id)) open.push(edge.to);
      seen.add(edge.to.id);
    }
  return edges;
}

/**
 * What can be forced on a server that cannot be held back: a freed waiter goes on at once, and of several the order is its own. A deadlock
 * is broken before anybody else goes on, and where its victim cannot be chosen, that is the end.
 */
export const unheld =
  (choosesVictim: boolean) =>
  (node: GraphNode, { choice }: GraphEdge): boolean => {
    if (node.freed.length > 0)
      return node.freed.length === 1 && isOwn(choice) && choice.kind !== 'victim' && choice.actor === node.freed[0];
    const deadlocked = node.edges.some((edge) => edge.choice.kind === 'victim');
    return deadlocked ? choosesVictim && choice.kind === 'victim' : true;
  };

/** Brings values up to date, children first, as far up as they change. */
function resettle(
  queue: GraphNode[],
  queued: Set<number>,
  parents: ReadonlyMap<number, readonly GraphNode[]>,
  position: ReadonlyMap<number, number>,
  settle: (node: GraphNode) => boolean,
): void {
  for (let index = 0; index < queue.length; index += 1) {
    const node = queue[index]!;
    settle(node);
    for (const parent of parents.get(node.id) ?? []) {
      if (queued.has(parent.id)) continue;
      queued.add(parent.id);
      insert(queue, parent, index + 1, position);
    }
  }
}

function insert(queue: GraphNode[], node: GraphNode, from: number, position: ReadonlyMap<number, number>): void {
  const at = position.get(node.id)!;
  let low = from;
  let high = queue.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (position.get(queue[middle]!.id)! < at) low = middle + 1;
    else high = middle;
  }
  queue.splice(low, 0, node);
}
