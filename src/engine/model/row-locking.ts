import { type ActorIndex, UnmodelledError } from '../contract.js';
import type { Table } from './catalog.js';
import type { Draft } from './draft.js';
import { TUPLE_LOCK_MODES } from './heavy-locks.js';
import { SqlError } from './sql-error.js';
import type { ItemProgress, RowLock, Version, Wait } from './state.js';
import { RowLockMode, type WaitPolicy } from './statements.js';

/**
 * Locking one row, as heap_lock_tuple, heap_update and heap_delete do it (heapam.c; README.tuplock). A row is free where nobody
 * else has it in a conflicting mode. Otherwise the comer takes the row's *tuple lock*, which queues those behind it, and waits for
 * the transactions in its way one by one. When it may go on, it looks again: a newcomer may have the row by now.
 */
export type RowLockResult =
  | { readonly result: 'locked' | 'skipped' | 'gone' }
  | { readonly result: 'wait'; readonly wait: Wait }
  /** The version that was asked for is not the newest any more. */
  | { readonly result: 'stale' };

export interface RowRequest {
  readonly actor: ActorIndex;
  readonly table: Table;
  readonly slot: number;
  readonly mode: RowLockMode;
  readonly policy: WaitPolicy;
  /** A locking clause (a foreign key's check has one too), an UPDATE or DELETE, or the lock that an UPDATE takes before its triggers. */
  readonly by: 'lock' | 'write' | 'trigger';
}

export type MutableProgress = { -readonly [K in keyof ItemProgress]: ItemProgress[K] };

/**
 * Locks the row's version in `progress`, or, at READ COMMITTED, the newest that replaced it (heapam_tuple_lock,
 * TUPLE_LOCK_FLAG_FIND_LAST_VERSION): `progress.version` then is that one and `progress.chasing` is set. Under a transaction-wide snapshot a
 * replaced version is a serialization failure, raised before any wait, NOWAIT or SKIP LOCKED.
 */
export function lockNewest(draft: Draft, request: RowRequest, progress: MutableProgress): Exclude<RowLockResult, { result: 'stale' }> {
  const transaction = draft.transaction(request.actor);
  for (;;) {
    const attempt = lockVersion(draft, request, progress);
    if (attempt.result === 'gone' && transaction.isolation !== 'READ COMMITTED') throw concurrent(draft, request, progress.version!);
    if (attempt.result !== 'stale') return attempt;
    if (transaction.isolation !== 'READ COMMITTED') throw concurrent(draft, request, progress.version!);
    const isFirst = !progress.chasing;
    progress.chasing = true;
    // A write gives up its tuple lock, and looks for the newest version as a locking clause does: from this one, whose tuple lock may be another's
    // by then (nodeModifyTable.c, ExecUpdate, TM_Updated; heapam_handler.c, heapam_tuple_lock).
    if (request.by === 'write' && isFirst) continue;
    const newest = draft.committed.rows.get(request.slot);
    if (newest === undefined) return { result: 'gone' };
    const writer = draft.otherWriter(request.actor, request.slot);
    if (writer !== null) {
      // On the way along the update chain there is no tuple lock to take: the comer waits for the writer itself.
      const refusal = refuse(request);
      if (refusal !== null) return refusal;
      return { result: 'wait', wait: { on: 'transaction', actor: writer, xid: draft.transaction(writer).writes.get(request.slot)!.by } };
    }
    progress.version = newest;
  }
}

/** Only a write tells a delete from an update, and only a delete of the very version that it saw (nodeModifyTable.c and trigger.c; nodeLockRows.c does not). */
export function concurrent(draft: Draft, { slot, by }: Pick<RowRequest, 'slot' | 'by'>, version: Version): SqlError {
  const deleted = by !== 'lock' && draft.committed.dead.get(slot) === version.id;
  return new SqlError('40001', `could not serialize access due to concurrent ${deleted ? 'delete' : 'update'}`);
}

