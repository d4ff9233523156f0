import type { Value } from './types.js';

/** A sequence as it stands: it belongs to no transaction. */
export interface SequenceState {
  readonly lastValue: number;
  readonly isCalled: boolean;
  /** Values that may be drawn before one is written to the log again, which takes a transaction id (sequence.c, log_cnt). */
  readonly logged: number;
}

/** What one statement sees: rows by content, sequences, and the transaction's clock. */
export interface View {
  /** Ids of row contents, ascending: the order in which pg-mem gets them. */
  contents(table: number): readonly number[];
  readonly sequences: readonly SequenceState[];
  readonly nowMs: number;
  /** Where the statement may draw from chance and sequences: by whom, from where on, and, once it has, where that has led. */
  readonly drawing?: Drawing;
}

/** Draws of one statement. What is asked next goes on where the last has ended. */
export interface Drawing {
  readonly stream: string;
  count: number;
  sequences: readonly SequenceState[];
}

export interface ResultRow {
  readonly values: readonly Value[];
  /** Index into the view's contents of the query's table; -1 where the query asks for none. */
  readonly row: number;
  /** Of a text query: new values of the target's columns. */
  readonly changes?: readonly Value[];
  /** Of a text query: what the row is joined from, as its hidden outputs say. */
  readonly joined?: readonly Value[];
}
