import type { ActorIndex } from '../contract.js';
import type { Exclusion, Table, UniqueConstraint } from './catalog.js';
import type { RowContents } from './contents.js';
import type { Draft } from './draft.js';
import type { Evaluator } from './evaluator.js';
import type { TextQuery } from './pglite/text-query.js';
import { SqlError } from './sql-error.js';
import type { Version, Write } from './state.js';
import { versionsOf } from './view.js';
import type { View } from './visible.js';

export interface Indexing {
  readonly contents: RowContents;
  readonly evaluator: Evaluator;
  readonly catalog: { readonly tables: readonly Table[] };
  readonly ordered: Set<number>;
}

/** The key under which a unique index has a row; null where the row cannot be a duplicate: it has a NULL there, or the index is partial and without it. */
function indexEntry(table: Table, index: number, content: number, { contents, evaluator }: Indexing): string | null {
  const { columns, nullsNotDistinct, entry } = table.unique[index]!;
  const values = contents.values(content);
  if (columns !== null) {
    if (!nullsNotDistinct && columns.some((column) => values[column] === null)) return null;
    return columns.length === 1 ? String(values[columns[0]!]) : JSON.stringify(columns.map((column) => values[column]));
  }
  const [row] = evaluator.evaluate(entry!, NOWHERE, content);
  const [included, ...key] = row!.values;
  if (included !== true) return null;
  return !nullsNotDistinct && key.includes(null) ? null : JSON.stringify(key);
}

/** Tells rows that one may not stand beside; null where there are none. */
export function excludedBy(table: Table, index: number, content: number, indexing: Indexing): ((other: number) => boolean) | null {
  const { columns, equal, exclusion } = table.unique[index]!;
  if (exclusion !== null) return conflictsWith(exclusion, table, content, indexing);
  if (equal !== null) return (other) => holdBetween(equal, content, other, indexing);
  const wanted = indexEntry(table, index, content, indexing);
  if (wanted === null) return null;
  if (columns === null) return (other) => indexEntry(table, index, other, indexing) === wanted;
  const values = indexing.contents.values(content);
  return (other) => {
    const others = indexing.contents.values(other);
    return columns.every((column) => others[column] === values[column]);
  };
}

function conflictsWith({ conflicts, period }: Exclusion, table: Table, content: number, indexing: Indexing) {
  // execIndexing.c, ExecWithoutOverlapsNotEmpty.
  if (period !== null && indexing.contents.values(content)[period] === 'empty')
    throw new SqlError(
      '23514',
      `empty WITHOUT OVERLAPS value found in column "${table.columns[period]!.name}" in relation "${table.name}"`,
    );
  return (other: number) => holdBetween(conflicts, content, other, indexing);
}

/** Whether a condition holds between two rows. */
export const holdBetween = (condition: TextQuery, one: number, other: number, { evaluator }: Pick<Indexing, 'evaluator'>): boolean =>
  evaluator.ask(condition, NOWHERE, { rows: [one, other], texts: [] })[0]!.values[0] === true;

/** An index may depend on nothing but its row. */
const NOWHERE: View = { contents: () => [], sequences: [], nowMs: 0 };

/** Whether an update makes index entries. Where it changes an indexed column, in whichever index, it makes them in all (README.HOT). */
export function makesEntries(table: Table, before: number, after: number, { contents }: Indexing): boolean {
  const [old, next] = [contents.values(before), contents.values(after)];
  return [...table.indexed].some((column) => old[column] !== next[column]);
}

export type Found =
  | { readonly duplicate: Version; readonly own: boolean }
  /** Somebody whose work is not done, under the id of what is in the way. */
  | { readonly actor: ActorIndex; readonly xid: number };

/**
 * Whether a row may stand in an index (nbtinsert.c, _bt_check_unique; execIndexing.c, check_exclusion_or_unique_constraint): judged on the newest
 * state, whatever the snapshot. A row of ours or a committed one is in the way for good; one that another transaction has inserted, changed or
 * deleted without being done is waited for. Where there are several, the one whose entry is oldest is met first.
 */
