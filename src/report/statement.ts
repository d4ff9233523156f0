/** A statement on one line. */
export const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();

/** The first words of a statement, enough to know it again: `UPDATE events`, `INSERT INTO bookings`. */
export function shortStatement(text: string): string {
  const line = oneLine(text);
  const match = /^(UPDATE \S+|INSERT INTO \S+|DELETE FROM \S+|SELECT .*? FROM \S+|LOCK TABLE [^;]+|\S+)/i.exec(line);
  return shorten(condense(match?.[1] ?? line), 60);
}

/** The beginning of a text that is too long. */
export const shorten = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(1, width - 3))}...`;

/** Longest statement that is shown as it is. */
const SHOWN_WHOLE = 56;

/** A long statement without its lists of columns: what it reads or writes, and where. */
export function condense(text: string): string {
  const line = oneLine(text);
  if (line.length <= SHOWN_WHOLE) return line;
  if (/^SELECT /i.test(line)) {
    const from = outerFrom(line);
    const inner = [...line.slice(0, from).matchAll(/\bFROM (\w+)/gi)].map((match) => match[1]);
    return `SELECT ${inner.length === 0 ? '...' : `(... FROM ${inner.join(', ')} ...), ...`} ${line.slice(from)}`;
  }
  return line.replace(/^(INSERT INTO \S+) \([^)]*\)/i, '$1');
}

/** Where the outermost FROM of a SELECT stands. */
function outerFrom(line: string): number {
  let depth = 0;
  for (let at = 0; at < line.length; at += 1) {
    if (line[at] === '(') depth += 1;
    else if (line[at] === ')') depth -= 1;
    else if (depth === 0 && /^ FROM /i.test(line.slice(at, at + 6))) return at + 1;
  }
  return line.length;
}

/** `$1` replaced by what was bound, for reading: not for running. */
export function withValues(text: string, values: readonly unknown[]): string {
  return condense(text).replace(/\$(\d+)/g, (placeholder, digits: string) => {
    const index = Number(digits) - 1;
    return index < values.length ? show(values[index]) : placeholder;
  });
}

export function show(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  if (typeof value === 'string') return `'${shorten(value, LONGEST_TEXT)}'`;
  if (value instanceof Uint8Array) return show(`\\x${Buffer.from(value).toString('hex')}`);
  return typeof value === 'object' ? shorten(JSON.stringify(value), LONGEST_TEXT) : String(value);
}

const LONGEST_TEXT = 24;

/** A row as `name value, ...`. Where it is too long, its longest values are left out first: numbers tell more than names and dates do. */
export function showRow(fields: readonly { readonly name: string }[], row: readonly unknown[], width: number): string {
  let shown = fields.map((field, index) => ({ name: field.name, value: show(row[index]) }));
  const text = () => [...shown.map(({ name, value }) => `${name} ${value}`), ...(shown.length < fields.length ? ['...'] : [])].join(', ');
  while (shown.length > 1 && text().length > width) {
    const longest = shown.reduce((left, right) => (right.value.length > left.value.length ? right : left));
    shown = shown.filter((item) => item !== longest);
  }
  return shorten(text(), width);
}
