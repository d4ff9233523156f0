/**
 * What both engines have to know of a statement before it runs: whether it opens or ends a transaction, whether it is a plain
 * read, whether its rows come in an order that it asked for. Read off the tokens, since an engine may meet SQL that no parser of
 * ours understands.
 */

export interface Token {
  readonly kind: 'word' | 'quoted' | 'string' | 'number' | 'parameter' | 'symbol';
  /** Lower case for words; as written otherwise. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** A backslash is a letter like any other but in strings that begin with E (standard_conforming_strings). */
const STRING = String.raw`[eE]'(?:[^'\\]|''|\\[\s\S])*'|'(?:[^']|'')*'`;
const NUMBER = String.raw`0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|\d[\d_]*(?:\.(?!\.)[\d_]*)?(?:[eE][-+]?\d[\d_]*)?|\.\d[\d_]*(?:[eE][-+]?\d[\d_]*)?`;
const LETTER = String.raw`A-Za-z_\u0080-\uffff`;
const TOKEN = new RegExp(
  [
    String.raw`(?<space>\s+|--[^\n]*)`,
    `(?<string>${STRING})`,
    String.raw`(?<dollar>\$(?<tag>(?:[${LETTER}][\d${LETTER}]*)?)\$[\s\S]*?\$\k<tag>\$)`,
    String.raw`(?<parameter>\$\d+)`,
    '(?<quoted>"(?:[^"]|"")*")',
    String.raw`(?<word>[${LETTER}][\d$${LETTER}]*)`,
    `(?<number>${NUMBER})`,
    String.raw`(?<symbol>::|<=|>=|<>|!=|\|\||->>|->|&&|@>|<@|[\s\S])`,
  ].join('|'),
  'gy',
);

/** Splits SQL into tokens; comments and white space are dropped. Block comments nest, as PostgreSQL's do. */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < sql.length) {
    if (sql.startsWith('/*', at)) {
      at = endOfComment(sql, at);
      continue;
    }
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(sql);
    if (match === null) break;
    const groups = match.groups as Record<string, string | undefined>;
    const end = at + match[0].length;
    const kind = kindOf(groups);
    if (kind !== null) tokens.push({ kind, text: kind === 'word' ? match[0].toLowerCase() : match[0], start: at, end });
    at = end;
  }
  return tokens;
}

function kindOf(groups: Record<string, string | undefined>): Token['kind'] | null {
  if (groups.space !== undefined) return null;
  if (groups.word !== undefined) return 'word';
  if (groups.symbol !== undefined) return 'symbol';
  if (groups.string !== undefined || groups.dollar !== undefined) return 'string';
  if (groups.number !== undefined) return 'number';
  return groups.quoted === undefined ? 'parameter' : 'quoted';
}

/** A word's or a quoted name's meaning. */
export const identifier = (token: Token): string => (token.kind === 'quoted' ? token.text.slice(1, -1).replaceAll('""', '"') : token.text);

/** Index of the parenthesis that closes the one at `open`; the end where none does. */
export function closingParenthesis(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let at = open; at < tokens.length; at += 1) {
    if (tokens[at]!.text === '(') depth += 1;
    if (tokens[at]!.text === ')') depth -= 1;
    if (depth === 0) return at;
  }
  return tokens.length;
}

function endOfComment(sql: string, start: number): number {
  let depth = 0;
  let at = start;
  do {
    if (sql.startsWith('/*', at)) {
      depth += 1;
      at += 2;
    } else if (sql.startsWith('*/', at)) {
      depth -= 1;
      at += 2;
    } else {
      at += 1;
    }
  } while (depth > 0 && at < sql.length);
  return at;
}

/** The statements of a script, without their semicolons. */
export function splitStatements(script: string): string[] {
  const statements: string[] = [];
  let start = 0;
  let empty = true;
  for (const token of tokenize(script)) {
    if (token.kind === 'symbol' && token.text === ';') {
      if (!empty) statements.push(script.slice(start, token.start).trim());
      start = token.end;
      empty = true;
    } else {
      empty = false;
    }
  }
  if (!empty) statements.push(script.slice(start).trim());
  return statements;
}

export interface TransactionModes {
  readonly isolation: 'READ COMMITTED' | 'REPEATABLE READ' | 'SERIALIZABLE' | null;
  readonly readOnly: boolean | null;
  readonly deferrable?: boolean;
}

export type StatementKind = 'begin' | 'set-transaction' | 'commit' | 'rollback' | 'savepoint' | 'rollback-to' | 'release' | 'other';

