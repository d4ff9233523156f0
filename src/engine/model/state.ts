import type { ResultReply } from '../../reply.js';
import type { IsolationLevel } from '../../scenario.js';
import type { ActorIndex } from '../contract.js';
import type { HeavyLocks } from './heavy-locks.js';
import type { TextQuery } from './pglite/text-query.js';
import type { Query } from './query.js';
import type { PendingSettings, SessionSettings } from './settings-state.js';
import type { SqlError } from './sql-error.js';
import type { RowLockMode, StatementPlan } from './statements.js';
import type { Value } from './types.js';
import type { SequenceState } from './visible.js';

/**
 * A state of the model is a value: whoever changes one changes a copy. Rows live in *slots*: a slot is one row from its insert to
 * its delete, through all its updates (PostgreSQL's update chain). A row that is deleted and inserted anew has a new slot, so
 * that a waiter on the old one finds nothing.
 */
export interface ModelState {
  readonly committed: Committed;
  readonly sequences: readonly SequenceState[];
  /** What each actor has drawn from chance. */
  readonly draws: readonly Draws[];
  /** By actor. */
  readonly transactions: readonly (Transaction | null)[];
  readonly executions: readonly (Execution | null)[];
  /** Who has locked which row; a write locks too. */
  readonly rowLocks: ReadonlyMap<number, RowLocks>;
  readonly heavy: HeavyLocks;
  /** Transactions at SERIALIZABLE that have a snapshot and still matter, committed ones too. */
  readonly serializable: readonly SerializableTransaction[];
  /** Next free numbers; they only tell things apart and are no part of the canonical state. */
  readonly next: Counters;
  readonly clockMs: number;
  /** By actor: what its session has set. */
  readonly sessions: readonly SessionSettings[];
}

/** How often a session has drawn, and how many sessions its actor had before: each draws from a stream of its own. -1 while the first rows are put in. */
export interface Draws {
  readonly count: number;
  readonly session: number;
}

export interface Counters {
  readonly slot: number;
  readonly version: number;
  readonly position: number;
  /** Transaction ids. */
  readonly xid: number;
}

/** One version of a row. */
export interface Version {
  readonly slot: number;
  readonly id: number;
  readonly content: number;
  /** Where it lies in the heap, relative to others: a new version lies behind all older ones. */
  readonly position: number;
  /** Likewise where its index entries lie: with an update that makes none (HOT), where they were. */
  readonly entered: number;
  /** The version that it replaced; 0 for an insert's. */
  readonly parent: number;
  /** The transaction, or part of one since a savepoint, that made it, by transaction id. */
  readonly madeBy: number;
  /** The oldest version from which updates have led here that do not count as updates of the key. */
  readonly sameKeySince: number;
}

/** All rows that are committed at one moment, by slot. A snapshot is one of these, kept. */
export interface Committed {
  readonly rows: ReadonlyMap<number, Version>;
  /** Rows that are gone, by slot: the version that was deleted. */
  readonly dead: ReadonlyMap<number, number>;
  /** Versions by table; computed when first asked for. */
  byTable: readonly (readonly Version[])[] | null;
}

export interface RowLocks {
  readonly locks: readonly RowLock[];
  /**
   * Where several had the row at a time: the strongest mode among them, which the row goes on to show when its holder is gone, until somebody
   * locks it anew (heapam.c, the infomask of a multixact). Null where the row shows what it is.
   */
  readonly shows: RowLockMode | null;
}

export interface RowLock {
  readonly actor: ActorIndex;
  /** The transaction id that it was taken under: it goes when that part of the transaction is rolled back. */
  readonly xid: number;
  readonly mode: RowLockMode;
  /** The oldest version that it is on: a KEY SHARE outlives updates that leave the keys alone, on the old version as on the new. */
  readonly since: number;
}

export interface Transaction {
  /** The transaction itself, then its open savepoints, outermost first. */
  readonly levels: readonly Level[];
  readonly isolation: IsolationLevel;
  readonly readOnly: boolean;
  readonly explicit: boolean;
  /** After an error: everything but the end, and ROLLBACK TO, is refused with 25P02. */
  readonly aborted: boolean;
  /** Some statement of it has had a snapshot: it is too late to change its level (snapmgr.c, FirstSnapshotSet). */
  readonly queried: boolean;
  readonly deferrable: boolean;
  /**
   * SERIALIZABLE, READ ONLY, DEFERRABLE: whom its snapshot waits for, since it might show what cannot be serialised with what they do; and how many
   * serializable transactions had committed when it was taken (predicate.c, GetSafeSnapshot).
   */
  readonly rivals: readonly ActorIndex[];
  readonly began: number;
  /** REPEATABLE READ: taken by the first statement that needs one, and kept. */
  readonly snapshot: Committed | null;
  readonly nowMs: number;
  /** By slot. */
  readonly writes: ReadonlyMap<number, Write>;
  /** Tables that it has emptied: of them it sees and has nothing but what it has written since. */
  readonly truncated: ReadonlySet<number>;
  /** Checks that are put off to its end, in the order in which they came up. */
  readonly deferred: readonly Item[];
  readonly timing: SetTiming;
  readonly settings: PendingSettings;
}

