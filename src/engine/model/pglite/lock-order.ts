import { identifier, type Outline } from './outline.js';

/**
 * Clauses in the order in which a query is analysed, and its tables locked (analyze.c: WITH, the target, FROM, then what is computed; an UPDATE's
 * SET comes last). Tables of one clause come as they are written.
 */
const CLAUSES: ReadonlyMap<string, number> = new Map([
  ['from', 3],
  ['using', 3],
  ['select', 4],
  ['values', 4],
  ['where', 5],
  ['group', 6],
  ['having', 6],
  ['window', 6],
  ['order', 6],
  ['limit', 6],
  ['offset', 6],
  ['conflict', 6],
  ['returning', 6],
  ['set', 7],
]);
const TARGET = 1;
const WITH_OF_AN_INSERT = 2;
const AFTER_A_SET_OPERATION = 10;
const SET_OPERATIONS: readonly string[] = ['union', 'intersect', 'except'];

/** The place of a table's first mention among all, in the order of analysis. */
export function lockOrder({ tokens, verb }: Outline): (table: string) => number {
  const places = new Map<string, number>();
  let depth = 0;
  let base = 0;
  let clause = 0;
  for (const [at, token] of tokens.entries()) {
    if (token.text === '(') depth += 1;
    else if (token.text === ')') depth -= 1;
    else if (depth === 0 && token.kind === 'word') {
      if (SET_OPERATIONS.includes(token.text)) base += AFTER_A_SET_OPERATION;
      // Later on it is that of FOR UPDATE.
      else if (token.text === verb && clause === 0 && verb !== 'select') clause = TARGET;
      else if (token.text === 'with' && at > 0) clause = WITH_OF_AN_INSERT;
      // IS DISTINCT FROM is none.
      else if (tokens[at - 1]?.text !== 'distinct') clause = CLAUSES.get(token.text) ?? clause;
    }
    const name = identifier(token);
    const place = (base + clause) * tokens.length + at;
    places.set(name, Math.min(place, places.get(name) ?? place));
  }
  return (table) => places.get(table) ?? Number.POSITIVE_INFINITY;
}
