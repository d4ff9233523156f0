import { identifier, readStatement, splitStatements, type Token, tokenize } from '../../../sql/text.js';
import type { Catalog } from '../catalog.js';
import { literal } from './names.js';
import type { PgliteSchema } from './schema.js';

/** What a call of a function comes to: the one statement that it runs, and the name of the column in which its empty answer stands. */
export interface WrittenOut {
  readonly text: string;
  readonly name: string;
}

/**
 * `SELECT book(1, 'a')`: a function in SQL that runs one INSERT, UPDATE or DELETE and returns nothing, called once and over constants. Null where the
 * statement is anything else.
 */
export function writtenOut(text: string, pglite: PgliteSchema, catalog: Catalog): WrittenOut | null {
  const call = callIn(tokenize(text), text);
  if (call === null) return null;
  const found = pglite.open().script(FUNCTION(call.name))[0]!;
  const [source, names, types] = found[0] ?? [];
  if (found.length !== 1 || source == null || types == null) return null;
  const statements = splitStatements(source);
  const [body] = statements;
  if (statements.length !== 1 || body === undefined || !WRITES.has(readStatement(body).verb)) return null;
  const typeNames = JSON.parse(types) as string[];
  if (typeNames.length !== call.arguments.length) return null;
  const given = call.arguments.map((argument, index) => `(${argument})::${typeNames[index]}`);
  const inPlace = withArguments(body, names == null ? [] : (JSON.parse(names) as string[]), given, catalog);
  return inPlace === null ? null : { text: inPlace, name: call.shown };
}

const WRITES = new Set(['insert', 'update', 'delete']);

/** One function of the name, in SQL, without what would make a call more than its body. */
const FUNCTION = (name: string): string => `
SELECT CASE WHEN l.lanname = 'sql' AND p.prosqlbody IS NULL AND p.prokind = 'f' AND NOT p.proretset AND NOT p.proisstrict AND NOT p.prosecdef AND p.proconfig IS NULL
        AND p.proallargtypes IS NULL AND p.pronargdefaults = 0 AND p.provariadic = 0 AND p.provolatile = 'v' AND p.prorettype = 'void'::regtype THEN p.prosrc END,
       to_json(p.proargnames), (SELECT coalesce(json_agg(format_type(t, NULL) ORDER BY at), '[]') FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, at))
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang WHERE p.proname = ${literal(name)}`;

interface PlainCall {
  readonly name: string;
  /** What its column is called. */
  readonly shown: string;
  readonly arguments: readonly string[];
}

/** The whole statement is one call over constants. */
function callIn(all: readonly Token[], text: string): PlainCall | null {
  const tokens = all.at(-1)?.text === ';' ? all.slice(0, -1) : all;
  const [select, name, open] = tokens;
  const close = tokens.findIndex((token) => token.text === ')');
  if (
    select?.text !== 'select' ||
    name === undefined ||
    (name.kind !== 'word' && name.kind !== 'quoted') ||
    open?.text !== '(' ||
    close < 0
  )
    return null;
  const behind = tokens.slice(close + 1);
  const alias = behind[0]?.text === 'as' ? behind[1] : undefined;
  if (behind.length !== 0 && (behind.length !== 2 || alias === undefined)) return null;
  const parts: Token[][] = [[]];
  for (const token of tokens.slice(3, close)) {
    if (token.text === ',' && token.kind === 'symbol') parts.push([]);
    else parts.at(-1)!.push(token);
  }
  if (parts.length === 1 && parts[0]!.length === 0) parts.pop();
  if (!parts.every(isConstant)) return null;
  return {
    name: identifier(name),
    shown: identifier(alias ?? name),
    arguments: parts.map((part) => text.slice(part[0]!.start, part.at(-1)!.end)),
  };
}

function isConstant(tokens: readonly Token[]): boolean {
  const [first, second] = tokens;
  if (tokens.length === 2) return first!.text === '-' && second!.kind === 'number';
  return tokens.length === 1 && (CONSTANTS.has(first!.kind) || (first!.kind === 'word' && NAMED.has(first!.text)));
}

const CONSTANTS = new Set<Token['kind']>(['number', 'string']);
const NAMED = new Set(['null', 'true', 'false']);

/** The body with what is given in place of its arguments; null where a name may be something else, since a column goes before an argument. */
function withArguments(body: string, names: readonly string[], given: readonly string[], { tables }: Catalog): string | null {
  const tokens = tokenize(body);
  const others = new Set(tables.flatMap(({ name, columns }) => [name, ...columns.map((column) => column.name)]));
  if (names.some((name) => name === '' || others.has(name))) return null;
  let text = '';
  let done = 0;
  for (const [index, token] of tokens.entries()) {
    const at =
      token.kind === 'parameter'
        ? Number(token.text.slice(1)) - 1
        : token.kind === 'word' || token.kind === 'quoted'
          ? names.indexOf(identifier(token))
          : -1;
    if (at < 0) continue;
    const [before, after] = [tokens[index - 1]?.text, tokens[index + 1]?.text];
    if (given[at] === undefined || before === '.' || before === 'as' || after === '.' || after === '(') return null;
    text += body.slice(done, token.start) + given[at];
    done = token.end;
  }
  return text + body.slice(done);
}