export function findConflict(
  draft: Draft,
  actor: ActorIndex,
  table: Table,
  index: number,
  slot: number,
  content: number,
  indexing: Indexing,
): Found | null {
  const excluded = excludedBy(table, index, content, indexing);
  if (excluded === null) return null;
  const inTheWay = ({ content: other }: { readonly content: number }) => excluded(other);
  const found = [
    ...committedEntries(draft, actor, table, slot, inTheWay, indexing),
    ...pendingEntries(draft, actor, table, index, slot).filter(inTheWay),
  ].sort((left, right) => left.entered - right.entered);
  const [first] = found;
  if (first === undefined) return null;
  if (found.some((entry) => meaning(entry, draft, actor) !== meaning(first, draft, actor))) indexing.ordered.add(table.index);
  return first.found;
}

/** Whether a row that is there for good, committed or one's own, keeps another out, those in some slots apart. */
export function isKeptOut(
  draft: Draft,
  actor: ActorIndex,
  table: Table,
  index: number,
  content: number,
  apart: ReadonlySet<number>,
  indexing: Indexing,
): boolean {
  const excluded = excludedBy(table, index, content, indexing);
  if (excluded === null) return false;
  const inTheWay = (version: Version) => !apart.has(version.slot) && excluded(version.content);
  return [
    ...committedEntries(draft, actor, table, 0, inTheWay, indexing),
    ...pendingEntries(draft, actor, table, index, 0).filter(({ found }) => 'duplicate' in found && inTheWay(found.duplicate)),
  ].some(({ found }) => 'duplicate' in found);
}

interface Entry {
  readonly content: number;
  readonly entered: number;
  readonly found: Found;
}

/** What it comes to that an entry is met first. */
function meaning({ found }: Entry, draft: Draft, actor: ActorIndex): string {
  if (!('duplicate' in found)) return `${found.actor} ${found.xid}`;
  return draft.transaction(actor).snapshot === null ? '' : `${found.duplicate.id}`;
}

function committedEntries(
  draft: Draft,
  actor: ActorIndex,
  table: Table,
  slot: number,
  inTheWay: (version: Version) => boolean,
  { contents, catalog }: Indexing,
): Entry[] {
  const { truncated, writes } = draft.transaction(actor);
  if (truncated.has(table.index)) return [];
  return versionsOf(draft.committed, contents, catalog.tables.length)
    [table.index]!.filter((version) => version.slot !== slot && !writes.has(version.slot) && inTheWay(version))
    .map((version): Entry => {
      const { content, entered } = version;
      const writer = draft.otherWriter(actor, version.slot);
      if (writer === null) return { content, entered, found: { duplicate: version, own: false } };
      return { content, entered, found: { actor: writer, xid: draft.transaction(writer).writes.get(version.slot)!.by } };
    });
}

function pendingEntries(draft: Draft, actor: ActorIndex, table: Table, index: number, slot: number): Entry[] {
  return draft.transactions.flatMap((transaction, other) =>
    [...(transaction?.writes.values() ?? [])].flatMap((write): Entry[] => {
      if (write.table !== table.index) return [];
      // To others, a version that its own transaction has replaced or deleted is there until that is over (HeapTupleSatisfiesDirty).
      const past = other === actor ? [] : write.past.map((old): Entry => ({ ...old, found: { actor: other, xid: old.keyedBy } }));
      const { next } = write;
      if (next === null || next.slot === slot || !isEntered(table, index, write)) return past;
      const { content, entered } = next;
      const found = other === actor ? { duplicate: next, own: true } : { actor: other, xid: write.keyedBy };
      return [...past, { content, entered, found }];
    }),
  );
}

/** An exclusion constraint's entry is made first and judged then: while its row waits, others see it. A unique index does not take what it does not allow. */
const isEntered = (table: Table, index: number, { indexed }: Write): boolean =>
  table.unique[index]!.exclusion === null ? indexed > index : indexed >= index;

export function violation({ name, exclusion }: UniqueConstraint, table: Table): SqlError {
  const where = { constraint: name, table: table.name };
  return exclusion === null
    ? new SqlError('23505', `duplicate key value violates unique constraint "${name}"`, where)
    : new SqlError('23P01', `conflicting key value violates exclusion constraint "${name}"`, where);
}
