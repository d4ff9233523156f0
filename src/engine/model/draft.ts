import type { ActorIndex } from '../contract.js';
import { type Acquired, acquire, release, releaseAll } from './heavy-locks.js';
import type { TableLockMode } from './parse.js';
import { SqlError } from './sql-error.js';
import type { Committed, Counters, Execution, ModelState, RowLock, SequenceState, Transaction, Version, Wait, Write } from './state.js';
import type { RowLockMode } from './statements.js';

/** How many values of a sequence are logged ahead (sequence.c, SEQ_LOG_VALS). */
const SEQUENCE_LOG_VALUES = 32;

/** A state being changed by one action. Containers are copied when first written to; `finish` gives the new state. */
export class Draft {
  committed: Committed;
  clockMs: number;
  #state: ModelState;
  #sequences: SequenceState[] | null = null;
  readonly #transactions: (Transaction | null)[];
  readonly #executions: (Execution | null)[];
  #rowLocks: Map<number, readonly RowLock[]> | null = null;
  #heavy;
  readonly #next: { -readonly [K in keyof Counters]: number };

  constructor(state: ModelState) {
    this.#state = state;
    this.committed = state.committed;
    this.clockMs = state.clockMs;
    this.#transactions = [...state.transactions];
    this.#executions = [...state.executions];
    this.#heavy = state.heavy;
    this.#next = { ...state.next };
  }

  finish(): ModelState {
    return {
      committed: this.committed,
      sequences: this.#sequences ?? this.#state.sequences,
      transactions: this.#transactions,
      executions: this.#executions,
      rowLocks: this.#rowLocks ?? this.#state.rowLocks,
      heavy: this.#heavy,
      next: this.#next,
      clockMs: this.clockMs,
    };
  }

  get sequences(): readonly SequenceState[] {
    return this.#sequences ?? this.#state.sequences;
  }

  setSequence(index: number, state: SequenceState): void {
    this.#sequences ??= [...this.#state.sequences];
    this.#sequences[index] = state;
  }

