import { type ActorIndex, UnmodelledError } from '../contract.js';
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
  /** The transaction's level that took it first, the transaction itself being 0; -1 where the session alone has it. */
  readonly level: number;
  /** How often the session has taken it: session-level advisory locks are given back as often as they were taken. Infinity where that is up to the plan. */
  readonly session: number;
}

/** Who asks: a level of the transaction, or the session, once or an unknown number of times. */
export type Owner = number | 'session' | 'session, several times';

const request = (actor: ActorIndex, mode: TableLockMode, owner: Owner): Request =>
  typeof owner === 'number' ? { actor, mode, level: owner, session: 0 } : { actor, mode, level: -1, session: timesOf(owner) };

const timesOf = (owner: Exclude<Owner, number>): number => (owner === 'session' ? 1 : Number.POSITIVE_INFINITY);

/** The same lock, taken once more (lock.c, GrantLockLocal). */
function again(held: Request, owner: Owner): Request {
  if (typeof owner !== 'number') return { ...held, session: held.session + timesOf(owner) };
  return held.level >= 0 ? held : { ...held, level: owner };
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

/** With `nowait` nobody queues: the result is then `unavailable`. Without `jumps` it is so too where he would have gone before all who wait. */
export interface Patience {
  readonly nowait: boolean;
  readonly jumps: boolean;
}

export const PATIENT: Patience = { nowait: false, jumps: true };

/** Asks for a lock. */
export function acquire(
  locks: HeavyLocks,
  resource: string,
  actor: ActorIndex,
  mode: TableLockMode,
  owner: Owner,
  { nowait, jumps }: Patience,
): Acquired {
  const lock = locks.get(resource) ?? { granted: [], queue: [] };
  const held = lock.granted.filter((request) => request.actor === actor).map((request) => request.mode);
  const same = lock.granted.find((item) => item.actor === actor && item.mode === mode);
  if (same !== undefined) {
    const taken = again(same, owner);
    if (taken === same) return { result: 'granted', locks };
    const granted = lock.granted.map((item) => (item === same ? taken : item));
    return { result: 'granted', locks: withLock(locks, resource, { ...lock, granted }) };
  }
  const conflictsWithHolder = lock.granted.some((request) => request.actor !== actor && modesConflict(mode, request.mode));
  const grant = (): Acquired => ({
    result: 'granted',
    locks: withLock(locks, resource, { ...lock, granted: [...lock.granted, request(actor, mode, owner)] }),
  });
  if (!conflictsWithHolder && !lock.queue.some((request) => modesConflict(mode, request.mode))) return grant();
  // Whoever waits for a lock that we hold already has to wait for us in any case: we go before him (proc.c, JoinWaitQueue).
  const before = lock.queue.findIndex((request) => held.some((own) => modesConflict(own, request.mode)));
  if (before >= 0) {
    const other = lock.queue[before]!;
    const otherHolds = lock.granted.filter((request) => request.actor === other.actor);
    if (otherHolds.some((request) => modesConflict(mode, request.mode))) return { result: nowait ? 'unavailable' : 'deadlock', locks };
    const aheadConflicts = lock.queue.slice(0, before).some((request) => modesConflict(mode, request.mode));
    if (!aheadConflicts && !conflictsWithHolder && (jumps || !nowait)) return grant();
  }
  if (nowait) return { result: 'unavailable', locks };
  const at = before < 0 ? lock.queue.length : before;
  const queue = [...lock.queue.slice(0, at), request(actor, mode, owner), ...lock.queue.slice(at)];
  return { result: 'waiting', locks: withLock(locks, resource, { ...lock, queue }) };
}

/** Gives back an actor's lock in one mode, or in all; says who got what. */
export function release(
  locks: HeavyLocks,
  resource: string,
  actor: ActorIndex,
  mode: TableLockMode | null = null,
): { locks: HeavyLocks; granted: ActorIndex[] } {
  const lock = locks.get(resource);
  if (lock === undefined) return { locks, granted: [] };
  const queue = lock.queue.filter((item) => item.actor !== actor || (mode !== null && item.mode !== mode));
  return wake(locks, resource, { granted: lock.granted, queue }, (item) =>
    item.actor !== actor || (mode !== null && item.mode !== mode) ? item : null,
  );
}

/**
 * Gives back what an actor's transaction has taken from a level on, and what it waits for; says who got what. What the session has
 * taken too stays.
 */
export function releaseFrom(locks: HeavyLocks, actor: ActorIndex, level: number): { locks: HeavyLocks; granted: ActorIndex[] } {
  let current = locks;
  const granted: ActorIndex[] = [];
  for (const [resource, lock] of locks) {
    if (!lock.granted.some((item) => item.actor === actor && item.level >= level) && !lock.queue.some((item) => item.actor === actor))
      continue;
    const queue = lock.queue.filter((item) => item.actor !== actor);
    const released = wake(current, resource, { granted: lock.granted, queue }, (item) => {
      if (item.actor !== actor || item.level < level) return item;
      return item.session > 0 ? { ...item, level: -1 } : null;
    });
    current = released.locks;
    granted.push(...released.granted);
  }
  return { locks: current, granted };
}

/** Gives back one of the session's takings of a lock; `held` is false where it has none. */
export function unlock(
  locks: HeavyLocks,
  resource: string,
  actor: ActorIndex,
  mode: TableLockMode,
): { locks: HeavyLocks; granted: ActorIndex[]; held: boolean } {
  const own = locks.get(resource)?.granted.find((item) => item.actor === actor && item.mode === mode && item.session > 0);
  if (own === undefined) return { locks, granted: [], held: false };
  if (own.session === Number.POSITIVE_INFINITY)
    throw new UnmodelledError('an advisory lock given back, which a scan has taken: how often is up to the plan');
  return {
    ...wake(locks, resource, locks.get(resource)!, (item) => (item === own ? withSession(item, item.session - 1) : item)),
    held: true,
  };
}

/** Gives back all that a session has taken, whatever its transaction holds. */
export function unlockAll(locks: HeavyLocks, actor: ActorIndex): { locks: HeavyLocks; granted: ActorIndex[] } {
  let current = locks;
  const granted: ActorIndex[] = [];
  for (const [resource, lock] of locks) {
    if (!lock.granted.some((item) => item.actor === actor && item.session > 0)) continue;
    const released = wake(current, resource, lock, (item) => (item.actor === actor ? withSession(item, 0) : item));
    current = released.locks;
    granted.push(...released.granted);
  }
  return { locks: current, granted };
}

const withSession = (item: Request, session: number): Request | null => (session === 0 && item.level < 0 ? null : { ...item, session });

/** What a transaction has taken from a level on belongs to the level around it from now on. */
export function handUp(locks: HeavyLocks, actor: ActorIndex, level: number): HeavyLocks {
  let current = locks;
  for (const [resource, lock] of locks) {
    if (!lock.granted.some((item) => item.actor === actor && item.level >= level)) continue;
    const granted = lock.granted.map((item) => (item.actor === actor && item.level >= level ? { ...item, level: level - 1 } : item));
    current = withLock(current, resource, { ...lock, granted });
  }
  return current;
}

/** Puts a lock's waiters in another order, and grants to those that may have it now (deadlock.c, DeadLockCheck). */
export const reorder = (locks: HeavyLocks, resource: string, queue: readonly Request[]): { locks: HeavyLocks; granted: ActorIndex[] } =>
  wake(locks, resource, { granted: locks.get(resource)!.granted, queue }, (item) => item);

/** Keeps the requests that `keep` gives back, and grants to waiters in order (proc.c, ProcLockWakeup). */
function wake(
  locks: HeavyLocks,
  resource: string,
  lock: HeavyLock,
  keep: (request: Request) => Request | null,
): { locks: HeavyLocks; granted: ActorIndex[] } {
  const granted = lock.granted.map(keep).filter((item) => item !== null);
  const queue: Request[] = [];
  const woken: ActorIndex[] = [];
  for (const request of lock.queue) {
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