/** What SET CONSTRAINTS has said in the transaction: whether checks are deferred. Null where it has said nothing of all. */
export interface SetTiming {
  readonly all: boolean | null;
  readonly named: ReadonlyMap<string, boolean>;
}

/** A transaction, or what is done in it after a savepoint: a subtransaction (src/backend/access/transam/README). */
export interface Level {
  /** Null for the transaction itself. */
  readonly name: string | null;
  /**
   * Its transaction id, given out when it first locks or writes a row, after those of the levels around it; 0 before. Waits are for ids, and
   * several lockers of a row are waited for in the order of theirs.
   */
  readonly xid: number;
  /** Ids of savepoints that were released into it: they live and die with it. */
  readonly released: readonly number[];
  /** The transaction's writes when it began, which a partial rollback restores. */
  readonly writes: ReadonlyMap<number, Write>;
  readonly truncated: ReadonlySet<number>;
  readonly deferred: readonly Item[];
  readonly timing: SetTiming;
  readonly settings: PendingSettings;
}

/** A transaction at SERIALIZABLE, from its snapshot on for as long as it matters; what follows from it is in serializable.ts. */
export interface SerializableTransaction {
  readonly actor: ActorIndex;
  readonly readOnly: boolean;
  readonly snapshot: Committed;
  /** How many serializable transactions had committed when the snapshot was taken. */
  readonly began: number;
  /** Its place among those that have committed; null while it runs. */
  readonly committed: number | null;
  /** Tables that it has read, and those to which it has written. */
  readonly reads: ReadonlySet<number>;
  readonly writes: ReadonlySet<number>;
  readonly observations: readonly Observation[];
  /** How many of them have been told of: a statement that fails tells nothing, and where in its work it failed is up to the server. */
  readonly told: number;
  /** Once committed: what it changed. */
  readonly changes: ReadonlyMap<number, Write>;
  /** It has been the pivot of a possible structure whose Tout has committed: it may fail at any step from now on, whoever is left of the others. */
  readonly doomed: boolean;
}

/** What a query answered. */
export interface Observation {
  readonly query: Query | TextQuery;
  readonly own: Pick<Transaction, 'writes' | 'truncated' | 'nowMs'>;
  /** How many of its rows were certainly looked at; Infinity: all. */
  readonly first: number;
  readonly answer: string;
}

/** An uncommitted change to one row. */
export interface Write {
  readonly table: number;
  /** The committed version it replaces; null for an insert. */
  readonly base: Version | null;
  /** Null for a delete. */
  readonly next: Version | null;
  /** The transaction id that first changed the base, or inserted the row. */
  readonly by: number;
  /** The id under which the new version's index entries were made: an update that leaves indexed columns alone makes none (HOT). */
  readonly keyedBy: number;
  /** For a delete: the version that was deleted, which may be one of our own. */
  readonly deleted: number | null;
  /** The base was updated in a way that lets others share its key, whatever has been done to the row since. */
  readonly keyShared: boolean;
  /** How many unique indexes and exclusion constraints are done with the new version so far. */
  readonly indexed: number;
  /** Versions of our own that this one has replaced, where it has index entries of its own: theirs are still there. */
  readonly past: readonly { readonly content: number; readonly keyedBy: number; readonly entered: number }[];
}

export type Wait =
  /** For the end of a transaction, or of the part of it that has the id. */
  | { readonly on: 'transaction'; readonly actor: ActorIndex; readonly xid: number }
  | { readonly on: 'heavy'; readonly resource: string }
  /** For the transaction's rivals. */
  | { readonly on: 'snapshot' };

