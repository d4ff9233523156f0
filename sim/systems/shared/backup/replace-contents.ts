import type { Client } from '../../../../src/index.js';
import { type BackupDocument, type BackupFormat, type BackupRow, idColumn, type TableFormat } from './format.js';
import { insertRows } from './insert-rows.js';
import { moveSequenceForward } from './sequences.js';

type Numbered = Readonly<Record<string, unknown>>;

/**
 * What a restore took away: ids by table, and how many bookings. The backup is older than the tables were, and nobody should have
 * to find out by complaint. Tables whose rows have no id of their own go with the rows that they belong to.
 */
export interface Dropped {
  readonly [table: string]: number | readonly number[];
  readonly bookingCount: number;
}

/** Rows as they were, by table, as far as a restore needs to know them. */
export type Replaced = Readonly<Record<string, readonly Numbered[]>>;

/** Must run in one transaction that keeps everybody else from writing. */
export async function replaceContents(client: Client, format: BackupFormat, document: BackupDocument): Promise<Dropped> {
  const replaced = await deleteContents(client, format);
  await insertContents(client, format, document, replaced);
  await moveSequences(client, format, document);
  return droppedFrom(format, document, replaced);
}

/** Empties the tables, those that refer to others first. */
export async function deleteContents(client: Client, format: BackupFormat): Promise<Replaced> {
  const replaced: Record<string, readonly Numbered[]> = {};
  for (const table of format.tables.toReversed()) {
    const columns = [idColumn(table), table.version].filter((column) => column !== undefined);
    const returning = columns.length === 0 ? '' : ` RETURNING ${columns.join(', ')}`;
    replaced[table.name] = (await client.query(`DELETE FROM ${table.name}${returning}`)).rows;
  }
  return replaced;
}

export async function insertContents(client: Client, format: BackupFormat, { tables }: BackupDocument, replaced: Replaced): Promise<void> {
  for (const table of format.tables) await insertRows(client, table, withRaisedVersion(table, tables[table.name]!, replaced[table.name]!));
}

export async function moveSequences(client: Client, format: BackupFormat, { tables, sequences }: BackupDocument): Promise<void> {
  for (const [sequence, table] of Object.entries(format.sequences)) {
    const id = idColumn(format.tables.find(({ name }) => name === table)!)!;
    await moveSequenceForward(client, sequence, highestOf(sequences[sequence]!, tables[table]!, id));
  }
}

export function droppedFrom(format: BackupFormat, { tables }: BackupDocument, replaced: Replaced): Dropped {
  const dropped = Object.fromEntries(
    format.tables.flatMap((table) => {
      const id = idColumn(table);
      return id === undefined ? [] : [[table.name, missingFrom(tables[table.name]!, replaced[table.name]!, id)] as const];
    }),
  );
  return { ...dropped, bookingCount: dropped.bookings!.length };
}

/**
 * One version for all restored rows, above every one that was handed out: with the versions of the backup, a booker that read
 * version 7 before the restore could find another row at version 7 after it, and its compare-and-swap would succeed (ABA). The
 * maximum over all rows also covers those that an earlier restore dropped.
 */
function withRaisedVersion({ version }: TableFormat, restored: readonly BackupRow[], replaced: readonly Numbered[]): readonly BackupRow[] {
  if (version === undefined) return restored;
  const raised = 1 + highestOf(highestOf(0, restored, version), replaced, version);
  return restored.map((row) => ({ ...row, [version]: raised }));
}

function highestOf(least: number, rows: readonly Numbered[], column: string): number {
  return rows.reduce((highest, row) => Math.max(highest, Number(row[column])), least);
}

function missingFrom(restored: readonly BackupRow[], rows: readonly Numbered[], column: string): number[] {
  const kept = new Set(restored.map((row) => row[column]));
  return rows
    .map((row) => Number(row[column]))
    .filter((id) => !kept.has(id))
    .sort((a, b) => a - b);
}
