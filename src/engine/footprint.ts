/**
 * What a step has read, written and locked, as far as its engine can tell. Two steps of different actors whose footprints do not conflict
 * (`explore/conflicts.ts`) come to the same in either order.
 */

/**
 * Rows of a relation, by columns that have a given value in all of them: `{ slot_id: '7' }`. Values are in PostgreSQL's text form. Without
 * any column it is every row. Only types whose equality is that of their text take part: whole numbers, text, uuid, boolean, date.
 */
export type RowSet = Readonly<Record<string, string>>;

/** Row locks, weakest first (PostgreSQL, explicit-locking.html, "Row-Level Locks"). */
export type RowLock = 'key share' | 'share' | 'no key update' | 'update';

export type Access =
  /**
   * Sees what is committed of these rows, at a snapshot that the step takes. `newest`: also where the transaction has a snapshot of its own
   * for all its statements, as a foreign key's check does.
   */
  | { readonly kind: 'reads'; readonly relation: string; readonly rows: RowSet; readonly newest?: boolean }
  /**
   * Locks rows that are there, or waits for them: FOR UPDATE and its like, a foreign key's check of the row it refers to. `one`: `rows` gives a unique key
   * in full, so that it is one row at the most. Absent where that is not known.
   */
  | { readonly kind: 'locks'; readonly relation: string; readonly rows: RowSet; readonly lock: RowLock; readonly one?: true }
  /** Changes or deletes rows that are there. `lock`: the row lock that it takes. `one`: as above. */
  | {
      readonly kind: 'writes';
      readonly relation: string;
      readonly rows: RowSet;
      readonly lock: 'no key update' | 'update';
      readonly one?: true;
    }
  /**
   * Adds rows, or new versions under another key. `keys`: for each row and each unique or exclusion constraint that it may meet, the columns and their values;
   * none where the relation has no such constraint; null where they are not known.
   */
  | { readonly kind: 'inserts'; readonly relation: string; readonly keys: readonly RowSet[] | null }
  /** Draws from a sequence, sets it or reads where it stands. */
  | { readonly kind: 'draws'; readonly sequence: string }
  /** An advisory lock. `key` as pg_locks has it: classid, objid and objsubid; `*` where it is not known, which may be any. */
  | { readonly kind: 'advisory'; readonly key: string; readonly shared: boolean }
  /** A lock on a relation as a whole, stronger than reading and writing rows takes: LOCK TABLE, TRUNCATE, DDL. `mode` as pg_locks has it. */
  | { readonly kind: 'table'; readonly relation: string; readonly mode: string };

/** Null: it cannot be told, and the step conflicts with every other. Relations are named with their schema: `public.seats`. */
export type Footprint = readonly Access[] | null;