  /** The next value of a sequence. It is gone for good, whatever becomes of the transaction. */
  nextValue(actor: ActorIndex, index: number): number {
    const { lastValue, isCalled, logged } = this.sequences[index]!;
    const value = isCalled ? lastValue + 1 : lastValue;
    const logs = !isCalled || logged === 0;
    if (logs) this.takeOrder(actor);
    this.setSequence(index, { lastValue: value, isCalled: true, logged: logs ? SEQUENCE_LOG_VALUES : logged - 1 });
    return value;
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

  newTransactionNumber(): number {
    this.#next.transaction += 1;
    return this.#next.transaction;
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

  newVersion(actor: ActorIndex, slot: number, content: number, parent: Version | null, sameKey: boolean): Version {
    this.#next.version += 1;
    this.#next.position += 1;
    const { version: id, position } = this.#next;
    const sameKeySince = parent !== null && sameKey ? parent.sameKeySince : id;
    return { slot, content, id, position, parent: parent?.id ?? 0, madeBy: this.transaction(actor).number, sameKeySince };
  }

  rowLocks(slot: number): readonly RowLock[] {
    return (this.#rowLocks ?? this.#state.rowLocks).get(slot) ?? [];
  }

  /** Adds a row lock, or strengthens the one that the actor has; the transaction takes its place in the order of lockers. */
  lockRow(actor: ActorIndex, slot: number, mode: RowLockMode, version: number): void {
    this.takeOrder(actor);
    const locks = this.rowLocks(slot);
    const own = locks.find((lock) => lock.actor === actor);
    const since = Math.min(version, own?.since ?? version);
    if (own !== undefined && own.mode >= mode && own.since === since) return;
    const strongest = own === undefined || own.mode < mode ? mode : own.mode;
    this.#rowLocks ??= new Map(this.#state.rowLocks);
    this.#rowLocks.set(slot, [...locks.filter((lock) => lock.actor !== actor), { actor, mode: strongest, since }]);
  }

  write(actor: ActorIndex, slot: number, write: Write): void {
    this.takeOrder(actor);
    const transaction = this.transaction(actor);
    this.#transactions[actor] = { ...transaction, writes: new Map(transaction.writes).set(slot, write) };
  }

  /** Transaction ids are given out when first needed; several lockers of a row are waited for in the order of theirs (multixact.c sorts members). */
  takeOrder(actor: ActorIndex): void {
    const transaction = this.transaction(actor);
    if (transaction.order > 0) return;
    const last = Math.max(0, ...this.#transactions.map((other) => other?.order ?? 0));
    this.#transactions[actor] = { ...transaction, order: last + 1 };
  }

  /** Another transaction that has an uncommitted change to this row. */
  otherWriter(actor: ActorIndex, slot: number): ActorIndex | null {
    for (const [other, transaction] of this.#transactions.entries()) if (other !== actor && transaction?.writes.has(slot)) return other;
    return null;
  }

  acquireHeavy(actor: ActorIndex, resource: string, mode: TableLockMode, nowait = false): Acquired['result'] {
    const { result, locks } = acquire(this.#heavy, resource, actor, mode, nowait);
    this.#heavy = locks;
    if (result === 'deadlock') throw new SqlError('40P01', 'deadlock detected');
    return result;
  }

  /** Gives back one lock, or all that the actor has on the resource. */
  releaseHeavy(actor: ActorIndex, resource: string, mode: TableLockMode | null = null): void {
    const { locks, granted } = release(this.#heavy, resource, actor, mode);
    this.#heavy = locks;
    for (const waiter of granted) this.#free(waiter);
  }

  holdsHeavy(actor: ActorIndex, resource: string, mode: TableLockMode): boolean {
    return this.#heavy.get(resource)?.granted.some((request) => request.actor === actor && request.mode === mode) ?? false;
  }

  waitFor(actor: ActorIndex): Extract<Wait, { on: 'transaction' }> {
    return { on: 'transaction', actor, number: this.transaction(actor).number };
  }

  isRunning({ actor, number }: { readonly actor: ActorIndex; readonly number: number }): boolean {
    return this.#transactions[actor]?.number === number && !this.#transactions[actor].aborted;
  }

  /**
   * Ends a transaction: its writes become the committed rows, or vanish; its locks go, and whoever waited for them is freed. After
   * an error inside a block the locks go at once, long before the ROLLBACK (xact.c, AbortTransaction).
   */
  endTransaction(actor: ActorIndex, commits: boolean): void {
    const transaction = this.transaction(actor);
    if (commits && transaction.writes.size > 0) this.committed = merge(this.committed, transaction.writes);
    this.#transactions[actor] = null;
    this.#releaseRows(actor);
    const { locks, granted } = releaseAll(this.#heavy, actor);
    this.#heavy = locks;
    for (const waiter of granted) this.#free(waiter);
    for (const [waiter, execution] of this.#executions.entries()) {
      const wait = execution?.wait;
      if (wait?.on === 'transaction' && wait.actor === actor && wait.number === transaction.number) this.#free(waiter);
    }
  }

  #releaseRows(actor: ActorIndex): void {
    for (const [slot, locks] of this.#rowLocks ?? this.#state.rowLocks) {
      const kept = locks.filter((lock) => lock.actor !== actor);
      if (kept.length === locks.length) continue;
      this.#rowLocks ??= new Map(this.#state.rowLocks);
      if (kept.length === 0) this.#rowLocks.delete(slot);
      else this.#rowLocks.set(slot, kept);
    }
  }

  #free(actor: ActorIndex): void {
    const execution = this.#executions[actor];
    if (execution?.wait) this.#executions[actor] = { ...execution, freed: true };
  }
}

function merge(committed: Committed, writes: ReadonlyMap<number, Write>): Committed {
  const rows = new Map(committed.rows);
  const dead = new Map(committed.dead);
  for (const [slot, write] of writes) {
    if (write.next !== null) rows.set(slot, write.next);
    else if (rows.delete(slot)) dead.set(slot, write.deleted!);
  }
  return { rows, dead, byTable: null };
}