/** A row that a statement has still to lock or write. */
export interface Item {
  readonly table: number;
  readonly slot: number;
  /** The version that is being locked: the one that the statement saw, or a newer one once that was replaced. */
  readonly version: Version | null;
  /** For an insert: the new row, sequences filled in when its turn comes. */
  readonly values: readonly Value[] | null;
  readonly kind: 'lock' | 'insert' | 'update' | 'rewrite' | 'delete' | 'fails' | 'parent' | 'child' | 'referrer' | 'recheck';
  /** For a foreign key's check: its id. */
  readonly foreignKey: string | null;
  readonly mode: RowLockMode;
  /** What the row is joined from, where there is more than the one. */
  readonly join: JoinedRow | null;
  /** What RETURNING gives for it, where that was computed together with the values. */
  readonly returned: readonly Value[] | null;
  /** For the action of a foreign key: the key that is gone, and the one in its place where it was changed. */
  readonly key?: KeyChange;
  /** SET DEFAULT has been done: what still refers to the key is looked for once more. */
  readonly hasSetDefault?: boolean;
  /** For a foreign key's check: the row that refers. */
  readonly owner?: Version;
  /** For a unique key's check: which index. */
  readonly index?: number;
  /** What is thrown when the row's turn comes. */
  readonly error?: SqlError;
}

export interface KeyChange {
  readonly old: readonly Value[];
  readonly next: readonly Value[] | null;
}

/** A row of a join on its way through LockRows or ModifyTable. */
export interface JoinedRow {
  /** By relation: the version that it gave; null for no row, and for what is no table. */
  readonly versions: readonly (Version | null)[];
  /** By relation: the row as text, where it is no table's. */
  readonly texts: readonly (string | null)[];
  /** Which of the plan's targets is being locked. */
  readonly target: number;
  /** A newer version was locked than was joined: the row has to be looked at again. */
  readonly replaced: boolean;
}

/** Where the item at the cursor stands. */
export interface ItemProgress {
  /** Version being locked now. */
  readonly version: Version | null;
  /** Following the update chain after a concurrent update committed. */
  readonly chasing: boolean;
  /** The transaction that was in the way when the lock was asked for; the comer sleeps until it is done. */
  readonly sleptFor: { readonly actor: ActorIndex; readonly xid: number } | null;
  /** The id under which it had an update under way at that moment; 0 where it had none. */
  readonly sawUpdate: number;
  /** The writer whose uncommitted version it waits at, on the way along the update chain, and which version was the newest committed one then. */
  readonly beyond: { readonly actor: ActorIndex; readonly xid: number; readonly newest: number } | null;
  /** An update's condition and values have been computed again on the newest version, which is locked. */
  readonly rechecked: boolean;
  /** The tuple lock held meanwhile (README.tuplock), by resource. */
  readonly tupleLock: string | null;
  /** For the check of a foreign key: the parents' table was not locked before it. */
  readonly tableLock: boolean | null;
  /** Values to be written: those of the statement's snapshot, or of the recheck. */
  readonly values: readonly Value[] | null;
  /** An insert or update whose row is in the heap and whose index entries are being made. */
  readonly written: boolean;
  /** What the row gives to the result. */
  readonly output: readonly Value[] | null;
  readonly returned: readonly Value[] | null;
  /** Indexes in which somebody was in the way, to be looked at again later. */
  readonly rechecks: readonly number[];
  /** For an ON CONFLICT that waits: which of its indexes it waits in. */
  readonly arbiter: number;
  /** An insert's values have been drawn from their sequences. */
  readonly drawn: boolean;
}

/** A statement on its way. It stays here while it waits, and while its commit is owed. */
export interface Execution {
  readonly plan: StatementPlan;
  readonly autocommit: boolean;
  /** An autocommitted plain read: its commit is no step of its own. */
  readonly oneStep: boolean;
  readonly stage: 'tables' | 'rows' | 'done';
  /** Tables locked so far. */
  readonly locked: number;
  readonly snapshot: Committed | null;
  /** The transaction's writes when the statement began: of its own it sees nothing. */
  readonly before: ReadonlyMap<number, Write>;
  readonly items: readonly Item[];
  /** Which item, or which of the functions called, is next. */
  readonly cursor: number;
  /** The lock that the function at the cursor waits for has been asked for: when the statement goes on, it has it. */
  readonly asked: boolean;
  readonly progress: ItemProgress | null;
  readonly outputs: readonly (readonly Value[])[];
  readonly affected: number;
  /** What the parts that came first have given, as text, once the rest of the statement is under way. */
  readonly given: string;
  /** How many rows of the part before it the rest takes one by one; 0 where it takes them at once. */
  readonly turns: number;
  /** Triggers that they have caused: they come when all rows are written. */
  readonly owed: readonly Item[];
  /** Slots that an ON CONFLICT DO UPDATE has inserted or updated: it may touch each once. */
  readonly touched: readonly number[];
  readonly wait: Wait | null;
  readonly freed: boolean;
  readonly reply: ResultReply | null;
}

export const EMPTY: Committed = { rows: new Map(), dead: new Map(), byTable: null };
