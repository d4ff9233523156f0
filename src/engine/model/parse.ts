import { parseFirst, type Statement } from 'pgsql-ast-parser';
import { type Token, tokenize } from '../../sql/text.js';
import { UnmodelledError } from '../contract.js';
import { SqlError } from './sql-error.js';

/** LOCK TABLE, which the parser does not know. */
export interface LockTable {
  readonly type: 'lock table';
  readonly tables: readonly string[];
  readonly mode: TableLockMode;
  readonly nowait: boolean;
}

/** TRUNCATE: the parser's own leaves out half of it. */
export interface Truncate {
  readonly type: 'truncate';
  readonly tables: readonly string[];
  readonly restartIdentity: boolean;
  readonly cascade: boolean;
}

export type ParsedStatement = Statement | LockTable | Truncate;

/** PostgreSQL's table lock modes, weakest first (manual, "Explicit Locking", table 13.2). */
export const TABLE_LOCK_MODES = [
  'ACCESS SHARE',
  'ROW SHARE',
  'ROW EXCLUSIVE',
  'SHARE UPDATE EXCLUSIVE',
  'SHARE',
  'SHARE ROW EXCLUSIVE',
  'EXCLUSIVE',
  'ACCESS EXCLUSIVE',
] as const;
export type TableLockMode = (typeof TABLE_LOCK_MODES)[number];

export function parseStatement(text: string): ParsedStatement {
  const tokens = tokenize(text);
  if (tokens[0]?.text === 'lock') return parseLockTable(tokens, text);
  if (tokens[0]?.text === 'truncate') return parseTruncate(tokens, text);
  refuseUtility(tokens);
  if (tokens.some((token) => token.text === ';' && token.end < text.trimEnd().length))
    throw new SqlError('42601', 'cannot insert multiple commands into a prepared statement');
  try {
    return parseFirst(spaceMinus(text));
  } catch {
    throw new UnmodelledError(`the parser does not know this statement: ${text}`);
  }
}

/** Statements that are no queries, and what they would need. */
const UTILITIES: Readonly<Record<string, string>> = {
  call: 'procedures are not modelled',
  checkpoint: 'the server as a whole is not modelled',
  close: 'cursors are not modelled',
  copy: 'rows that are streamed are not modelled',
  deallocate: 'statements that are prepared by name are not modelled',
  declare: 'cursors are not modelled',
  discard: 'what it throws away is part of the session that the scheduler needs',
  do: 'what its block does is not modelled',
  execute: 'statements that are prepared by name are not modelled',
  explain: 'plans are up to the server',
  fetch: 'cursors are not modelled',
  move: 'cursors are not modelled',
  prepare: 'statements that are prepared by name, and two-phase commit, are not modelled',
  analyze: 'the server as a whole is not modelled',
  vacuum: 'the server as a whole is not modelled',
  reset: 'this setting is not modelled',
  set: 'this setting, or this value, is not modelled',
  show: 'this setting is not modelled',
  ...Object.fromEntries(
    'alter cluster comment create drop grant import reassign refresh reindex revoke security'
      .split(' ')
      .map((verb) => [verb, 'a schema that changes in the course of a run is not modelled']),
  ),
};

function refuseUtility([first, second]: readonly Token[]): void {
  const why = first?.kind === 'word' && Object.hasOwn(UTILITIES, first.text) ? UTILITIES[first.text] : undefined;
  if (why === undefined) return;
  const named = second?.kind === 'word' ? ` ${second.text.toUpperCase()}` : '';
  throw new UnmodelledError(`${first!.text.toUpperCase()}${named}: ${why}`);
}

/** The parser takes `x-1` for `x` and `-1`: a space after the sign makes it a subtraction again. */
export function spaceMinus(text: string): string {
  const tokens = tokenize(text);
  let spaced = '';
  let done = 0;
  tokens.forEach((token, index) => {
    const before = tokens[index - 1];
    const after = tokens[index + 1];
    const operand = before !== undefined && (before.kind !== 'symbol' || before.text === ')');
    const keyword = before?.kind === 'word' && KEYWORDS_BEFORE_A_SIGN.has(before.text);
    if (token.text !== '-' || !operand || keyword || after?.kind !== 'number' || after.start !== token.end) return;
    spaced += `${text.slice(done, token.end)} `;
    done = token.end;
  });
  return spaced + text.slice(done);
}

const KEYWORDS_BEFORE_A_SIGN = new Set(
  'select where and or not then else when between in values limit offset by returning set case is like'.split(' '),
);

const wordsOf = (tokens: readonly Token[]): string[] =>
  tokens.map((token) => (token.kind === 'quoted' ? token.text.slice(1, -1) : token.text)).filter((word) => word !== ';');

/** Names of tables behind a verb, and where they end. */
function parseTables(words: readonly string[]): { readonly tables: readonly string[]; readonly end: number } {
  let at = words[1] === 'table' ? 2 : 1;
  const tables: string[] = [];
  for (;;) {
    if (words[at] === 'only') at += 1;
    const isQualified = words[at + 1] === '.';
    tables.push(isQualified && words[at] !== 'public' ? `${words[at]}.${words[at + 2]}` : (words[isQualified ? at + 2 : at] ?? ''));
    at += isQualified ? 3 : 1;
    if (words[at] === '*') at += 1;
    if (words[at] !== ',') return { tables, end: at };
    at += 1;
  }
}

function parseTruncate(tokens: readonly Token[], text: string): Truncate {
  const words = wordsOf(tokens);
  const { tables, end } = parseTables(words);
  const options = words.slice(end).join(' ');
  if (!/^((restart|continue) identity ?)?(cascade|restrict)?$/.test(options)) throw new UnmodelledError(`this statement: ${text}`);
  return { type: 'truncate', tables, restartIdentity: options.startsWith('restart'), cascade: options.endsWith('cascade') };
}

function parseLockTable(tokens: readonly Token[], text: string): LockTable {
  const words = wordsOf(tokens);
  const { tables, end } = parseTables(words);
  let at = end;
  let mode: TableLockMode = 'ACCESS EXCLUSIVE';
  if (words[at] === 'in') {
    const end = words.indexOf('mode', at);
    const named = words
      .slice(at + 1, end)
      .join(' ')
      .toUpperCase();
    if (!(TABLE_LOCK_MODES as readonly string[]).includes(named)) throw new UnmodelledError(`this statement: ${text}`);
    mode = named as TableLockMode;
    at = end + 1;
  }
  const nowait = words[at] === 'nowait';
  if (at + (nowait ? 1 : 0) !== words.length) throw new UnmodelledError(`this statement: ${text}`);
  return { type: 'lock table', tables, mode, nowait };
}