/** Locks this very version, or says that it is not the newest. */
export function lockVersion(draft: Draft, request: RowRequest, progress: MutableProgress): RowLockResult {
  const { actor, slot, mode } = request;
  const version = progress.version!;
  // heap_update and heap_delete have their transaction id before they look; heap_lock_tuple takes one when it gets the lock.
  if (request.by === 'write') draft.takeXid(actor);
  const own = draft.transaction(actor).writes.has(slot);
  if (progress.sleptFor !== null && !draft.isRunning(progress.sleptFor.xid)) {
    const wait = progress.sawUpdate > 0 && request.by === 'lock' ? followUpdate(draft, request, version, progress.sawUpdate) : null;
    if (wait !== null) return { result: 'wait', wait };
    progress.sleptFor = null;
    progress.sawUpdate = 0;
  }
  const current = draft.committed.rows.get(slot);
  if (!own && current?.id !== version.id) {
    // A foreign key's KEY SHARE does not mind updates that leave the keys alone.
    const usable = current !== undefined && mode === RowLockMode.keyShare && current.sameKeySince <= version.id;
    if (!usable) {
      const sharers = waitForSharers(draft, request, progress);
      if (sharers !== null) return sharers;
      giveUpTupleLock(draft, actor, progress);
      return { result: current === undefined ? 'gone' : 'stale' };
    }
  }
  // Where the version itself may be shared, what has been done to the row since is met on the update chain, where nobody queues or gives up
  // (heap_lock_updated_tuple_rec).
  const replaced = !own && current?.id !== version.id;
  const onChain = mode === RowLockMode.keyShare && (replaced || sharesWithWriter(draft, request));
  const passes = hasPassed(draft, request, progress);
  const inTheWay = conflicting(draft, request).filter(
    (lock) => !passes || draft.transaction(lock.actor).writes.get(slot)?.keyShared === false,
  );
  progress.beyond = null;
  if (inTheWay.length === 0) {
    if (!passes && !onChain && queuesForNobody(draft, request) && progress.tupleLock === null) {
      const refused = queueUp(draft, request, progress, version);
      if (refused !== null) return refused;
    }
    draft.lockRow(actor, slot, mode, version.id);
    giveUpTupleLock(draft, actor, progress);
    return { result: 'locked' };
  }
  const beyond = inTheWay.find((lock) => replaced || draft.transaction(lock.actor).writes.get(slot)?.keyShared);
  if (mode === RowLockMode.keyShare && beyond !== undefined) {
    const write = draft.transaction(beyond.actor).writes.get(slot);
    if (write?.keyShared) progress.beyond = { actor: beyond.actor, xid: write.by, newest: current?.id ?? version.id };
    return { result: 'wait', wait: waitFor(beyond) };
  }
  const refusal = refuse(request);
  if (refusal !== null) return refusal;
  if (progress.sleptFor === null) {
    const [first] = inTheWay;
    progress.sleptFor = { actor: first!.actor, xid: first!.xid };
    progress.sawUpdate = draft.transaction(first!.actor).writes.get(slot)?.by ?? 0;
  }
  // Who shares the row already goes past the queue, or it would wait for those that wait for it.
  const sharesIt = draft.rowLocks(slot).locks.some((lock) => lock.actor === actor);
  if (!sharesIt && progress.tupleLock === null) {
    const queued = queueUp(draft, request, progress, version);
    if (queued !== null) return queued;
  }
  return { result: 'wait', wait: waitFor(inTheWay[0]!) };
}

/**
 * Whoever shares a key has waited on the update chain for a version that was then undone: the chain ends there, and what is looked at next is only
 * whether the row's key is being changed. A lock that somebody has taken meanwhile counts for nothing (heapam.c, heap_lock_tuple, "Make sure it's still an
 * appropriate lock": only locked is appropriate).
 */
function hasPassed(draft: Draft, request: RowRequest, { beyond }: MutableProgress): boolean {
  if (beyond === null || draft.isRunning(beyond.xid)) return false;
  const newest = draft.committed.rows.get(request.slot);
  if (newest?.id === beyond.newest) return true;
  if (newest?.madeBy !== beyond.xid && conflicting(draft, request).length > 0)
    throw new UnmodelledError('a row whose key is shared, and that was changed more than once while it was waited for');
  return false;
}

/** Takes the version's tuple lock, or says why not. */
function queueUp(draft: Draft, request: RowRequest, progress: MutableProgress, version: Version): RowLockResult | null {
  const resource = `row ${request.slot}.${version.id}`;
  const acquired = draft.acquireHeavy(request.actor, resource, TUPLE_LOCK_MODES[request.mode], {
    nowait: request.policy !== 'block',
    jumps: true,
  });
  if (acquired === 'unavailable') return refuse(request);
  if (acquired === 'waiting') return { result: 'wait', wait: { on: 'heavy', resource } };
  progress.tupleLock = resource;
  return null;
}

