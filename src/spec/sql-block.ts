import { type Token, tokenize } from '../sql/text.js';

/** SQL that cannot stand in a specification as it is. */
export class SpecExportError extends Error {
  override readonly name = 'SpecExportError';
}

/**
 * SQL as it may stand between the braces of a specification, with values in place of its parameters, on one line unless its lines are to be kept. A
 * block ends at the first `}`, so that a text which holds one is written with an escape.
 */
export function sqlBlock(text: string, values: readonly unknown[] = [], layout: 'one line' | 'lines kept' = 'one line'): string {
  let written = '';
  let done = 0;
  for (const token of tokenize(text)) {
    // What lies between two tokens is blanks and comments.
    const between = text.slice(done, token.start);
    if (layout === 'lines kept' && between.trim() === '') written += between;
    else if (between !== '' && written !== '') written += ' ';
    written += writeToken(token, text.slice(token.start, token.end), values);
    done = token.end;
  }
  return written;
}

function writeToken({ kind }: Token, text: string, values: readonly unknown[]): string {
  if (kind === 'parameter') return literal(values[Number(text.slice(1)) - 1]);
  if (!text.includes('}') && !text.includes('\n')) return text;
  if (kind === 'string') return escaped(contentOf(text));
  if (text.includes('}')) throw new SpecExportError(`a name with a closing brace: ${text}`);
  return text;
}

/** What a string constant says. */
function contentOf(text: string): string {
  if (text.startsWith('$')) {
    const tag = text.slice(0, text.indexOf('$', 1) + 1);
    return text.slice(tag.length, -tag.length);
  }
  if (text.startsWith("'")) return text.slice(1, -1).replaceAll("''", "'");
  throw new SpecExportError(`a string constant with escapes that holds a closing brace: ${text}`);
}

/** A value as the driver would send it, written as a constant. Numbers are bare, since their columns are numbers; the rest is typed by where it stands. */
export function literal(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value) < 0 ? `(${value})` : String(value);
  if (typeof value === 'boolean') return String(value);
  return quoted(asText(value));
}

function asText(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  if (Buffer.isBuffer(value)) return `\\x${value.toString('hex')}`;
  if (Array.isArray(value)) return `{${value.map(arrayItem).join(',')}}`;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function arrayItem(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  if (Array.isArray(value)) return asText(value);
  return `"${asText(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

const quoted = (text: string): string => (/[}\n\\]/.test(text) ? escaped(text) : `'${text.replaceAll("'", "''")}'`);

function escaped(text: string): string {
  const inner = text
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "\\'")
    .replaceAll('}', '\\x7d')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r');
  return `E'${inner}'`;
}
