import {
  type BackupContents,
  type BackupFormat,
  type BackupRow,
  idColumn,
  primaryKey,
  type TableFormat,
} from '../systems/shared/backup/format.js';
import { canonicalJson } from '../systems/shared/canonical-json.js';

/** What a restore would do to a table: counts of rows, and the ids of those that would go, where rows have ids. */
export interface TableChange {
  readonly now: number;
  readonly after: number;
  readonly gone: number;
  readonly back: number;
  readonly changed: number;
  readonly goneIds: readonly number[] | null;
}

/** By table. A version that counts changes is left aside: a restore raises it, whatever the backup says. */
export function compareContents(format: BackupFormat, now: BackupContents, after: BackupContents): Record<string, TableChange> {
  return Object.fromEntries(
    format.tables.map((table) => [table.name, compareTable(table, now.tables[table.name]!, after.tables[table.name]!)]),
  );
}

function compareTable(table: TableFormat, now: readonly BackupRow[], after: readonly BackupRow[]): TableChange {
  const key = primaryKey(table);
  const keyOf = (row: BackupRow) => JSON.stringify(key.map((column) => row[column]));
  const contentOf = (row: BackupRow) => canonicalJson(table.version === undefined ? row : { ...row, [table.version]: 0 });
  const restored = new Map(after.map((row) => [keyOf(row), contentOf(row)]));
  const gone = now.filter((row) => !restored.has(keyOf(row)));
  const kept = now.length - gone.length;
  const id = idColumn(table);
  return {
    now: now.length,
    after: after.length,
    gone: gone.length,
    back: after.length - kept,
    changed: now.filter((row) => restored.has(keyOf(row)) && restored.get(keyOf(row)) !== contentOf(row)).length,
    goneIds: id === undefined ? null : gone.map((row) => Number(row[id])).sort((left, right) => left - right),
  };
}
