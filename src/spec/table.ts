/**
 * A result as libpq's PQprint shows it with a header, aligned, fields separated by a bar: how isolationtester prints one. Widths count
 * bytes, and a column is flush right as long as every value in it looks like a number.
 */
export function renderTable(fields: readonly string[], rows: readonly (readonly (string | null)[])[]): string {
  // A SELECT without columns shows nothing at all, not even its rows.
  if (fields.length === 0) return '';
  const columns = fields.map((name, index) => {
    const values = rows.map((row) => row[index] ?? '');
    return {
      name,
      values,
      width: Math.max(...[name, ...values].map(byteLength)),
      right: values.every((value) => value === '' || looksNumeric(value)),
    };
  });
  const line = (cells: readonly string[]) => cells.map((cell, index) => pad(cell, columns[index]!.width, columns[index]!.right)).join('|');
  return [
    line(fields),
    columns.map(({ width }) => '-'.repeat(width)).join('+'),
    ...rows.map((_, row) => line(columns.map(({ values }) => values[row]!))),
    `(${rows.length} ${rows.length === 1 ? 'row' : 'rows'})\n\n`,
  ].join('\n');
}

const byteLength = (text: string): number => Buffer.byteLength(text, 'utf8');

/** Digits and the signs of a number only, the last a digit and the first no exponent. */
const looksNumeric = (text: string): boolean => /^(?![eE])[0-9.eE -]*[0-9]$/.test(text);

function pad(text: string, width: number, right: boolean): string {
  const blanks = ' '.repeat(width - byteLength(text));
  return right ? blanks + text : text + blanks;
}
