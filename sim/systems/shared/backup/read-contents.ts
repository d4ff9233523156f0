import type { Client, Row } from '../../../../src/index.js';
import {
  type BackupContents,
  type BackupFormat,
  type BackupRow,
  type ColumnKind,
  type ColumnValue,
  primaryKey,
  type TableFormat,
} from './format.js';
import { highestGiven } from './sequences.js';

/**
 * Reads everything that a backup holds, one statement a table. Whether the parts fit together is decided by the transaction
 * around it: they do only in one snapshot. Sequences come last: they belong to no snapshot, and read after the rows they are
 * never behind them.
 */
export async function readContents(client: Client, format: BackupFormat): Promise<BackupContents> {
  const tables: Record<string, readonly BackupRow[]> = {};
  for (const table of format.tables) tables[table.name] = await readTable(client, table);
  const sequences: Record<string, number> = {};
  for (const sequence of Object.keys(format.sequences)) sequences[sequence] = await highestGiven(client, sequence);
  return { tables, sequences };
}

async function readTable(client: Client, table: TableFormat): Promise<readonly BackupRow[]> {
  const columns = Object.keys(table.columns).join(', ');
  const { rows } = await client.query(`SELECT ${columns} FROM ${table.name} ORDER BY ${primaryKey(table).join(', ')}`);
  return rows.map((row) => portable(table, row));
}

function portable(table: TableFormat, row: Row): BackupRow {
  return Object.fromEntries(Object.entries(table.columns).map(([column, kind]) => [column, portableValue(kind, row[column])]));
}

function portableValue(kind: ColumnKind, value: unknown): ColumnValue {
  if (kind === 'integer?' && value === null) return null;
  if (kind === 'timestamp') return new Date(value as Date | string).toISOString();
  return kind === 'text' ? String(value) : Number(value);
}
