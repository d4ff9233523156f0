/**
 * PostgreSQL's deadlock detector (src/backend/storage/lmgr/deadlock.c; README, "The Deadlock Detection Algorithm"). A waiter looks for cycles through
 * itself. A *hard* edge leads to a holder of the lock, a *soft* one to a waiter that stands before it in the queue. Where a cycle has soft edges, the
 * detector looks for an order of the queues that leaves no cycle, and puts the waiters in that order instead of raising an error.
 */
import { type ActorIndex, UnmodelledError } from '../contract.js';
import { type HeavyLocks, modesConflict, type Request } from './heavy-locks.js';
import type { Wait } from './state.js';

/** Queues that are to be put in another order, by resource. */
export type Reordered = ReadonlyMap<string, readonly Request[]>;

/** What a waiter's look comes to: an error, no deadlock, or queues in another order. */
export type Detected = 'deadlock' | 'none' | Reordered;

/** `waits`: by actor, what it waits for. */
export function detectDeadlock(waits: readonly (Wait | null)[], locks: HeavyLocks, actor: ActorIndex): Detected {
  const found = look(waits, locks, actor, false);
  // The lock's holders come in an order that the model does not keep.
  if (text(found) !== text(look(waits, locks, actor, true)))
    throw new UnmodelledError('a deadlock by the order of queues that can be put in order in more than one way');
  return found;
}

function look(waits: readonly (Wait | null)[], locks: HeavyLocks, actor: ActorIndex, backwards: boolean): Detected {
  const detector = new Detector(waits, locks, backwards);
  if (!detector.solves(actor, [])) return 'deadlock';
  return detector.orders.size === 0 ? 'none' : detector.orders;
}

const text = (found: Detected): string =>
  typeof found === 'string' ? found : JSON.stringify([...found].map(([resource, queue]) => [resource, queue.map(({ actor }) => actor)]));

/** A soft edge; as a constraint it is turned round: the waiter is to come before the blocker. */
interface Edge {
  readonly resource: string;
  readonly waiter: ActorIndex;
  readonly blocker: ActorIndex;
}

class Detector {
  /** The queues that the constraints ask for. */
  orders = new Map<string, readonly Request[]>();
  readonly #waits: readonly (Wait | null)[];
  readonly #locks: HeavyLocks;
  readonly #backwards: boolean;

  constructor(waits: readonly (Wait | null)[], locks: HeavyLocks, backwards: boolean) {
    this.#waits = waits;
    this.#locks = locks;
    this.#backwards = backwards;
  }

  /** Whether some more constraints leave no cycle (DeadLockCheckRecurse). */
  solves(actor: ActorIndex, constraints: readonly Edge[]): boolean {
    const edges = this.#test(actor, constraints);
    if (edges === null) return false;
    return edges.length === 0 || edges.some((edge) => this.solves(actor, [...constraints, edge]));
  }

  /** Soft edges of a cycle that is left; null where one has none, or where the constraints contradict each other (TestConfiguration). */
  #test(actor: ActorIndex, constraints: readonly Edge[]): readonly Edge[] | null {
    this.orders = new Map();
    // The last constraint comes first: no other can have become unfulfillable.
    for (const [index, { resource }] of [...constraints.entries()].reverse()) {
      if (this.orders.has(resource)) continue;
      const order = sorted(
        this.#queue(resource),
        constraints.slice(0, index + 1).filter((edge) => edge.resource === resource),
      );
      if (order === null) return null;
      this.orders.set(resource, order);
    }
    let soft: readonly Edge[] = [];
    for (const start of [...constraints.flatMap(({ waiter, blocker }) => [waiter, blocker]), actor]) {
      const cycle = this.#cycle(start, start, new Set());
      if (cycle?.length === 0) return null;
      if (cycle !== null) soft = cycle;
    }
    return soft;
  }

  #queue = (resource: string): readonly Request[] => this.#locks.get(resource)?.queue ?? [];

  /** The soft edges of a way from here back to the start, the last first; null where there is none (FindLockCycleRecurse). */
  #cycle(start: ActorIndex, at: ActorIndex, visited: Set<ActorIndex>): readonly Edge[] | null {
    if (visited.has(at)) return at === start ? [] : null;
    visited.add(at);
    const wait = this.#waits[at] ?? null;
    // A wait for a safe snapshot is no wait for a lock.
    if (wait === null || wait.on === 'snapshot') return null;
    if (wait.on === 'transaction') return this.#cycle(start, wait.actor, visited);
    const { resource } = wait;
    const own = this.#queue(resource).find((request) => request.actor === at);
    if (own === undefined) return null;
    const conflicts = (request: Request) => request.actor !== at && modesConflict(own.mode, request.mode);
    const holders = (this.#locks.get(resource)?.granted ?? []).filter(conflicts);
    for (const holder of this.#backwards ? holders.reverse() : holders) {
      const found = this.#cycle(start, holder.actor, visited);
      if (found !== null) return found;
    }
    for (const ahead of this.orders.get(resource) ?? this.#queue(resource)) {
      if (ahead.actor === at) break;
      if (!conflicts(ahead)) continue;
      const found = this.#cycle(start, ahead.actor, visited);
      if (found !== null) return [...found, { resource, waiter: at, blocker: ahead.actor }];
    }
    return null;
  }
}

/** The queue with every waiter before its blocker, and else as it was: built from its end, of those that may come last the last (TopoSort). */
function sorted(queue: readonly Request[], constraints: readonly Edge[]): readonly Request[] | null {
  const left = [...queue];
  const order: Request[] = [];
  while (left.length > 0) {
    const mayBeLast = ({ actor }: Request) =>
      !constraints.some(({ waiter, blocker }) => waiter === actor && left.some((other) => other.actor === blocker));
    const at = left.findLastIndex(mayBeLast);
    if (at < 0) return null;
    order.unshift(...left.splice(at, 1));
  }
  return order;
}
