import { isRejection, type Rejection } from '../../../../src/index.js';
import { sha256 } from '../canonical-json.js';
import { reject } from '../rejections.js';
import { isWholeNumber, maxInteger } from '../request.js';
import {
  type BackupContents,
  type BackupDocument,
  type BackupFormat,
  type BackupRow,
  type ColumnKind,
  primaryKey,
  type TableFormat,
} from './format.js';

export type Json = Readonly<Record<string, unknown>>;

/** The text of what is sealed: with a checksum over all the rest. */
export const seal = (body: Json): string => JSON.stringify({ ...body, checksum: sha256(body) });

/** What was sealed, where it is of this format and version and whole; or why it must not be restored. */
export function unseal({ name, version }: Pick<BackupFormat, 'name' | 'version'>, text: string): Json | Rejection {
  const sealed = parse(text);
  if (sealed === undefined) return refuse('is empty, truncated, or no JSON object');
  const { checksum, ...body } = sealed;
  if (body.format !== name) return refuse(`is not a backup of ${name}`);
  if (body.version !== version) return refuse(`has version ${String(body.version)}, this program reads version ${version}`);
  if (checksum !== sha256(body)) return refuse('is damaged: its checksum does not match');
  return body;
}

/** The file's text: contents with the format's name and version, row counts, and a checksum over all the rest. */
export function sealDocument(format: BackupFormat, createdAt: Date, contents: BackupContents): string {
  return seal({
    format: format.name,
    version: format.version,
    createdAt: createdAt.toISOString(),
    counts: countsOf(contents),
    sequences: contents.sequences,
    tables: contents.tables,
  });
}

/**
 * Reads a file back, or says why it must not be restored. Everything is checked before anybody acts on it: a restore that finds
 * out halfway has already deleted what it was to replace.
 */
export function openDocument(format: BackupFormat, text: string): BackupDocument | Rejection {
  const body = unseal(format, text);
  return isRejection(body) ? body : read(format, body);
}

function read(format: BackupFormat, body: Json): BackupDocument | Rejection {
  const { createdAt, counts, sequences, tables } = body;
  if (typeof createdAt !== 'string' || !isObject(counts) || !isObject(sequences) || !isObject(tables))
    return refuse('lacks one of its parts');
  for (const table of format.tables) {
    const rows = tables[table.name];
    if (!Array.isArray(rows) || !rows.every((row) => fits(table, row))) return refuse(`has rows that do not fit table ${table.name}`);
    if (counts[table.name] !== rows.length)
      return refuse(`should have ${String(counts[table.name])} rows of ${table.name}, it has ${rows.length}`);
    const missing = danglingReference(format, table, rows, tables);
    if (missing !== undefined) return refuse(`names ${missing}, which it does not hold`);
  }
  for (const sequence of Object.keys(format.sequences)) {
    if (!isWholeNumber(sequences[sequence], 0, maxInteger)) return refuse(`does not say where sequence ${sequence} stood`);
  }
  return { createdAt, sequences: sequences as BackupContents['sequences'], tables: tables as BackupContents['tables'] };
}

const kinds: Readonly<Record<ColumnKind, (value: unknown) => boolean>> = {
  integer: isStoredInteger,
  'integer?': (value) => value === null || isStoredInteger(value),
  text: (value) => typeof value === 'string',
  timestamp: (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)),
};

function isStoredInteger(value: unknown): boolean {
  return isWholeNumber(value, -maxInteger - 1, maxInteger);
}

function fits(table: TableFormat, row: unknown): boolean {
  if (!isObject(row)) return false;
  const columns = Object.entries(table.columns);
  return Object.keys(row).length === columns.length && columns.every(([column, kind]) => kinds[kind](row[column]));
}

/** Referenced tables come first in the format, so their rows have been checked by now. */
function danglingReference(format: BackupFormat, table: TableFormat, rows: readonly BackupRow[], tables: Json): string | undefined {
  for (const [names, target] of Object.entries(table.references ?? {})) {
    const columns = names.split(', ');
    const key = primaryKey(format.tables.find(({ name }) => name === target)!);
    const held = new Set((tables[target] as readonly BackupRow[]).map((row) => valuesOf(row, key)));
    const dangling = rows.find((row) => !held.has(valuesOf(row, columns)));
    if (dangling !== undefined) return `${names} ${columns.map((column) => dangling[column]).join(', ')}`;
  }
  return undefined;
}

function valuesOf(row: BackupRow, columns: readonly string[]): string {
  return JSON.stringify(columns.map((column) => row[column]));
}

/** Rows by table. */
export function countsOf({ tables }: BackupContents): Record<string, number> {
  return Object.fromEntries(Object.entries(tables).map(([name, rows]) => [name, rows.length]));
}

function parse(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function refuse(reason: string): Rejection {
  return reject('INVALID_INPUT', `the backup ${reason}`);
}
