import { FIRST_ROWS, nameOfStream } from '../chance-functions.js';
import { type ActorIndex, UnmodelledError } from '../contract.js';
import type { Sequence } from './catalog.js';
import type { RowContents } from './contents.js';
import {
  type Acquired,
  acquire,
  handUp,
  modesConflict,
  type Owner,
  PATIENT,
  type Patience,
  type Request,
  release,
  releaseFrom,
  reorder,
  unlock,
  unlockAll,
} from './heavy-locks.js';
import type { TableLockMode } from './parse.js';
import { type Conflict, mayFail, possible, possiblePivot, stillNeeded } from './serializable.js';
import { committedSettings, NEW_SESSION, type SessionSettings } from './settings-state.js';
import { SqlError } from './sql-error.js';
import type {
  Committed,
  Counters,
  Draws,
  Execution,
  Level,
  ModelState,
  Observation,
  RowLock,
  RowLocks,
  SerializableTransaction,
  Transaction,
  Version,
  Write,
} from './state.js';
import type { RowLockMode } from './statements.js';
import type { Drawing, SequenceState } from './visible.js';

/** A state being changed by one action. Containers are copied when first written to; `finish` gives the new state. */
export class Draft {
  committed: Committed;
  clockMs: number;
  #state: ModelState;
  readonly #contents: RowContents;
  #sequences: SequenceState[] | null = null;
  #draws: readonly Draws[];
  readonly #transactions: (Transaction | null)[];
  readonly #executions: (Execution | null)[];
  #rowLocks: Map<number, RowLocks> | null = null;
  #heavy;
  #serializable: readonly SerializableTransaction[];
  #sessions: readonly SessionSettings[];
  readonly #next: { -readonly [K in keyof Counters]: number };

  constructor(state: ModelState, contents: RowContents) {
    this.#state = state;
    this.#contents = contents;
    this.committed = state.committed;
    this.clockMs = state.clockMs;
    this.#transactions = [...state.transactions];
    this.#executions = [...state.executions];
    this.#heavy = state.heavy;
    this.#serializable = state.serializable;
    this.#sessions = state.sessions;
    this.#next = { ...state.next };
    this.#draws = state.draws;
  }

  finish(): ModelState {
    return {
      committed: this.committed,
      sequences: this.#sequences ?? this.#state.sequences,
      draws: this.#draws,
      transactions: this.#transactions,
      executions: this.#executions,
      rowLocks: this.#rowLocks ?? this.#state.rowLocks,
      heavy: this.#heavy,
      serializable: this.#serializable,
      next: this.#next,
      clockMs: this.clockMs,
      sessions: this.#sessions,
    };
  }

  /** What an actor's session has set. */
  session(actor: ActorIndex): SessionSettings {
    return this.#sessions[actor]!;
  }

  setSession(actor: ActorIndex, session: SessionSettings): void {
    this.#sessions = this.#sessions.with(actor, session);
  }

  get sequences(): readonly SequenceState[] {
    return this.#sequences ?? this.#state.sequences;
  }

  setSequence(index: number, state: SequenceState): void {
    this.#sequences ??= [...this.#state.sequences];
    this.#sequences[index] = state;
  }

  /** From where an actor's statement draws. */
  drawing(actor: ActorIndex): Drawing {
    const { count, session } = this.#draws[actor]!;
    return { stream: session < 0 ? FIRST_ROWS : nameOfStream(actor, session), count, sequences: this.sequences };
  }

  /** The actor's next session draws from another stream. */
  endStream(actor: ActorIndex): void {
    this.#draws = this.#draws.map((draws, index) => (index === actor ? { count: 0, session: draws.session + 1 } : draws));
  }

