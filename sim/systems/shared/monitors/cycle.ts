import { type CommittedState, isRejection, type Row, type StepEvent } from '../../../../src/index.js';
import { sha256, sortedByName } from '../canonical-json.js';

export type Tables = Readonly<Record<string, readonly Row[]>>;

/** A table and the column of its ids. */
export interface IdColumn {
  readonly table: string;
  readonly column: string;
}

/** What the monitors of backup and restore must know of a system. */
export interface CycleOptions {
  /** Names of the operations. */
  readonly backup: string;
  readonly restore: string;
  /** The tables that a backup holds. */
  readonly tables: readonly string[];
  /** A backup file's rows, or null where the text is no backup. */
  readonly parse: (text: string) => Tables | null;
  /** What a restore may change: the same tables without the columns that need not come back as they were. */
  readonly comparable: (tables: Tables) => Tables;
  /** The table whose ids are acknowledged, and the id that a result acknowledges. */
  readonly bookings: IdColumn;
  readonly acknowledged: (value: unknown) => number | null;
}

/** A short stand-in for content: monitor states multiply the states of a run, so they stay small. */
export function digestOf(content: unknown): string {
  return sha256(content).slice(0, 16);
}

export function backedUpTables({ tables }: CommittedState, names: readonly string[]): Tables {
  return Object.fromEntries(names.map((name) => [name, tables[name] ?? []]));
}

export function rowIds(state: CommittedState, { table, column }: IdColumn): ReadonlySet<unknown> {
  return new Set((state.tables[table] ?? []).map((row) => row[column]));
}

/** The text that this step left in a file of the store, or found in it. */
export function fileContent(event: StepEvent): string | null {
  return event.kind === 'store' && event.outcome === 'done' ? (event.file?.content ?? null) : null;
}

/** The value that the operation returned with this step, unless it threw or refused. */
export function succeeded(event: StepEvent): { readonly value: unknown } | null {
  const { finished } = event;
  return finished !== null && 'value' in finished && !isRejection(finished.value) ? finished : null;
}

/** Monitor states are compared as JSON, so their properties and sets are kept in order. */
export function withEntry<T>(record: Readonly<Record<string, T>>, name: string, value: T): Record<string, T> {
  return sortedByName({ ...record, [name]: value });
}

export function withoutEntry<T>(record: Readonly<Record<string, T>>, name: string): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([other]) => other !== name));
}

export function withElement<T extends string | number>(set: readonly T[], element: T): readonly T[] {
  return set.includes(element) ? set : [...set, element].sort((a, b) => (a < b ? -1 : 1));
}

/** By restore actor: the digest of what its backup holds, once it has read that. */
export function restoringAfter(
  options: CycleOptions,
  restoring: Readonly<Record<string, string>>,
  event: StepEvent,
): Readonly<Record<string, string>> {
  const tables = options.parse(fileContent(event) ?? '');
  return tables === null ? restoring : withEntry(restoring, event.actor, digestOf(options.comparable(tables)));
}

/** What a restore would have to leave for the tables to be as they are. */
export const restoredDigest = (options: CycleOptions, committed: CommittedState): string =>
  digestOf(options.comparable(backedUpTables(committed, options.tables)));

/** The number that a result has under this name. */
export const idIn =
  (field: string) =>
  (value: unknown): number | null => {
    const id = (value as Readonly<Record<string, unknown>> | null | undefined)?.[field];
    return typeof id === 'number' ? id : null;
  };
