import { closingParenthesis, identifier, type Token } from '../../sql/text.js';
import type { Catalog } from './catalog.js';
import type { TableLock } from './statements.js';

/**
 * Clauses in the order in which a query is analysed, and its tables locked (analyze.c, transformSelectStmt and its kin). A query inside is analysed
 * where it stands, in the same order. What stands in one clause comes as it is written.
 */
const CLAUSES = [
  ['with'],
  ['insert', 'update', 'delete'],
  ['with of what is inserted'],
  ['from', 'using'],
  ['select', 'values'],
  ['where'],
  ['having'],
  ['conflict'],
  ['returning'],
  ['set'],
  ['order'],
  ['group'],
  ['offset'],
  ['limit'],
  ['window'],
];
const RANKS: ReadonlyMap<string, number> = new Map(CLAUSES.flatMap((words, rank) => words.map((word) => [word, rank])));
const VERBS: readonly string[] = ['insert', 'update', 'delete'];
const SET_OPERATIONS: readonly string[] = ['union', 'intersect', 'except'];
const QUERIES: readonly string[] = ['with', 'select', 'values', '('];

/** The locks of a statement in the order in which PostgreSQL takes them; those on tables that it does not name, which are behind views, come last. */
export function inLockOrder(locks: readonly TableLock[], tokens: readonly Token[], { tables }: Catalog): TableLock[] {
  const names = namesIn(tokens, true);
  const place = ({ table }: TableLock) => (names.includes(tables[table]!.name) ? names.indexOf(tables[table]!.name) : names.length);
  return [...locks].sort((left, right) => place(left) - place(right));
}

/** Identifiers in the order of analysis. */
function namesIn(tokens: readonly Token[], isQuery: boolean): string[] {
  const clauses = new Map<number, string[]>();
  let operand = 0;
  let clause = 0;
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at]!;
    if (isQuery && token.kind === 'word') {
      if (SET_OPERATIONS.includes(token.text)) operand += CLAUSES.length;
      else clause = clauseOf(tokens, at, clause);
    }
    const names = clauses.get(operand + clause) ?? [];
    clauses.set(operand + clause, names);
    if (token.text === '(') {
      const end = closingParenthesis(tokens, at);
      const inside = tokens.slice(at + 1, end);
      names.push(...namesIn(inside, QUERIES.includes(inside[0]?.text ?? '')));
      at = end;
    } else names.push(identifier(token));
  }
  return [...clauses].sort(([left], [right]) => left - right).flatMap(([, names]) => names);
}

/** Which clause a word begins; the one that it stands in, where it begins none. */
function clauseOf(tokens: readonly Token[], at: number, clause: number): number {
  const { text } = tokens[at]!;
  const next = RANKS.get(text);
  if (next === undefined || tokens[at - 1]?.text === 'distinct') return clause;
  // The verb of FOR UPDATE and DO UPDATE begins none.
  if (VERBS.includes(text) && clause > 0) return clause;
  if (text === 'with' && at > 0) return RANKS.get('with of what is inserted')!;
  return clause === RANKS.get('conflict') && text !== 'returning' ? clause : next;
}
