import { identifier } from '../../../sql/text.js';
import type { Table } from '../catalog.js';
import type { Outline } from './outline.js';
import type { PgliteSchema } from './schema.js';

/** `UPDATE items SET number = DEFAULT` with what the default is written out, where a sequence gives it: what is drawn is then drawn row by row. */
export function withDrawnDefaults(
  { text, tokens, verb, target }: Outline,
  { tables }: { readonly tables: readonly Table[] },
  pglite: PgliteSchema,
): string {
  const table = tables.find((item) => item.name === target?.name && item.schema === (target.schema ?? item.schema));
  if (verb !== 'update' || table === undefined) return text;
  let plain = '';
  let done = 0;
  let depth = 0;
  let assigns = false;
  for (const [index, token] of tokens.entries()) {
    if (token.text === '(' || token.text === '[') depth += 1;
    if (token.text === ')' || token.text === ']') depth -= 1;
    if (depth !== 0 || token.kind !== 'word') continue;
    if (token.text === 'set' && token.start >= target!.end) assigns = true;
    if (ENDS.has(token.text) && assigns) break;
    if (!assigns || token.text !== 'default' || tokens[index - 1]?.text !== '=') continue;
    const name = identifier(tokens[index - 2]!);
    if (table.columns.find((column) => column.name === name)?.sequence == null) continue;
    const written = pglite.rows.tables[table.index]!.columns.find((column) => column.name === name)!.default;
    if (written === null || !/^nextval\('[^']*'::regclass\)$/.test(written)) continue;
    plain += text.slice(done, token.start) + written;
    done = token.end;
  }
  return plain + text.slice(done);
}

const ENDS = new Set(['from', 'where', 'returning']);