export interface StatementText {
  readonly kind: StatementKind;
  /** For `begin` and `set-transaction`. */
  readonly modes: TransactionModes;
  /** For `savepoint`, `rollback-to` and `release`: its name. */
  readonly savepoint: string;
  /** For `commit` and `rollback`: AND CHAIN. */
  readonly chain: boolean;
  /** First word, lower case: select, insert, lock, ... */
  readonly verb: string;
  /** A SELECT that locks and changes nothing, or a statement that concerns its own session alone: autocommitted, it is one step. */
  readonly plainRead: boolean;
  /** The outermost query has ORDER BY. */
  readonly ordered: boolean;
  /** Takes locks at the most, and gives none back before its transaction ends: nobody who waits goes on because of it. */
  readonly keepsLocks: boolean;
  /** More than one statement. */
  readonly several: boolean;
  /** May take ACCESS EXCLUSIVE on a table, behind which even a monitor's SELECT waits. */
  readonly mayLockReaders: boolean;
}

/** Functions without effects; a SELECT that calls another one is not taken for a plain read. */
const PURE_FUNCTIONS = new Set(
  (
    'count sum min max avg coalesce greatest least nullif now lower upper length abs round floor ceil exists any all in cast row array ' +
    'extract date_trunc to_char concat md5 json_agg jsonb_agg json_build_object jsonb_build_object row_to_json to_json to_jsonb ' +
    'current_setting set_config version current_schema current_database string_agg array_agg bool_and bool_or generate_series unnest daterange tstzrange values and or not on as from where when then else ' +
    'select using over filter by having union interval numeric varchar char decimal'
  ).split(' '),
);
/** Verbs of statements that change rows. */
export const CHANGES: ReadonlySet<string> = new Set(['insert', 'update', 'delete', 'merge']);
const MODIFYING = new Set([...CHANGES, 'into']);
const known = new Map<string, StatementText>();

/** Reads a statement; answers are remembered by text. */
export function readStatement(text: string): StatementText {
  let statement = known.get(text);
  if (statement === undefined) {
    statement = classify(tokenize(text));
    known.set(text, statement);
  }
  return statement;
}

function classify(tokens: readonly Token[]): StatementText {
  const words = tokens.map((token) => (token.kind === 'word' ? token.text : ''));
  const verb = words[0] ?? '';
  const second = words[1] ?? '';
  let kind: StatementKind = 'other';
  // Several statements in one text are refused as a whole: nothing begins, and nothing ends.
  if (tokens.some(({ text }, index) => text === ';' && index < tokens.length - 1)) kind = 'other';
  else if (verb === 'begin' || (verb === 'start' && second === 'transaction')) kind = 'begin';
  else if (verb === 'set' && second === 'transaction') kind = 'set-transaction';
  else if ((verb === 'commit' || verb === 'end') && second !== 'prepared') kind = 'commit';
  else if (verb === 'rollback' && words.includes('to')) kind = 'rollback-to';
  else if ((verb === 'rollback' && second !== 'prepared') || verb === 'abort') kind = 'rollback';
  else if (verb === 'savepoint' || verb === 'release') kind = verb;
  if (kind !== 'other' && !FORMS[kind].test(formOf(tokens))) kind = 'other';
  const read = verb === 'select' || verb === 'values' || verb === 'with' || verb === 'table';
  return {
    kind,
    modes: modesOf(words),
    savepoint: kind === 'savepoint' || kind === 'rollback-to' || kind === 'release' ? lastName(tokens) : '',
    chain: words.includes('chain') && !words.includes('no'),
    verb,
    plainRead: read ? isPlainRead(tokens) : kind === 'other' && isOwnAffair(tokens),
    ordered: read && hasOuterOrder(tokens),
    keepsLocks: (read || CHANGES.has(verb)) && !callsUnknown(tokens),
    several: tokens.some(
      (token, index) => token.text === ';' && tokens[index + 1] !== undefined && tokens[index + 1]!.text !== ';' && index > 0,
    ),
    mayLockReaders: !read && !QUIET.has(verb),
  };
}

/** A statement's words, with one word for every name in quotes. */
const formOf = (tokens: readonly Token[]): string =>
  tokens
    .map((token) => (token.kind === 'quoted' ? 'quoted' : token.text))
    .join(' ')
    .replace(/( ;)+$/, '');

