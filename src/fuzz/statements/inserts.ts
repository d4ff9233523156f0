import type { FuzzTable, Role } from '../schema.js';
import { kind, type StatementKind, type Writer } from '../writer.js';

/** INSERT, with what may be in its way, and sequences. */
export const INSERTS: readonly StatementKind[] = [
  kind(7, (w) => insert(w, w.anyTable(), 1)),
  kind(2, (w) => insert(w, w.anyTable(), 2)),
  kind(5, (w) => {
    const table = w.anyTable();
    return `${insert(w, table, 1, false)} ON CONFLICT ${arbiter(w, table)}DO NOTHING${w.pick('', ' RETURNING id')}`;
  }),
  kind(6, (w) => {
    const table = w.anyTable();
    const set = w.pick(
      `v = ${table.name}.v + 1`,
      `v = excluded.v + ${table.name}.v`,
      'v = excluded.v',
      ...(table.roles.has('code') ? ['code = 12'] : []),
    );
    return `${insert(w, table, 1, false)} ON CONFLICT ${namedArbiter(w, table)}DO UPDATE SET ${set}${w.pick('', ` WHERE ${table.name}.v < ${w.small()}`)}${w.pick('', ' RETURNING id, v')}`;
  }),
  kind(2, (w) => {
    const family = w.family();
    if (family === null) return null;
    const { parent, child, on } = family;
    const { names, values } = columnsOf(w, child);
    const given = selected(names, values, `p.${child.parent!.column}`);
    return `INSERT INTO ${child.name} (${names.join(', ')}) SELECT ${given.join(', ')} FROM ${parent.name} p WHERE p.id = ${w.key()}${w.pick('', ` AND NOT EXISTS (SELECT 1 FROM ${child.name} c WHERE ${on})`)}`;
  }),
  kind(2, (w) => {
    const table = w.anyTable();
    const { names, values } = columnsOf(w, table);
    return `INSERT INTO ${table.name} (${names.join(', ')}) SELECT ${values.map((value, index) => cast(names[index]!, value)).join(', ')} WHERE (SELECT count(*) FROM ${table.name}) < ${w.pick('3', '4')}`;
  }),
  kind(2, (w) =>
    w.schema.hasSequence ? `SELECT ${w.pick("nextval('tickets')", "nextval('tickets')", "setval('tickets', 5)")} AS n` : null,
  ),
];

export function insert(w: Writer, table: FuzzTable, rows: number, returning = true): string {
  const { names, values } = columnsOf(w, table);
  const all = [
    values,
    ...Array.from({ length: rows - 1 }, () => names.map((name) => (name === 'id' ? w.pick('4', '2') : w.value(table, name as Role)))),
  ];
  const answer = returning ? w.pick('', ' RETURNING id', ' RETURNING *') : '';
  return `INSERT INTO ${table.name} (${names.join(', ')}) VALUES ${all.map((row) => `(${row.join(', ')})`).join(', ')}${answer}`;
}

export function columnsOf(w: Writer, table: FuzzTable): { names: string[]; values: string[] } {
  const ownKey = table.key === 'int' || (table.key !== 'always' && w.pick(false, false, true));
  const always = (role: Role) => role === 'code' || role === 'parent_id' || (role === 'during' && table.excludes !== null);
  const roles = [...table.roles].filter((role) => always(role) || w.pick(false, false, true));
  return {
    names: [...(ownKey ? ['id'] : []), 'v', ...roles],
    values: [...(ownKey ? [w.pick('3', '1', '3', '4', '2')] : []), w.small(), ...roles.map((role) => w.value(table, role))],
  };
}

/** The values of a SELECT, `parent_id` out of what it selects from. */
export const selected = (names: readonly string[], values: readonly string[], parentId: string): string[] =>
  values.map((value, index) => (names[index] === 'parent_id' ? parentId : cast(names[index]!, value)));

/** Where the values come out of a SELECT their types are their own. */
function cast(name: string, value: string): string {
  const type = TYPES[name];
  return type === undefined ? value : `${value}::${type}`;
}

const TYPES: Readonly<Record<string, string>> = {
  code: 'int',
  parent_id: 'int',
  state: 'text',
  day: 'date',
  amount: 'numeric',
  during: 'daterange',
  info: 'jsonb',
  at: 'timestamptz',
  tags: 'int[]',
};

/** What can be deferred is no arbiter: where there is something of the kind, one has to be named. */
const arbiter = (w: Writer, table: FuzzTable): string => {
  const named = w.pick(false, true, true) || table.unique === 'deferrable' || table.excludes === 'deferrable';
  return named ? namedArbiter(w, table) : '';
};

function namedArbiter(w: Writer, table: FuzzTable): string {
  const key = '(id) ';
  switch (table.unique) {
    case 'column':
      return w.pick(key, '(code) ', '(code) ');
    case 'with day':
      return w.pick(key, '(code, day) ', '(code, day) ');
    case 'where not gone':
      return w.pick(key, "(code) WHERE state <> 'gone' ", "(code) WHERE state <> 'gone' ");
    case 'deferrable':
    case null:
      return key;
  }
}
