import type { Expr } from 'pgsql-ast-parser';
import type { TextQuery } from './pglite/text-query.js';
import type { SqlType, Value } from './types.js';
import type { SequenceState } from './visible.js';

export interface Column {
  readonly name: string;
  readonly type: SqlType;
  readonly isEnum: boolean;
  readonly notNull: boolean;
  /** The sequence that fills the column, by index. */
  readonly sequence: number | null;
  /** GENERATED ALWAYS: a value of one's own is refused. */
  readonly generatedAlways: boolean;
  /** Null for none, for one that a sequence gives, and for one that pg-mem cannot be asked about. */
  readonly default: Expr | null;
  /** The same as a query, for what gives the column its default later; null for none, and for one that is not known beforehand. */
  readonly laterDefault: TextQuery | null;
  /** Computed from other columns. */
  readonly generated: boolean;
  /** And not stored: it is computed where it is read. */
  readonly virtual: boolean;
  /** A function in its default that gives another value at every call. */
  readonly volatileDefault: string | null;
}

/** When a constraint is checked: row by row; or, where it is DEFERRABLE, at the end of the statement or of the transaction. */
export type Timing = 'at once' | 'immediate' | 'deferred';

/** A unique index, or the index of an exclusion constraint. */
export interface UniqueConstraint {
  readonly name: string;
  /** Null where the index is partial, or over expressions, or an exclusion constraint's. */
  readonly columns: readonly number[] | null;
  readonly nullsNotDistinct: boolean;
  readonly primary: boolean;
  readonly timing: Timing;
  /** Of one row, whether the index has it, and under which key; null where the columns say so. */
  readonly entry: TextQuery | null;
  /** Of two rows, whether both are in the index under the same key; null where equal keys are written alike. */
  readonly equal: TextQuery | null;
  readonly exclusion: Exclusion | null;
}

export interface Exclusion {
  /** Of a new row and of one that is there: whether both are in the index, and the operators hold between all of their keys. */
  readonly conflicts: TextQuery;
  /** WITHOUT OVERLAPS: the column whose ranges may not be empty. */
  readonly period: number | null;
}

export interface CheckConstraint {
  readonly name: string;
  /** Null where pg-mem cannot be asked. */
  readonly plain: Expr | null;
  readonly query: TextQuery;
}

export interface ForeignKey {
  /** Table and name: a name is unique in its table only. */
  readonly id: string;
  readonly name: string;
  readonly table: number;
  readonly columns: readonly number[];
  readonly parent: number;
  readonly parentColumns: readonly number[];
  readonly onDelete: ReferentialAction;
  readonly onUpdate: ReferentialAction;
  /** MATCH FULL: some columns alone may not be NULL. */
  readonly matchFull: boolean;
  /** Null where keys that are equal are alike. */
  readonly equality: KeyEquality | null;
  /** Columns that ON DELETE SET NULL or SET DEFAULT sets. */
  readonly setOnDelete: readonly number[];
  /** A foreign key is checked at the end of the statement at the earliest: `at once` is one that cannot be deferred. */
  readonly timing: Timing;
}

/** Whether two rows have equal keys: of a parent and a child, of two parents, of two children. */
export interface KeyEquality {
  readonly across: TextQuery;
  readonly parents: TextQuery;
  readonly children: TextQuery;
}

/** What becomes of the rows that refer to a key which goes or changes. */
export type ReferentialAction = 'no action' | 'restrict' | 'cascade' | 'set null' | 'set default';

export type TriggerEvent = 'insert' | 'update' | 'delete' | 'truncate';

export interface Trigger {
  readonly name: string;
  readonly on: readonly TriggerEvent[];
  /** Why it is not modelled; null where it is: it comes before each row, and only sets columns of NEW. */
  readonly refusal: string | null;
}

export interface Table {
  readonly index: number;
  readonly name: string;
  readonly schema: string;
  /** Its name where there may be several of one name: `schema.name` outside of "public". */
  readonly shown: string;
  readonly columns: readonly Column[];
  /** Columns of the primary key; none where there is no such key. */
  readonly key: readonly number[];
  /** Unique indexes and exclusion constraints, in the order in which a row is entered into them. */
  readonly unique: readonly UniqueConstraint[];
  /** Columns that any index depends on: an update that leaves them alone makes no index entries (README.HOT). */
  readonly indexed: ReadonlySet<number>;
  /** Columns of any unique constraint: changing one locks the row FOR UPDATE, changing another FOR NO KEY UPDATE. */
  readonly keyColumns: ReadonlySet<number>;
  /** In name order, in which PostgreSQL checks them. */
  readonly checks: readonly CheckConstraint[];
  readonly foreignKeys: readonly ForeignKey[];
  /** Foreign keys of other tables that point here. */
  readonly referencedBy: readonly ForeignKey[];
  /** Nothing but its constraints changes or refuses a value on its way in, so that pg-mem may be asked for its changes. */
  readonly plain: boolean;
  /** Why no change of it is modelled, where that is so. */
  readonly odd: string | null;
  readonly triggers: readonly Trigger[];
  /** Why no statement may touch it, and why none may write to it; null where they may. */
  readonly refused: { readonly touched: string | null; readonly written: string | null };
  /** A partition: its rows are shown with those of the table that it is of. */
  readonly partition: boolean;
  /** Rows that the schema has inserted, in the order in which they lie. */
  readonly rows: readonly (readonly Value[])[];
}

export interface Sequence {
  readonly index: number;
  readonly name: string;
  readonly schema: string;
  readonly shown: string;
  readonly increment: number;
  readonly min: bigint;
  readonly max: bigint;
  /** Goes on at the other end once it has come to one. */
  readonly cycles: boolean;
  /** How many values a session takes at once. */
  readonly cache: number;
  /** Where the schema leaves it. */
  readonly first: SequenceState;
}

export interface Catalog {
  readonly tables: readonly Table[];
  readonly sequences: readonly Sequence[];
  /** There is nothing but tables and sequences; else there may be views and more. */
  readonly plain: boolean;
  /** What the clock said when the schema was made shows in the rows that it has inserted. */
  readonly clocked: boolean;
}
