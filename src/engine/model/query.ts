import type { SelectFromStatement } from 'pgsql-ast-parser';
import type { SqlType } from './types.js';

export interface Output {
  readonly name: string;
  readonly type: SqlType;
  readonly nullable: boolean;
}

/** A SELECT inside another, and what is asked of it: its one value, whether it has rows, or all its values. */
export interface Subquery {
  readonly query: Query;
  readonly as: 'scalar' | 'exists' | 'list';
}

/** A SELECT that pg-mem answers. Its outputs are called c0, c1, ...; `row` asks for the hidden column too. */
export interface Query {
  readonly id: number;
  readonly select: SelectFromStatement;
  readonly outputs: readonly Output[];
  /** Indices of the tables it reads. */
  readonly tables: readonly number[];
  readonly sequences: readonly number[];
  /** The table of which it reads one given row instead, if any. */
  readonly oneRow: number | null;
  readonly subqueries: readonly Subquery[];
  readonly usesNow: boolean;
  readonly ordered: boolean;
  /** How many hidden outputs o0, o1, ... hold what the rows are ordered by. */
  readonly orderKeys: number;
  /** The part of the ordered rows that is wanted. */
  readonly window: { readonly offset: number; readonly limit: number } | null;
}