const MODE = '(isolation level (serializable|repeatable read|read committed|read uncommitted)|read only|read write|(not )?deferrable)';
const MODES = `${MODE}( ,? ?${MODE})*`;
const END = '( work| transaction)?( and (no )?chain)?';
const NAME = "[^ ,;()'.]+";
/** What statements that control transactions look like in full (gram.y, TransactionStmt); what looks otherwise is wrong, or several statements. */
const FORMS: Readonly<Record<Exclude<StatementKind, 'other'>, RegExp>> = {
  begin: new RegExp(`^(begin( work| transaction)?|start transaction)( ${MODES})?$`),
  'set-transaction': new RegExp(`^set transaction ${MODES}$`),
  commit: new RegExp(`^(commit|end)${END}$`),
  rollback: new RegExp(`^(rollback|abort)${END}$`),
  savepoint: new RegExp(`^savepoint ${NAME}$`),
  'rollback-to': new RegExp(`^rollback( work| transaction)? to( savepoint)? ${NAME}$`),
  release: new RegExp(`^release( savepoint)? ${NAME}$`),
};

/** Nothing that others see: settings, notifications, an empty query. */
function isOwnAffair(tokens: readonly Token[]): boolean {
  const [first, second] = tokens;
  if (first === undefined || first.text === ';') return tokens.every(({ text }) => text === ';');
  if (first.text === 'set') return second?.text !== 'constraints' && second?.text !== 'transaction';
  return OWN_AFFAIRS.has(first.text);
}

const OWN_AFFAIRS = new Set(['reset', 'show', 'notify', 'listen', 'unlisten']);

/** Verbs of statements that lock no table so that others cannot read it. */
const QUIET = new Set(
  'insert update delete merge begin start commit end rollback abort savepoint release set reset show notify listen unlisten'.split(' '),
);

/** The name at a statement's end: lower case unless quoted. */
function lastName(tokens: readonly Token[]): string {
  const name = tokens.filter((token) => token.text !== ';').at(-1);
  return name?.kind === 'quoted' ? name.text.slice(1, -1).replaceAll('""', '"') : (name?.text ?? '');
}

function modesOf(words: readonly string[]): TransactionModes {
  const at = words.indexOf('level');
  const named = at < 0 ? '' : words.slice(at + 1, at + 3).join(' ');
  const isolation = named.startsWith('serializable')
    ? 'SERIALIZABLE'
    : named === 'repeatable read'
      ? 'REPEATABLE READ'
      : named === 'read committed' || named === 'read uncommitted'
        ? 'READ COMMITTED'
        : null;
  const only = words.indexOf('only');
  const write = words.indexOf('write');
  const deferrable = words.includes('deferrable') && !words.includes('not');
  return {
    isolation,
    deferrable,
    readOnly: only > 0 && words[only - 1] === 'read' ? true : write > 0 && words[write - 1] === 'read' ? false : null,
  };
}

function isPlainRead(tokens: readonly Token[]): boolean {
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== 'word') continue;
    if (MODIFYING.has(token.text)) return false;
    const next = tokens[index + 1]?.text;
    if (token.text === 'for' && (next === 'update' || next === 'no' || next === 'share' || next === 'key')) return false;
  }
  return !callsUnknown(tokens);
}

/** Calls a function of which nothing is known, or what looks like it; the list of columns behind INSERT INTO does not. */
function callsUnknown(tokens: readonly Token[]): boolean {
  return tokens.some(
    ({ kind, text }, index) =>
      (kind === 'word' || kind === 'quoted') &&
      tokens[index + 1]?.text === '(' &&
      tokens[index - 1]?.text !== 'into' &&
      !PURE_FUNCTIONS.has(text),
  );
}

function hasOuterOrder(tokens: readonly Token[]): boolean {
  let depth = 0;
  for (const [index, token] of tokens.entries()) {
    if (token.text === '(') depth += 1;
    else if (token.text === ')') depth -= 1;
    else if (depth === 0 && token.kind === 'word' && token.text === 'order' && tokens[index + 1]?.text === 'by') return true;
  }
  return false;
}

/** The command of a NOTIFY, LISTEN or UNLISTEN; null for what is none. Nobody hears of it but other sessions, and they are not told. */
export function signalCommand(text: string): string | null {
  if (!SIGNALS.has(readStatement(text).verb)) return null;
  const kinds = tokenize(text).filter((token) => token.text !== ';');
  const [verb, channel, comma, payload] = kinds;
  const isName = channel?.kind === 'word' || channel?.kind === 'quoted';
  if (verb?.text === 'notify' && isName)
    return kinds.length === 2 ||
      (kinds.length === 4 && comma!.text === ',' && payload!.kind === 'string' && payload!.text.length < MOST_PAYLOAD)
      ? 'NOTIFY'
      : null;
  if (verb?.text === 'listen' && isName && kinds.length === 2) return 'LISTEN';
  return verb?.text === 'unlisten' && (isName || channel?.text === '*') && kinds.length === 2 ? 'UNLISTEN' : null;
}

const SIGNALS = new Set(['notify', 'listen', 'unlisten']);
/** Bytes of a payload; a character may have four. */
const MOST_PAYLOAD = 2000;
