import { type ActorIndex, UnmodelledError } from '../contract.js';
import type { Table } from './catalog.js';
import type { RowContents } from './contents.js';
import type { Draft } from './draft.js';
import type { Evaluator } from './evaluator.js';
import type { Version } from './state.js';
import { versionsOf } from './view.js';
import type { View } from './visible.js';

interface Indexing {
  readonly contents: RowContents;
  readonly evaluator: Evaluator;
  readonly catalog: { readonly tables: readonly Table[] };
}

/** The key under which a unique index has a row; null where the row cannot be a duplicate: it has a NULL there, or the index is partial and without it. */
export function indexEntry(table: Table, index: number, content: number, { contents, evaluator }: Indexing): string | null {
  const { name, columns, nullsNotDistinct, entry } = table.unique[index]!;
  const values = contents.values(content);
  if (columns !== null) {
    if (!nullsNotDistinct && columns.some((column) => values[column] === null)) return null;
    return columns.length === 1 ? String(values[columns[0]!]) : JSON.stringify(columns.map((column) => values[column]));
  }
  const [row] = evaluator.evaluate(entry!, NOWHERE, content);
  const [included, ...keys] = row!.values;
  if (included !== true) return null;
  const key = keys.filter((_, at) => at % 2 === 0);
  const inexact = keys.find((type, at) => at % 2 === 1 && INEXACT.has(String(type)));
  if (inexact !== undefined) throw new UnmodelledError(`index ${name}, over an expression of type ${inexact}`);
  return !nullsNotDistinct && key.includes(null) ? null : JSON.stringify(key);
}

/** Tells rows that would be duplicates of one; null where none could. */
function sameEntry(table: Table, index: number, content: number, indexing: Indexing): ((other: number) => boolean) | null {
  const { columns } = table.unique[index]!;
  const wanted = indexEntry(table, index, content, indexing);
  if (wanted === null) return null;
  if (columns === null) return (other) => indexEntry(table, index, other, indexing) === wanted;
  const values = indexing.contents.values(content);
  return (other) => {
    const others = indexing.contents.values(other);
    return columns.every((column) => others[column] === values[column]);
  };
}

/** An index may depend on nothing but its row. */
const NOWHERE: View = { contents: () => [], sequences: [], nowMs: 0 };

/** Types of which two values can be equal that are written differently. */
const INEXACT = new Set([
  'numeric',
  'interval',
  'real',
  'double precision',
  'jsonb',
  'character',
  'citext',
  'numrange',
  'time with time zone',
]);

/** Whether an update gives the row another place in some unique index. */
export const entriesDiffer = (table: Table, before: number, after: number, indexing: Indexing): boolean =>
  table.unique.some((_, index) => indexEntry(table, index, before, indexing) !== indexEntry(table, index, after, indexing));

/**
 * Whether a new index entry may be made (nbtinsert.c, _bt_check_unique): uniqueness is judged on the newest state, whatever the
 * snapshot. A row of ours or a committed one is a duplicate; one that another transaction has inserted, changed or deleted
 * without being done is waited for.
 */
export function findConflict(
  draft: Draft,
  actor: ActorIndex,
  table: Table,
  index: number,
  slot: number,
  content: number,
  indexing: Indexing,
): { readonly duplicate: Version; readonly own: boolean } | { readonly actor: ActorIndex; readonly xid: number } | null {
  const equal = sameEntry(table, index, content, indexing);
  if (equal === null) return null;
  const emptied = draft.transaction(actor).truncated.has(table.index);
  const tables = indexing.catalog.tables.length;
  for (const version of emptied ? [] : versionsOf(draft.committed, indexing.contents, tables)[table.index]!) {
    if (version.slot === slot || !equal(version.content) || draft.transaction(actor).writes.has(version.slot)) continue;
    const writer = draft.otherWriter(actor, version.slot);
    return writer === null
      ? { duplicate: version, own: false }
      : { actor: writer, xid: draft.transaction(writer).writes.get(version.slot)!.by };
  }
  for (const [other, transaction] of draft.transactions.entries())
    for (const write of transaction?.writes.values() ?? []) {
      if (write.table !== table.index) continue;
      // To others, a version that its own transaction has replaced or deleted is there until that is over (HeapTupleSatisfiesDirty).
      const past = other === actor ? undefined : write.past.find((version) => equal(version.content));
      if (past !== undefined) return { actor: other, xid: past.keyedBy };
      if (write.next === null || write.next.slot === slot) continue;
      if (write.indexed <= index || !equal(write.next.content)) continue;
      return other === actor ? { duplicate: write.next, own: true } : { actor: other, xid: write.keyedBy };
    }
  return null;
}