  noteDraws(actor: ActorIndex, count: number): void {
    if (count === this.#draws[actor]!.count) return;
    this.#draws = this.#draws.map((draws, index) => (index === actor ? { ...draws, count } : draws));
  }

  /**
   * Nothing is left but what was committed. A sequence goes on behind what was logged ahead (sequence.c, nextval_internal; access/transam/README): all that was
   * logged is taken to have been written.
   */
  crash(sequences: readonly Sequence[]): void {
    this.#transactions.fill(null);
    this.#executions.fill(null);
    this.#rowLocks = new Map();
    this.#heavy = new Map();
    this.#serializable = [];
    this.#draws = this.#draws.map(({ session }) => ({ count: 0, session: session + 1 }));
    this.#sessions = this.#sessions.map(() => NEW_SESSION);
    this.#sequences = this.sequences.map(({ lastValue, isCalled, logged }, index) => ({
      lastValue: lastValue + logged * sequences[index]!.increment,
      isCalled,
      logged: 0,
    }));
  }

  get transactions(): readonly (Transaction | null)[] {
    return this.#transactions;
  }

  transaction(actor: ActorIndex): Transaction {
    const transaction = this.#transactions[actor];
    if (!transaction) throw new Error(`actor ${actor} has no transaction`);
    return transaction;
  }

  setTransaction(actor: ActorIndex, transaction: Transaction | null): void {
    this.#transactions[actor] = transaction;
  }

  get executions(): readonly (Execution | null)[] {
    return this.#executions;
  }

  execution(actor: ActorIndex): Execution {
    const execution = this.#executions[actor];
    if (!execution) throw new Error(`actor ${actor} has no statement under way`);
    return execution;
  }

  setExecution(actor: ActorIndex, execution: Execution | null): void {
    this.#executions[actor] = execution;
  }

  updateExecution(actor: ActorIndex, change: Partial<Execution>): Execution {
    const execution = { ...this.execution(actor), ...change };
    this.#executions[actor] = execution;
    return execution;
  }

  newSlot(): number {
    this.#next.slot += 1;
    return this.#next.slot;
  }

  /** `sameKey`: the key may be shared; `enters`: it has index entries of its own. Both say something of an update only. */
  newVersion(actor: ActorIndex, slot: number, content: number, parent: Version | null, sameKey: boolean, enters: boolean): Version {
    this.#next.version += 1;
    this.#next.position += 1;
    const { version: id, position } = this.#next;
    const sameKeySince = parent !== null && sameKey ? parent.sameKeySince : id;
    const entered = parent !== null && !enters ? parent.entered : position;
    return { slot, content, id, position, entered, parent: parent?.id ?? 0, madeBy: this.takeXid(actor), sameKeySince };
  }

  rowLocks(slot: number): RowLocks {
    return (this.#rowLocks ?? this.#state.rowLocks).get(slot) ?? FREE;
  }

  /** Adds a row lock, or strengthens the one that the actor has; the transaction takes its place in the order of lockers. */
  lockRow(actor: ActorIndex, slot: number, mode: RowLockMode, version: number): void {
    const { locks } = this.rowLocks(slot);
    if (locks.some((lock) => lock.actor === actor && lock.mode >= mode && lock.since <= version)) return;
    const xid = this.takeXid(actor);
    const own = locks.find((lock) => lock.xid === xid);
    const since = Math.min(version, own?.since ?? version);
    const strongest = own === undefined || own.mode < mode ? mode : own.mode;
    const next = [...locks.filter((lock) => lock !== own), { actor, xid, mode: strongest, since }];
    this.#rowLocks ??= new Map(this.#state.rowLocks);
    this.#rowLocks.set(slot, { locks: next, shows: next.length > 1 ? strongestOf(next) : null });
  }

  write(actor: ActorIndex, slot: number, write: Write): void {
    const transaction = this.transaction(actor);
    this.#transactions[actor] = { ...transaction, writes: new Map(transaction.writes).set(slot, write) };
    this.noteWrites(actor, [write.table]);
  }

  /** The id of the transaction's innermost level; ids are given out when first needed, outer levels first (xact.c, AssignTransactionId). */
  takeXid(actor: ActorIndex): number {
    const { levels } = this.transaction(actor);
    return this.#takeXid(actor, levels.length - 1);
  }

  /** The transaction's own id, whatever savepoints there are: all that a sequence asks for. */
  takeTopXid(actor: ActorIndex): number {
    return this.#takeXid(actor, 0);
  }

  #takeXid(actor: ActorIndex, innermost: number): number {
    const transaction = this.transaction(actor);
    const { xid } = transaction.levels[innermost]!;
    if (xid > 0) return xid;
    const levels = transaction.levels.map((level, depth) => {
      if (depth > innermost || level.xid > 0) return level;
      this.#next.xid += 1;
      return { ...level, xid: this.#next.xid };
    });
    this.#transactions[actor] = { ...transaction, levels };
    return levels[innermost]!.xid;
  }

  get serializable(): readonly SerializableTransaction[] {
    return this.#serializable;
  }

  /** The actor's running transaction, where it is serializable and has a snapshot. */
  serializableOf(actor: ActorIndex): SerializableTransaction | null {
    if (this.#serializable.length === 0) return null;
    return this.#serializable.find((item) => item.actor === actor && item.committed === null) ?? null;
  }

  beginSerializable(actor: ActorIndex, readOnly: boolean): void {
    const began = this.#commits();
    const { committed: snapshot } = this;
    const begun = { actor, readOnly, snapshot, began, committed: null, ...NOTHING_DONE };
    this.#serializable = [...this.#serializable, begun];
  }

  /** Whether the transaction's snapshot is safe at once; where it is not, its rivals are noted. */
  takeSafeSnapshot(actor: ActorIndex): void {
    const rivals = this.#serializable.filter(({ committed, readOnly }) => committed === null && !readOnly);
    if (rivals.some(({ doomed }) => doomed)) throw new UnmodelledError('a DEFERRABLE transaction while another may have been doomed');
    // Who has become safe meanwhile, and does not go on yet, makes the server remember those from before.
    const lingers = this.#executions.some((item) => item?.freed && item.wait?.on === 'snapshot');
    if (rivals.length > 0 && (lingers || this.#serializable.some((item) => item.actor === actor)))
      throw new UnmodelledError('a DEFERRABLE transaction that waits while an earlier one of its session is remembered');
    const began = this.#commits();
    this.#transactions[actor] = { ...this.transaction(actor), rivals: rivals.map((rival) => rival.actor), began };
  }

  /**
   * Somebody's rival ends: a snapshot that has none left is safe. It is not where the rival has written and has seen less than what the snapshot shows:
   * then it is given up, and another is taken when its transaction goes on (predicate.c, ReleasePredicateLocks and GetSafeSnapshot).
   */
  #leaveRivals(item: SerializableTransaction, commits: boolean, certainly: Conflict | null): void {
    const { writes } = this.transaction(item.actor);

    for (const [waiter, transaction] of this.#transactions.entries()) {
      if (!transaction?.rivals.includes(item.actor)) continue;
      const { began } = transaction;
      const outs = this.#serializable.filter((out) => out.committed !== null && out.committed <= began && possible(item, out));
      if (commits && outs.length > 0) {
        const rival = { ...item, changes: writes };
        if (writes.size === 0 || certainly === null || !outs.some((out) => certainly(rival, out)))
          throw new UnmodelledError('a DEFERRABLE transaction whose snapshot may turn out not to be safe');
        this.#transactions[waiter] = { ...transaction, rivals: [], snapshot: null };
        this.#free(waiter);
        continue;
      }
      const rivals = transaction.rivals.filter((rival) => rival !== item.actor);
      this.#transactions[waiter] = { ...transaction, rivals };
      if (rivals.length === 0) this.#free(waiter);
    }
  }

  #commits(): number {
    return Math.max(0, ...this.#serializable.map(({ began, committed }) => committed ?? began));
  }

  noteReads(actor: ActorIndex, tables: readonly number[], observations: readonly Observation[]): void {
    const item = this.serializableOf(actor);
    if (item === null) return;
    this.#note(item, { reads: new Set([...item.reads, ...tables]), observations: [...item.observations, ...observations] });
  }

  /** A statement has answered. */
  tellReads(actor: ActorIndex): void {
    const item = this.serializableOf(actor);
    if (item !== null && item.told < item.observations.length) this.#note(item, { told: item.observations.length });
  }

  /** A statement has failed: nobody knows what it has seen. */
  forgetReads(actor: ActorIndex): void {
    const item = this.serializableOf(actor);
    if (item !== null && item.told < item.observations.length) this.#note(item, { observations: item.observations.slice(0, item.told) });
  }

  noteWrites(actor: ActorIndex, tables: readonly number[]): void {
    const item = this.serializableOf(actor);
    if (item !== null && !tables.every((table) => item.writes.has(table)))
      this.#note(item, { writes: new Set([...item.writes, ...tables]) });
  }

  #note(item: SerializableTransaction, change: Partial<SerializableTransaction>): void {
    this.#serializable = this.#serializable.map((other) => (other === item ? { ...item, ...change } : other));
  }

  #endSerializable(actor: ActorIndex, commits: boolean, certainly: Conflict | null): void {
    const item = this.serializableOf(actor);
    if (item === null) return;
    if (!item.readOnly) this.#leaveRivals(item, commits, certainly);
    if (commits) this.#note(item, { committed: this.#commits() + 1, changes: this.transaction(actor).writes });
    else {
      // Also by what this very step has read: it is gone after it.
      this.doomPivots();
      this.#serializable = this.#serializable.filter((other) => other.actor !== actor || other.committed !== null);
    }
    this.#serializable = stillNeeded(this.#serializable);
  }

  /** Whoever has become a pivot that PostgreSQL may have doomed stays so, also when the others are gone (predicate.c, SXACT_FLAG_DOOMED). */
  doomPivots(): void {
    for (const item of this.#serializable)
      if (item.committed === null && !item.doomed && possiblePivot(item, this.#serializable)) this.#note(item, { doomed: true });
  }

  mayFail(item: SerializableTransaction): boolean {
    return mayFail(item, this.#serializable);
  }

  /** Empties tables. What the transaction has written to them before is gone too. */
  truncate(actor: ActorIndex, tables: readonly number[]): void {
    this.takeXid(actor);
    const transaction = this.transaction(actor);
    const writes = new Map([...transaction.writes].filter(([, write]) => !tables.includes(write.table)));
    this.#transactions[actor] = { ...transaction, writes, truncated: new Set([...transaction.truncated, ...tables]) };
    this.noteWrites(actor, tables);
  }

  /** The rows of a truncated table vanish from every snapshot, older ones too (manual, "MVCC Caveats"). */
  #empty(tables: ReadonlySet<number>): void {
    const known = new Map<Committed, Committed>();
    const emptied = (snapshot: Committed): Committed => {
      let without = known.get(snapshot);
      if (without === undefined) {
        const rows = new Map([...snapshot.rows].filter(([, version]) => !tables.has(this.#contents.get(version.content).table)));
        without = { rows, dead: snapshot.dead, byTable: null };
        known.set(snapshot, without);
      }
      return without;
    };
    this.committed = emptied(this.committed);
    for (const [actor, item] of this.#transactions.entries())
      if (item?.snapshot) this.#transactions[actor] = { ...item, snapshot: emptied(item.snapshot) };
    for (const [actor, item] of this.#executions.entries())
      if (item?.snapshot) this.#executions[actor] = { ...item, snapshot: emptied(item.snapshot) };
    // Who runs cannot have read the table before: he would hold it.
    this.#serializable = this.#serializable.map((item) => (item.committed === null ? { ...item, snapshot: emptied(item.snapshot) } : item));
  }

  openSavepoint(actor: ActorIndex, name: string): void {
    const transaction = this.transaction(actor);
    const { writes, truncated, deferred, timing, settings } = transaction;
    const level: Level = { name, xid: 0, released: [], writes, truncated, deferred, timing, settings };
    this.#transactions[actor] = { ...transaction, levels: [...transaction.levels, level] };
  }

  /**
   * Ends a savepoint and those within it; what was done since belongs to the level around it, under the ids that it had. Who waits for one of
   * these ids is woken, and goes on to wait for the transaction (xact.c, CommitSubTransaction; lmgr.c, XactLockTableWait).
   */
  releaseSavepoint(actor: ActorIndex, depth: number): void {
    const transaction = this.transaction(actor);
    const ended = idsOf(transaction.levels.slice(depth));
    const around = transaction.levels[depth - 1]!;
    const levels = [...transaction.levels.slice(0, depth - 1), { ...around, released: [...around.released, ...ended] }];
    this.#transactions[actor] = { ...transaction, levels };
    this.#heavy = handUp(this.#heavy, actor, depth);
    this.#freeWaitersFor(ended);
  }

  /** Undoes all since a savepoint, which stays: writes, row locks, and what of heavier locks was first taken since (xact.c, AbortSubTransaction). */
  rollBackTo(actor: ActorIndex, depth: number): void {
    const transaction = this.transaction(actor);
    const { name, ...saved } = transaction.levels[depth]!;
    const { writes, truncated, deferred, timing, settings } = saved;
    const ended = idsOf(transaction.levels.slice(depth));
    const levels = [...transaction.levels.slice(0, depth), { ...saved, name, xid: 0, released: [] }];
    this.#transactions[actor] = { ...transaction, levels, writes, truncated, deferred, timing, settings };
    this.#releaseRows((lock) => ended.includes(lock.xid), NO_WRITES);
    this.#releaseHeavyFrom(actor, depth);
    this.#freeWaitersFor(ended);
  }

  /** Another transaction that has an uncommitted change to this row. */
  otherWriter(actor: ActorIndex, slot: number): ActorIndex | null {
    for (const [other, transaction] of this.#transactions.entries()) if (other !== actor && transaction?.writes.has(slot)) return other;
    return null;
  }

  acquireHeavy(
    actor: ActorIndex,
    resource: string,
    mode: TableLockMode,
    patience: Patience = PATIENT,
    owner: Owner = this.transaction(actor).levels.length - 1,
  ): Acquired['result'] {
    const { result, locks } = acquire(this.#heavy, resource, actor, mode, owner, patience);
    this.#heavy = locks;
    if (result === 'deadlock') throw new SqlError('40P01', 'deadlock detected');
    return result;
  }

  /** Gives back a session's lock once; false where the session does not have it. */
  unlock(actor: ActorIndex, resource: string, mode: TableLockMode): boolean {
    const { locks, granted, held } = unlock(this.#heavy, resource, actor, mode);
    this.#heavy = locks;
    for (const waiter of granted) this.#free(waiter);
    return held;
  }

  unlockAll(actor: ActorIndex): void {
    const { locks, granted } = unlockAll(this.#heavy, actor);
    this.#heavy = locks;
    for (const waiter of granted) this.#free(waiter);
  }

  /** Gives back one lock, or all that the actor has on the resource. */
  releaseHeavy(actor: ActorIndex, resource: string, mode: TableLockMode | null = null): void {
    const { locks, granted } = release(this.#heavy, resource, actor, mode);
    this.#heavy = locks;
    for (const waiter of granted) this.#free(waiter);
  }

  /** Puts the waiters of a resource in another order. */
  reorder(resource: string, queue: readonly Request[]): void {
    const { locks, granted } = reorder(this.#heavy, resource, queue);
    this.#heavy = locks;
    for (const waiter of granted) this.#free(waiter);
  }

  /** Whether another session has, or waits for, a lock of a table that a statement over its rows would have to wait for. */
  othersLockTables(actor: ActorIndex): boolean {
    return [...this.#heavy].some(
      ([resource, { granted, queue }]) =>
        resource.startsWith('table ') &&
        [...granted, ...queue].some((request) => request.actor !== actor && modesConflict(request.mode, 'ROW EXCLUSIVE')),
    );
  }

  holdsHeavy(actor: ActorIndex, resource: string, mode: TableLockMode): boolean {
    return this.#heavy.get(resource)?.granted.some((request) => request.actor === actor && request.mode === mode) ?? false;
  }

  /** The id that somebody holds while a transaction's id is waited for: its own, or the whole transaction's once its savepoint is released. */
  heldId({ actor, xid }: { readonly actor: ActorIndex; readonly xid: number }): number {
    const { levels } = this.transaction(actor);
    return levels.some((level) => level.xid === xid) ? xid : levels[0]!.xid;
  }

  isRunning(xid: number): boolean {
    return this.#transactions.some((transaction) => transaction?.levels.some((level) => level.xid === xid || level.released.includes(xid)));
  }

  /**
   * Ends a transaction: its writes become the committed rows, or vanish; its locks go, and whoever waited for them is freed. After
   * an error inside a block the locks go at once, long before the ROLLBACK (xact.c, AbortTransaction). `certainly`: which conflicts PostgreSQL must
   * have seen, where it may matter.
   */
  endTransaction(actor: ActorIndex, commits: boolean, certainly: Conflict | null = null): void {
    const transaction = this.transaction(actor);
    this.#endSerializable(actor, commits, certainly);
    if (commits && transaction.truncated.size > 0) this.#empty(transaction.truncated);
    if (commits && transaction.writes.size > 0) this.committed = merge(this.committed, transaction.writes);
    if (commits && transaction.settings.set.size > 0) this.setSession(actor, committedSettings(this.session(actor), transaction.settings));
    this.#transactions[actor] = null;
    this.#releaseRows((lock) => lock.actor === actor, commits ? transaction.writes : NO_WRITES);
    this.#releaseHeavyFrom(actor, 0);
    this.#freeWaitersFor(idsOf(transaction.levels));
  }

  #releaseHeavyFrom(actor: ActorIndex, depth: number): void {
    const { locks, granted } = releaseFrom(this.#heavy, actor, depth);
    this.#heavy = locks;
    for (const waiter of granted) this.#free(waiter);
  }

  #freeWaitersFor(xids: readonly number[]): void {
    for (const [waiter, execution] of this.#executions.entries()) {
      const wait = execution?.wait;
      if (wait?.on === 'transaction' && xids.includes(wait.xid)) this.#free(waiter);
    }
  }

  /** A row that was written has a new version, which shows who has it still. */
  #releaseRows(gone: (lock: RowLock) => boolean, written: ReadonlyMap<number, Write>): void {
    for (const [slot, { locks, shows }] of this.#rowLocks ?? this.#state.rowLocks) {
      const kept = locks.filter((lock) => !gone(lock));
      if (kept.length === locks.length) continue;
      this.#rowLocks ??= new Map(this.#state.rowLocks);
      if (kept.length === 0) this.#rowLocks.delete(slot);
      else this.#rowLocks.set(slot, { locks: kept, shows: written.has(slot) ? null : shows });
    }
  }

  #free(actor: ActorIndex): void {
    const execution = this.#executions[actor];
    if (execution?.wait) this.#executions[actor] = { ...execution, freed: true };
  }
}

const NOTHING_DONE = {
  reads: new Set<number>(),
  writes: new Set<number>(),
  observations: [],
  told: 0,
  changes: new Map<number, Write>(),
  doomed: false,
};
const FREE: RowLocks = { locks: [], shows: null };
const NO_WRITES: ReadonlyMap<number, Write> = new Map();
const strongestOf = (locks: readonly RowLock[]): RowLockMode => Math.max(...locks.map((lock) => lock.mode)) as RowLockMode;

/** All ids of some levels. */
const idsOf = (levels: readonly Level[]): number[] => levels.flatMap(({ xid, released }) => (xid > 0 ? [...released, xid] : released));

function merge(committed: Committed, writes: ReadonlyMap<number, Write>): Committed {
  const rows = new Map(committed.rows);
  const dead = new Map(committed.dead);
  for (const [slot, write] of writes) {
    if (write.next !== null) rows.set(slot, write.next);
    else if (rows.delete(slot)) dead.set(slot, write.deleted!);
  }
  return { rows, dead, byTable: null };
}
