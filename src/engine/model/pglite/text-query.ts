import type { Output } from '../query.js';
import type { TypeId } from './type-ids.js';

/** Rows that a table has while a query runs: those of the view, or one given row. */
export interface Load {
  readonly schema: string;
  readonly table: number;
  /** Null for the view's; else which of the given rows. */
  readonly given: number | null;
}

/** What a row says of where it comes from, behind what it shows. */
export type Hidden =
  /** Which row of a loaded table, by its place in that schema. */
  { readonly kind: 'row'; readonly schema: string; readonly table: number } | { readonly kind: 'text' };

/** Text that PGlite runs over loaded rows. Its effects are undone; what counts are the rows that it returns. */
export interface TextQuery {
  readonly text: string;
  readonly id: number;
  readonly parameterTypes: readonly TypeId[];
  readonly values: readonly (string | null)[];
  /** What a reply shows. */
  readonly outputs: readonly Output[];
  /** Types of the columns behind: new values of the target's. */
  readonly changes: readonly string[];
  readonly hidden: readonly Hidden[];
  readonly loads: readonly Load[];
  /** It draws from chance, or from sequences. */
  readonly draws: boolean;
  /** Sequences that it reads as relations, or draws from. */
  readonly sequences: readonly number[];
  /** Its rows come in an order that it asked for. */
  readonly ordered: boolean;
  /** Numbers of the given texts. */
  readonly texts: readonly number[];
}

/** Rows and texts that a query is given: what a row is joined with. */
export interface Given {
  readonly rows: readonly (number | null)[];
  readonly texts: readonly (string | null)[];
}

export const NOTHING_GIVEN: Given = { rows: [], texts: [] };

let queries = 0;

export function newTextQuery(
  query: Omit<TextQuery, 'id' | 'sequences' | 'draws'> & Partial<Pick<TextQuery, 'sequences' | 'draws'>>,
): TextQuery {
  queries += 1;
  return { sequences: [], draws: false, ...query, id: queries };
}
