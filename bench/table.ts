/** Figures as an aligned table for people. */
import type { Figure, Report } from './figure.js';

const COLUMNS = ['', 'median', 'unit', 'samples', 'range', 'compared', 'wanted'];
const RIGHT = new Set([1, 3]);

export function toTable({ node, postgres, cpus, cpuModel, figures }: Report): string {
  const rows = [COLUMNS, ...figures.map(toRow)];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (RIGHT.has(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
  const server = postgres === null ? '' : `, PostgreSQL ${postgres}`;
  return `Node ${node}${server}, ${cpus} x ${cpuModel}\n\n${lines.join('\n')}\n`;
}

function toRow({ name, value, unit, samples, comparison, target }: Figure): string[] {
  const range = `${toText(Math.min(...samples))} to ${toText(Math.max(...samples))}`;
  const compared = comparison === null ? '' : `${toText(comparison.ratio)} x ${comparison.to}`;
  return [name, toText(value), unit, String(samples.length), range, compared, wanted({ value, comparison, target })];
}

function wanted({ value, comparison, target }: Pick<Figure, 'value' | 'comparison' | 'target'>): string {
  if (target === null) return '';
  const seen = target.of === 'value' ? value : (comparison?.ratio ?? 0);
  const met = target.relation === 'at most' ? seen <= target.limit : seen >= target.limit;
  return `${target.relation} ${target.limit}${target.of === 'ratio' ? ' x' : ''}: ${met ? 'yes' : 'NO'}`;
}

/** Three digits that count. */
export function toText(value: number): string {
  if (value >= 1e9) return value.toExponential(2);
  const digits = Math.max(0, 2 - Math.floor(Math.log10(value)));
  return value.toLocaleString('en', { minimumFractionDigits: Math.min(digits, 3), maximumFractionDigits: Math.min(digits, 3) });
}
