/** Calls of advisory-lock functions in a statement's text, and how they are read off it. */
import { closingParenthesis, identifier, type Token } from '../../../sql/text.js';
import { type AdvisoryFunction, advisoryFunction, isAdvisory, type PlacedCall } from '../advisory.js';
import type { Catalog } from '../catalog.js';
import type { Span } from './outline.js';
import type { PgliteSchema } from './schema.js';
import type { TypeId } from './type-ids.js';

/** A call of an advisory-lock function in a statement's text. */
export interface Call extends Span, AdvisoryFunction {
  readonly arguments: readonly string[];
}

/** What a compilation has at hand. */
export interface Context {
  readonly parameters: readonly unknown[];
  readonly catalog: Catalog;
  readonly pglite: PgliteSchema;
  readonly types: readonly TypeId[];
}

/** The calls in a statement's text, in order. */
export function callsIn(tokens: readonly Token[], text: string): readonly Call[] {
  return tokens.flatMap((token, index): Call[] => {
    const open = index + 1;
    if ((token.kind !== 'word' && token.kind !== 'quoted') || tokens[open]?.text !== '(' || !isAdvisory(identifier(token))) return [];
    const qualified = tokens[index - 1]?.text === '.';
    if (qualified && identifier(tokens[index - 2]!) !== 'pg_catalog') return [];
    const close = closingParenthesis(tokens, open);
    if (close >= tokens.length) return [];
    const start = qualified ? tokens[index - 2]!.start : token.start;
    const parts = splitAt(tokens.slice(open + 1, close), ',').filter((part) => part.length > 0);
    return [
      {
        start,
        end: tokens[close]!.end,
        ...advisoryFunction(identifier(token)),
        arguments: parts.map((part) => text.slice(part[0]!.start, part.at(-1)!.end)),
      },
    ];
  });
}

/** Tokens between separators that stand outside of parentheses and brackets. */
export function splitAt(tokens: readonly Token[], separator: string): Token[][] {
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (token.text === '(' || token.text === '[') depth += 1;
    if (token.text === ')' || token.text === ']') depth -= 1;
    if (depth === 0 && token.kind !== 'quoted' && token.text === separator) parts.push([]);
    else parts.at(-1)!.push(token);
  }
  return parts;
}

/** What a call's key is, as columns of text: it may be longer than a number of ours. ORDER BY must not find a column's name in theirs. */
export const keysOf = (call: Call): string[] =>
  call.arguments.map((argument) => `((${argument})::${call.arguments.length === 2 ? 'int4' : 'int8'})::text AS "key of a call"`);

/** The calls with the columns of their keys, which follow the `shown` ones. */
export function placed(calls: readonly (readonly [Call, number | null])[], shown: number): PlacedCall[] {
  let next = shown;
  return calls.map(([{ name, does, mode, owner, arguments: given }, output]) => {
    const keys = given.map((_, index) => next + index);
    next += given.length;
    return { name, does, mode, owner, keys, output };
  });
}

const SIMPLE = new Set(['=', '<', '>', '<=', '>=', '<>', '!=']);

/** A comparison of a column with a constant: no condition is cheaper, so that it comes before a call behind it (createplan.c, order_qual_clauses). */
export function isSimple(tokens: readonly Token[]): boolean {
  const [column, operator, constant] = [tokens.slice(0, -2), tokens.at(-2), tokens.at(-1)];
  const isColumn =
    (column.length === 1 || (column.length === 3 && column[1]!.text === '.')) &&
    column.every(({ kind, text }) => kind === 'word' || kind === 'quoted' || text === '.');
  return isColumn && SIMPLE.has(operator?.text ?? '') && ['number', 'string', 'parameter'].includes(constant?.kind ?? '');
}
