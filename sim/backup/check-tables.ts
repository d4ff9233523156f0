import type { Client } from '../../src/index.js';
import { type BackupFormat, type ColumnKind, primaryKey, type TableFormat } from '../systems/shared/backup/format.js';

interface Column {
  readonly table: string;
  readonly column: string;
  readonly type: string;
  readonly required: boolean;
  readonly generated: boolean;
}

const COLUMNS = `
  SELECT wanted.name AS table, a.attname AS column, format_type(a.atttypid, NULL) AS type, a.attnotnull AS required,
         a.attidentity = 'a' OR a.attgenerated <> '' AS generated
  FROM unnest($1::text[]) AS wanted(name)
  JOIN pg_class c ON c.oid = to_regclass(wanted.name) AND c.relkind IN ('r', 'p')
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  ORDER BY a.attnum`;

const KEYS = `
  SELECT wanted.name AS table, array_agg(a.attname::text) AS columns
  FROM unnest($1::text[]) AS wanted(name)
  JOIN pg_index i ON i.indrelid = to_regclass(wanted.name) AND i.indisprimary
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
  GROUP BY wanted.name`;

const MISSING_SEQUENCES = `
  SELECT name FROM unnest($1::text[]) AS wanted(name)
  WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass(wanted.name) AND relkind = 'S')`;

/** Rows of other tables would be deleted with ours (ON DELETE CASCADE), or keep ours from being deleted. */
const OUTSIDERS = `
  SELECT conrelid::regclass::text AS table, confrelid::regclass::text AS target FROM pg_constraint
  WHERE contype = 'f' AND confrelid = ANY (SELECT to_regclass(name)::oid FROM unnest($1::text[]) AS wanted(name))
    AND NOT conrelid = ANY (SELECT to_regclass(name)::oid FROM unnest($1::text[]) AS wanted(name))`;

const TYPES: Readonly<Record<ColumnKind, readonly string[]>> = {
  integer: ['integer'],
  'integer?': ['integer'],
  text: ['text', 'character varying'],
  timestamp: ['timestamp with time zone'],
};

/**
 * In what a database differs from what a system's backups are for, null where it does not. A table with a column more would lose
 * it in a restore; one with a column less would be found out too late.
 */
export async function differenceOfTables(client: Client, format: BackupFormat): Promise<string | null> {
  const names = format.tables.map(({ name }) => name);
  const { rows: columns } = await client.query<Column>(COLUMNS, [names]);
  const { rows: keys } = await client.query<{ table: string; columns: string[] }>(KEYS, [names]);
  for (const table of format.tables) {
    const difference = differenceOfTable(
      table,
      columns.filter((column) => column.table === table.name),
      keys.find((key) => key.table === table.name)?.columns ?? [],
    );
    if (difference !== null) return difference;
  }
  const { rows: missing } = await client.query<{ name: string }>(MISSING_SEQUENCES, [Object.keys(format.sequences)]);
  if (missing.length > 0) return `there is no sequence ${missing[0]!.name}`;
  const { rows: outsiders } = await client.query<{ table: string; target: string }>(OUTSIDERS, [names]);
  return outsiders.length > 0 ? `table ${outsiders[0]!.table} refers to ${outsiders[0]!.target}, and no backup holds it` : null;
}

function differenceOfTable(table: TableFormat, found: readonly Column[], key: readonly string[]): string | null {
  if (found.length === 0) return `there is no table ${table.name}`;
  for (const [name, kind] of Object.entries(table.columns)) {
    const column = found.find((other) => other.column === name);
    if (column === undefined) return `table ${table.name} has no column ${name}`;
    if (!TYPES[kind].includes(column.type)) return `column ${name} of ${table.name} is ${column.type}, and should be ${TYPES[kind][0]}`;
    if (!kind.endsWith('?') && !column.required) return `column ${name} of ${table.name} may be NULL`;
    if (column.generated) return `column ${name} of ${table.name} is generated always, and cannot be restored`;
  }
  const more = found.find(({ column }) => !Object.hasOwn(table.columns, column));
  if (more !== undefined) return `table ${table.name} has a column ${more.column} that no backup holds`;
  const wanted = primaryKey(table);
  const same = key.length === wanted.length && wanted.every((column) => key.includes(column));
  return same ? null : `the primary key of ${table.name} is not (${wanted.join(', ')})`;
}

/** Moments that would come back as others, or not at all: a backup writes them in milliseconds, with years of four digits. */
const isLossy = (column: string): string =>
  `date_trunc('milliseconds', ${column}) <> ${column} OR ${column} NOT BETWEEN '0001-01-02 00:00Z' AND '9999-12-31 00:00Z'`;

/** What of the values a backup would not bring back as they are, null where it is nothing. The tables are the system's. */
export async function lossOfValues(client: Client, format: BackupFormat): Promise<string | null> {
  for (const { name, columns } of format.tables) {
    for (const column of Object.keys(columns).filter((key) => columns[key] === 'timestamp')) {
      const { rows } = await client.query<{ value: string }>(
        `SELECT ${column}::text AS value FROM ${name} WHERE ${isLossy(column)} LIMIT 1`,
      );
      if (rows.length > 0) return `${column} of ${name} holds ${rows[0]!.value}`;
    }
  }
  return null;
}