/** Somebody has an update under way that leaves the row's key alone. */
function sharesWithWriter(draft: Draft, { actor, slot }: RowRequest): boolean {
  const writer = draft.otherWriter(actor, slot);
  return writer !== null && draft.transaction(writer).writes.get(slot)!.keyShared;
}

/** A row that shows a stronger lock than anybody still has makes those queue who would share it (heapam.c, heap_lock_tuple, before require_sleep). */
function queuesForNobody(draft: Draft, { actor, slot, mode, by }: RowRequest): boolean {
  const { locks, shows } = draft.rowLocks(slot);
  if (shows === null || by !== 'lock' || locks.some((lock) => lock.actor === actor)) return false;
  return mode === RowLockMode.keyShare ? shows === RowLockMode.update : mode === RowLockMode.share && shows >= RowLockMode.noKeyUpdate;
}

const waitFor = ({ actor, xid }: RowLock): Wait => ({ on: 'transaction', actor, xid });

/**
 * Whoever slept for an update that then committed locks the version that came of it, before it finds that its own is out of date
 * (heapam.c, heap_lock_tuple and heap_lock_updated_tuple_rec). It waits for those who have that version locked, without queueing behind a tuple lock.
 */
function followUpdate(draft: Draft, request: RowRequest, version: Version, updater: number): Wait | null {
  const { actor, slot, mode } = request;
  const next = draft.committed.rows.get(slot);
  if (next === undefined || next.id === version.id) return null;
  const [first] = conflicting(draft, request);
  if (next.parent !== version.id) {
    if (first === undefined || draft.transaction(actor).isolation === 'READ COMMITTED') return null;
    throw new UnmodelledError('a row that was changed more than once while it was waited for, and that somebody else has locked');
  }
  if (next.madeBy !== updater) return null;
  if (first !== undefined) return waitFor(first);
  draft.lockRow(actor, slot, mode, next.id);
  return null;
}

/**
 * A version that was replaced counts as being modified as long as somebody shares its key (heapam_visibility.c, HeapTupleSatisfiesUpdate: the
 * multixact of updater and sharers is running). Until then its tuple lock is asked for, and who wants the row's key waits for the sharers, before
 * either finds that the version is out of date.
 */
function waitForSharers(draft: Draft, request: RowRequest, progress: MutableProgress): RowLockResult | null {
  const { actor, slot, mode } = request;
  const version = progress.version!;
  const locks = draft.rowLocks(slot).locks.filter((lock) => lock.since <= version.id);
  const sharers = locks.filter((lock) => lock.actor !== actor).sort(byXid);
  if (sharers.length === 0 || mode === RowLockMode.keyShare) return null;
  const first = mode === RowLockMode.update ? sharers[0]! : null;
  const refusal = first === null ? null : refuse(request);
  if (refusal !== null) return refusal;
  if (sharers.length === locks.length && progress.tupleLock === null) {
    const queued = queueUp(draft, request, progress, version);
    if (queued !== null) return queued;
  }
  return first === null ? null : { result: 'wait', wait: waitFor(first) };
}

/** The order of a multixact's members (multixact.c, mxactMemberComparator). */
const byXid = (left: RowLock, right: RowLock) => left.xid - right.xid;

/** Who has the row in a conflicting mode, in the order in which they are waited for. */
function conflicting(draft: Draft, { actor, slot, mode }: RowRequest): RowLock[] {
  return draft
    .rowLocks(slot)
    .locks.filter((lock) => lock.actor !== actor && lock.mode + mode >= 3)
    .sort(byXid);
}

function refuse(request: RowRequest): { result: 'skipped' } | null {
  if (request.policy === 'nowait') throw new SqlError('55P03', `could not obtain lock on row in relation "${request.table.name}"`);
  return request.policy === 'skip locked' ? { result: 'skipped' } : null;
}

function giveUpTupleLock(draft: Draft, actor: ActorIndex, progress: MutableProgress): void {
  if (progress.tupleLock === null && progress.version !== null) {
    // Granted while we were waiting for it, and not needed any more.
    draft.releaseHeavy(actor, `row ${progress.version.slot}.${progress.version.id}`);
  } else if (progress.tupleLock !== null) {
    draft.releaseHeavy(actor, progress.tupleLock);
    progress.tupleLock = null;
  }
}
