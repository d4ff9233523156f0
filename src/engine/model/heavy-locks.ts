import type { ActorIndex } from '../contract.js';
import { TABLE_LOCK_MODES, type TableLockMode } from './parse.js';
import type { RowLockMode } from './statements.js';

/**
 * PostgreSQL's lock manager (src/backend/storage/lmgr/README, lock.c, proc.c): tables, and the tuple locks that order the waiters of
 * one row. Grants are counted by mode; waiters queue; a release hands the lock to those waiters at the front that conflict with
 * nobody who holds it and with nobody who waits before them.
 */
export type HeavyLocks = ReadonlyMap<string, HeavyLock>;

export interface HeavyLock {
  readonly granted: readonly Request[];
  readonly queue: readonly Request[];
}

export interface Request {
  readonly actor: ActorIndex;
  readonly mode: TableLockMode;
}

const RANK = new Map(TABLE_LOCK_MODES.map((mode, index) => [mode, index]));
/** Which modes each conflicts with, in the order of TABLE_LOCK_MODES (manual, table 13.2). */
const CONFLICTS: readonly (readonly number[])[] = [
  [7],
  [6, 7],
  [4, 5, 6, 7],
  [3, 4, 5, 6, 7],
  [2, 3, 5, 6, 7],
  [2, 3, 4, 5, 6, 7],
  [1, 2, 3, 4, 5, 6, 7],
  [0, 1, 2, 3, 4, 5, 6, 7],
];

export const modesConflict = (left: TableLockMode, right: TableLockMode): boolean => CONFLICTS[RANK.get(left)!]!.includes(RANK.get(right)!);

/** The lock manager's mode for a row lock's tuple lock (heapam.c, tupleLockExtraInfo). */
export const TUPLE_LOCK_MODES: Readonly<Record<RowLockMode, TableLockMode>> = {
  0: 'ACCESS SHARE',
  1: 'ROW SHARE',
  2: 'EXCLUSIVE',
  3: 'ACCESS EXCLUSIVE',
};

export type Acquired = { readonly result: 'granted' | 'waiting' | 'deadlock' | 'unavailable'; readonly locks: HeavyLocks };

/** Asks for a lock. `nowait` never queues: the result is then `unavailable`. */
export function acquire(locks: HeavyLocks, resource: string, actor: ActorIndex, mode: TableLockMode, nowait: boolean): Acquired {
  const lock = locks.get(resource) ?? { granted: [], queue: [] };
  const held = lock.granted.filter((request) => request.actor === actor).map((request) => request.mode);
  if (held.includes(mode)) return { result: 'granted', locks };
  const conflictsWithHolder = lock.granted.some((request) => request.actor !== actor && modesConflict(mode, request.mode));
  const grant = (): Acquired => ({
    result: 'granted',
    locks: withLock(locks, resource, { ...lock, granted: [...lock.granted, { actor, mode }] }),
  });
  if (!conflictsWithHolder && !lock.queue.some((request) => modesConflict(mode, request.mode))) return grant();
  // Whoever waits for a lock that we hold already has to wait for us in any case: we go before him (proc.c, JoinWaitQueue).
  const before = lock.queue.findIndex((request) => held.some((own) => modesConflict(own, request.mode)));
  if (before >= 0) {
    const other = lock.queue[before]!;
    const otherHolds = lock.granted.filter((request) => request.actor === other.actor);
    if (otherHolds.some((request) => modesConflict(mode, request.mode))) return { result: 'deadlock', locks };
    const aheadConflicts = lock.queue.slice(0, before).some((request) => modesConflict(mode, request.mode));
    if (!aheadConflicts && !conflictsWithHolder) return grant();
  }
  if (nowait) return { result: 'unavailable', locks };
  const at = before < 0 ? lock.queue.length : before;
  const queue = [...lock.queue.slice(0, at), { actor, mode }, ...lock.queue.slice(at)];
  return { result: 'waiting', locks: withLock(locks, resource, { ...lock, queue }) };
}

/** Gives back an actor's lock in one mode, or in all; says who got what. */
export function release(
  locks: HeavyLocks,
  resource: string,
  actor: ActorIndex,
  mode: TableLockMode | null = null,
): { locks: HeavyLocks; granted: ActorIndex[] } {
  return wake(locks, resource, (request) => request.actor !== actor || (mode !== null && request.mode !== mode));
}

/** Gives back all that an actor holds or waits for; says who got what. */
export function releaseAll(locks: HeavyLocks, actor: ActorIndex): { locks: HeavyLocks; granted: ActorIndex[] } {
  let current = locks;
  const granted: ActorIndex[] = [];
  for (const [resource, lock] of locks) {
    if (![...lock.granted, ...lock.queue].some((request) => request.actor === actor)) continue;
    const released = wake(current, resource, (request) => request.actor !== actor);
    current = released.locks;
    granted.push(...released.granted);
  }
  return { locks: current, granted };
}

/** Keeps the requests that `keep` says, and grants to waiters in order (proc.c, ProcLockWakeup). */
function wake(locks: HeavyLocks, resource: string, keep: (request: Request) => boolean): { locks: HeavyLocks; granted: ActorIndex[] } {
  const lock = locks.get(resource);
  if (lock === undefined) return { locks, granted: [] };
  const granted = lock.granted.filter(keep);
  const queue: Request[] = [];
  const woken: ActorIndex[] = [];
  for (const request of lock.queue.filter(keep)) {
    const blocked =
      queue.some((ahead) => modesConflict(request.mode, ahead.mode)) ||
      granted.some((holder) => holder.actor !== request.actor && modesConflict(request.mode, holder.mode));
    if (blocked) {
      queue.push(request);
    } else {
      granted.push(request);
      woken.push(request.actor);
    }
  }
  return { locks: withLock(locks, resource, { granted, queue }), granted: woken };
}

/** Who a waiter waits for: holders in conflict, and waiters before it in conflict (as pg_blocking_pids has it). */
export function blockers(locks: HeavyLocks, resource: string, actor: ActorIndex): { holders: ActorIndex[]; ahead: ActorIndex[] } {
  const lock = locks.get(resource);
  const at = lock?.queue.findIndex((request) => request.actor === actor) ?? -1;
  if (lock === undefined || at < 0) return { holders: [], ahead: [] };
  const { mode } = lock.queue[at]!;
  const conflicting = (requests: readonly Request[]) =>
    requests.filter((request) => request.actor !== actor && modesConflict(mode, request.mode)).map((request) => request.actor);
  return { holders: conflicting(lock.granted), ahead: conflicting(lock.queue.slice(0, at)) };
}

function withLock(locks: HeavyLocks, resource: string, lock: HeavyLock): HeavyLocks {
  const next = new Map(locks);
  if (lock.granted.length === 0 && lock.queue.length === 0) next.delete(resource);
  else next.set(resource, lock);
  return next;
}
