import { complain, show } from '../screen.js';
import { writeWhole } from '../write-file.js';
import { grouped } from './watch.js';

/** Writes an outcome: as JSON where that is asked for, and as text to standard output, unless JSON has that. */
export function writeOutcome(json: string | null, document: object, text: readonly string[]): void {
  const shown = `${text.join('\n')}\n`;
  const data = `${JSON.stringify(document, null, 2)}\n`;
  if (json === '-') {
    show(data);
    complain(shown);
    return;
  }
  show(shown);
  if (json !== null) writeWhole(json, data);
}

/** `rows packages 1, bookings 3`. */
export const rowsText = (rows: Readonly<Record<string, number>>): string =>
  Object.entries(rows)
    .map(([table, count]) => `${table} ${grouped(count)}`)
    .join(', ');

/** `1, 4-9`: ids that follow each other as one. */
export function rangesText(ids: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const id of ids) {
    const open = ranges.at(-1);
    if (open !== undefined && id === open[1] + 1) open[1] = id;
    else ranges.push([id, id]);
  }
  return ranges.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(', ');
}

/** A line for each table that loses rows which have ids. */
export function goneLines(gone: Readonly<Record<string, readonly number[]>>): string[] {
  const lines = Object.entries(gone).flatMap(([table, ids]) =>
    ids.length === 0 ? [] : [`gone       ${grouped(ids.length)} of ${table}: ${ids.length === 1 ? 'id' : 'ids'} ${rangesText(ids)}`],
  );
  return lines.length === 0 ? ['gone       no row that has an id'] : lines;
}
