import { type Position, SpecSyntaxError } from './syntax-error.js';

export type SpecToken = Position &
  (
    | { readonly kind: 'keyword'; readonly text: Keyword }
    | { readonly kind: 'name'; readonly text: string }
    | { readonly kind: 'sql'; readonly text: string }
    | { readonly kind: 'number'; readonly text: string }
    | { readonly kind: 'symbol'; readonly text: string }
    | { readonly kind: 'end'; readonly text: '' }
  );

const KEYWORDS = ['setup', 'teardown', 'session', 'step', 'permutation', 'notices'] as const;
export type Keyword = (typeof KEYWORDS)[number];

/** Blanks that are trimmed off an SQL block; line breaks are not among them. */
const BLANKS = ' \\t\\r\\f\\v';
const LEXEME = new RegExp(
  `(?<blank>[${BLANKS}]+|#[^\\n]*)|(?<newline>\\n)|(?<word>[A-Za-z_\\u0080-\\uffff][\\w$\\u0080-\\uffff]*)|(?<number>\\d+)|(?<symbol>[,()*])`,
  'y',
);
const TRAILING_BLANKS = new RegExp(`[${BLANKS}]+$`);
const LEADING_BLANKS = new RegExp(`^[${BLANKS}]+`);

/** Splits a specification into tokens. Keywords are lower case; a quoted name is never one. */
export function scan(text: string): SpecToken[] {
  const tokens: SpecToken[] = [];
  let at = 0;
  let line = 1;
  let lineStart = 0;
  const here = (): Position => ({ line, column: at - lineStart + 1 });
  while (at < text.length) {
    const position = here();
    if (text[at] === '{' || text[at] === '"') {
      const block = text[at] === '{' ? readBlock(text, at, position) : readQuoted(text, at, position);
      tokens.push({ ...block.token, ...position });
      for (let index = at; index < block.end; index += 1)
        if (text[index] === '\n') {
          line += 1;
          lineStart = index + 1;
        }
      at = block.end;
      continue;
    }
    LEXEME.lastIndex = at;
    const match = LEXEME.exec(text);
    if (match === null) throw unexpected(text[at]!, position);
    const { newline, word, number, symbol } = match.groups as Record<string, string | undefined>;
    if (word !== undefined)
      tokens.push(isKeyword(word) ? { kind: 'keyword', text: word, ...position } : { kind: 'name', text: word, ...position });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number, ...position });
    else if (symbol !== undefined) tokens.push({ kind: 'symbol', text: symbol, ...position });
    at += match[0].length;
    if (newline !== undefined) {
      line += 1;
      lineStart = at;
    }
  }
  tokens.push({ kind: 'end', text: '', ...here() });
  return tokens;
}

const isKeyword = (word: string): word is Keyword => (KEYWORDS as readonly string[]).includes(word);

interface Read {
  readonly token: { readonly kind: 'sql' | 'name'; readonly text: string };
  readonly end: number;
}

/** Up to the first closing brace, also one inside a string: the format knows no way to write one. */
function readBlock(text: string, start: number, position: Position): Read {
  const close = text.indexOf('}', start);
  if (close < 0) throw new SpecSyntaxError(position, 'this { is never closed', 'An SQL block ends with }');
  const sql = text
    .slice(start + 1, close)
    .replace(TRAILING_BLANKS, '')
    .replace(LEADING_BLANKS, '');
  return { token: { kind: 'sql', text: sql }, end: close + 1 };
}

function readQuoted(text: string, start: number, position: Position): Read {
  const match = /"((?:[^"\n]|"")*)"/y;
  match.lastIndex = start;
  const found = match.exec(text);
  if (found === null) throw new SpecSyntaxError(position, 'this quoted name is never closed', 'It ends with " on the same line');
  return { token: { kind: 'name', text: found[1]!.replaceAll('""', '"') }, end: start + found[0].length };
}

function unexpected(character: string, position: Position): SpecSyntaxError {
  const hint =
    character === '}'
      ? "An SQL block ends at the first }, also at one inside a string: write it as U&'\\007d' or E'\\x7d'"
      : character === ';'
        ? 'Semicolons belong between braces, after SQL'
        : character === '-' || character === '/'
          ? 'Comments start with # and end with the line'
          : 'Names with other than letters, digits, _ and $ are put in double quotes, SQL in braces';
  return new SpecSyntaxError(position, `unexpected character ${JSON.stringify(character)}`, hint);
}
