import type { Draws } from './draws.js';
import type { FuzzSchema, FuzzTable, Role } from './schema.js';

/** The first rows: few, so that everybody wants the same, and such that no constraint refuses them. */
export function drawRows(schema: FuzzSchema, draws: Draws): string[] {
  const counts = new Map<string, number>();
  return schema.tables.flatMap((table) => {
    const parents = table.parent === null ? 0 : counts.get(table.parent.table)!;
    const wanted = draws.pick(2, 2, 1, 3, 2, 3, 2, 2, 1, 0);
    const count = table.required.has('parent_id') && parents === 0 ? 0 : wanted;
    counts.set(table.name, count);
    if (count === 0) return [];
    const { names, values } = columnsOf(table, draws);
    const rows = Array.from({ length: count }, (_, index) => `(${values(index, parents).join(', ')})`);
    return [`INSERT INTO ${table.name} (${names.join(', ')}) VALUES ${rows.join(', ')}`];
  });
}

function columnsOf(table: FuzzTable, draws: Draws) {
  const roles = [...table.roles].filter(
    (role) => table.required.has(role) || draws.pick(true, true, false) || role === 'parent_id' || role === 'code',
  );
  const offset = draws.pick(0, 0, 1);
  return {
    names: [...(table.key === 'int' ? ['id'] : []), 'v', ...roles],
    values: (index: number, parents: number): string[] => [
      ...(table.key === 'int' ? [String(index + 1)] : []),
      String(1 + ((index + offset) % 3)),
      ...roles.map((role) => {
        if (role === 'parent_id') return parentOf(table, index, parents);
        return role === 'during' && table.excludes !== null ? APART[index]! : FIRST[role](index);
      }),
    ],
  };
}

/** Codes are numbered from 10, keys from 1. */
function parentOf({ parent }: FuzzTable, index: number, parents: number): string {
  if (parents === 0) return 'NULL';
  const number = index % parents;
  return String(parent!.column === 'code' ? 10 + number : 1 + number);
}

/** Where ranges exclude one another. */
const APART = ["'[2026-01-01,2026-01-02)'", "'[2026-01-03,2026-01-05)'", "'[2026-01-06,2026-01-07)'"];

const FIRST: Readonly<Record<Exclude<Role, 'parent_id'>, (index: number) => string>> = {
  code: (index) => String(10 + index),
  state: (index) => (index === 2 ? "'paid'" : "'held'"),
  day: (index) => `'2026-01-0${1 + (index % 2)}'`,
  amount: (index) => ['1.50', '2', '10.25'][index]!,
  during: (index) => ["'[2026-01-01,2026-01-03)'", "'[2026-01-02,2026-01-05)'", "'empty'"][index]!,
  info: (index) => [`'{"n": 1}'`, `'{"n": 2, "l": [1]}'`, 'NULL'][index]!,
  at: (index) => `'2026-01-01T0${index}:00:00Z'`,
  tags: (index) => ["'{1,2}'", "'{}'", 'NULL'][index]!,
};
