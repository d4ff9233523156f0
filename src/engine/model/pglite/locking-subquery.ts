import { identifier, readStatement } from '../../../sql/text.js';
import { UnmodelledError } from '../../contract.js';
import type { Value } from '../types.js';
import { type Outline, readOutline, type Span } from './outline.js';
import { literal, quote } from './schema.js';

/**
 * A subquery that locks rows, and runs once, before anything else: `WHERE id = (SELECT ... FOR UPDATE)` and nothing besides (an InitPlan),
 * `= ANY (ARRAY(SELECT ...))`, or a WITH query that is the only relation the statement is joined with. Elsewhere the plan decides whether it runs,
 * and how often.
 */
export interface LockingSubquery extends Span {
  readonly as: 'scalar' | 'array' | 'with' | 'source';
  readonly text: string;
}

const LOCKING = new Set(['update', 'no', 'share', 'key']);

export function findLockingSubquery(outline: Outline): LockingSubquery | null {
  const { tokens, text } = outline;
  const opens: number[] = [];
  let found: { open: number; depth: number } | null = null;
  let close = -1;
  tokens.forEach((token, index) => {
    if (token.text === '(') opens.push(index);
    if (token.text === ')') {
      const open = opens.pop();
      if (found !== null && open === found.open) close = index;
    }
    if (token.kind !== 'word' || token.text !== 'for' || !LOCKING.has(tokens[index + 1]?.text ?? '') || opens.length === 0) return;
    if (found !== null) throw new UnmodelledError('several subqueries with a locking clause');
    found = { open: opens.at(-1)!, depth: opens.length };
  });
  if (found === null) return null;
  const { open, depth } = found as { open: number; depth: number };
  const span = { start: tokens[open]!.start, end: tokens[close]!.end, text: text.slice(tokens[open]!.end, tokens[close]!.start) };
  const words = (from: number, ...wanted: string[]) => wanted.every((word, offset) => tokens[from + offset]?.text === word);
  if (isWholeCondition(outline, open, close, depth - 1)) return { ...span, as: 'scalar' };
  if (words(open - 3, 'any', '(', 'array') && isWholeCondition(outline, open - 3, close + 1, depth - 2)) return { ...span, as: 'array' };
  const named = tokens[open - 1]?.text === 'materialized' ? open - 2 : open - 1;
  const name = tokens[named - 1];
  if (depth === 1 && tokens[named]?.text === 'as' && name !== undefined && isOnlyRelation(outline, identifier(name)))
    return { ...span, as: 'with' };
  throw new UnmodelledError('a locking clause in a subquery, where the plan decides whether it runs and how often');
}

/** The locking query of an INSERT ... SELECT ... FOR UPDATE: it locks a row, and the row is inserted before the next is locked. */
export function findLockingSource({ verb, source, text, oneRow, withQueries }: Outline): LockingSubquery | null {
  if (verb !== 'insert' || source === null || oneRow) return null;
  const query = text.slice(source.start, source.end);
  if (!/^\s*select\b/i.test(query) || readOutline(query).locking.length === 0) return null;
  if (withQueries.length > 0) throw new UnmodelledError('INSERT ... SELECT with a locking clause, behind WITH');
  return { ...source, text: query, as: 'source' };
}

/**
 * Whether a statement's condition is `column =` and what stands from one token to another, and nothing besides, whatever parentheses are around it.
 * `depth`: how many are.
 */
function isWholeCondition({ tokens }: Outline, first: number, last: number, depth: number): boolean {
  let [before, after] = [first - 1, last + 1];
  const stripped = () => {
    let count = 0;
    for (; tokens[before]?.text === '(' && tokens[after]?.text === ')'; count += 1) [before, after] = [before - 1, after + 1];
    return count;
  };
  const around = stripped();
  if (tokens[before]?.text !== '=') return false;
  before -= tokens[before - 2]?.text === '.' ? 4 : 2;
  const all = around + stripped();
  const end = tokens[after]?.text;
  return all === depth && tokens[before]?.text === 'where' && (end === undefined || end === 'returning' || end === ';');
}

function isOnlyRelation({ verb, withQueries, from, tokens }: Outline, name: string): boolean {
  const mentioned = tokens.filter((token) => (token.kind === 'word' || token.kind === 'quoted') && identifier(token) === name);
  const uses = from.filter((relation) => relation.name === name).length;
  return verb !== 'insert' && withQueries.length === 1 && from.length === 1 && uses === 1 && mentioned.length >= 2;
}

/** A column of such rows, and how SQL names its type. */
export interface GivenColumn {
  readonly name: string;
  readonly type: string;
}

/** Types of which no constant can be written. */
const NO_CONSTANTS = new Set(['record', 'record[]', 'void']);

/** The statement with the subquery's rows in its place. */
export function withRows(
  { text }: Outline,
  subquery: Span & Pick<LockingSubquery, 'as'>,
  columns: readonly GivenColumn[],
  rows: readonly (readonly Value[])[],
): string {
  const types = columns.map(({ type }) => type);
  const odd = types.find((type) => NO_CONSTANTS.has(type));
  if (odd !== undefined) throw new UnmodelledError(`a subquery that locks or modifies, with a value of the type ${odd}`);
  const value = (item: Value, column: number) => `${literal(item === null ? null : String(item))}::${types[column]}`;
  const before = text.slice(0, subquery.start);
  const after = text.slice(subquery.end);
  switch (subquery.as) {
    case 'scalar':
      if (columns.length !== 1 || rows.length > 1) throw new UnmodelledError('a locking subquery with several rows or columns');
      return `${before}(${value(rows[0]?.[0] ?? null, 0)})${after}`;
    case 'array':
      if (columns.length !== 1) throw new UnmodelledError('a locking subquery with several columns');
      return `${before}(ARRAY[${rows.map((row) => value(row[0]!, 0)).join()}]::${types[0]}[])${after}`.replace(
        /array\s*\(ARRAY\[/i,
        '(ARRAY[',
      );
    case 'source': {
      if (rows.length > 1 && !readStatement(text.slice(subquery.start, subquery.end)).ordered)
        throw new UnmodelledError('INSERT ... SELECT with a locking clause over several rows, without ORDER BY');
      // Text may be a bare string, which takes the type of the column that it goes to.
      const given = (item: Value, column: number) =>
        types[column] === 'text' ? literal(item === null ? null : String(item)) : value(item, column);
      if (rows.length === 0) return `${before}SELECT ${columns.map((_, column) => given(null, column)).join()} WHERE false${after}`;
      return `${before}VALUES ${rows.map((row) => `(${row.map(given).join()})`).join()}${after}`;
    }
    case 'with': {
      // A query of WITH without RETURNING cannot be asked for.
      if (columns.length === 0) return `${before}(SELECT)${after}`;
      const named = columns.map(({ name }) => quote(name)).join();
      const nulls = columns.map((_, column) => value(null, column)).join();
      const all = [`(${nulls})`, ...rows.map((row) => `(${row.map(value).join()})`)].join();
      return `${before}(SELECT * FROM (VALUES ${all}) AS given(${named}) OFFSET 1)${after}`;
    }
  }
}
