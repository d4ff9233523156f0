import { Pen } from './pen.js';
import type { WideColumn, WideSchema, WideTable } from './schema.js';
import { typeNamed } from './values.js';

/** The first rows: few, numbered from 1, such that no constraint refuses them. */
export function drawWideRows({ tables }: WideSchema, numbers: readonly number[]): string[] {
  const pen = new Pen(numbers);
  const counts = new Map<string, number>();
  return tables.flatMap((table) => {
    if (table.isView) return [];
    const count = pen.pick(2, 2, 3, 1, 2, 0);
    counts.set(table.name, count);
    return Array.from({ length: count }, (_, index) => insert(table, index, counts, pen));
  });
}

function insert(table: WideTable, index: number, counts: ReadonlyMap<string, number>, pen: Pen): string {
  const columns = table.columns.filter(({ takes }) => takes !== 'default');
  const values = columns.map((column) => firstValue(column, index, counts, pen));
  const overriding = columns.some(({ takes }) => takes === 'overriding') ? ' OVERRIDING SYSTEM VALUE' : '';
  return `INSERT INTO ${table.name} (${columns.map(({ name }) => name).join(', ')})${overriding} VALUES (${values.join(', ')})`;
}

function firstValue(column: WideColumn, index: number, counts: ReadonlyMap<string, number>, pen: Pen): string {
  if (column.name === 'id' || column.name === 'part') return String(index + 1);
  if (column.refersTo !== null) return (counts.get(column.refersTo) ?? 0) === 0 ? 'NULL' : '1';
  const list = column.literals ?? typeNamed(column.type).literals;
  if (!column.notNull && pen.once(6)) return 'NULL';
  return list[index % list.length]!;
}
