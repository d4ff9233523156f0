import type { ActorIndex } from '../contract.js';
import type { Table } from './catalog.js';
import type { RowContents } from './contents.js';
import type { Draft } from './draft.js';
import type { Value } from './types.js';
import { versionsOf } from './view.js';

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
  values: readonly Value[],
  contents: RowContents,
  tables: number,
): 'duplicate' | { readonly actor: ActorIndex; readonly xid: number } | null {
  const { columns } = table.unique[index]!;
  if (columns.some((column) => values[column] === null)) return null;
  const equal = (content: number) => {
    const other = contents.values(content);
    return columns.every((column) => other[column] === values[column]);
  };
  const emptied = draft.transaction(actor).truncated.has(table.index);
  for (const version of emptied ? [] : versionsOf(draft.committed, contents, tables)[table.index]!) {
    if (version.slot === slot || !equal(version.content) || draft.transaction(actor).writes.has(version.slot)) continue;
    const writer = draft.otherWriter(actor, version.slot);
    return writer === null ? 'duplicate' : { actor: writer, xid: draft.transaction(writer).writes.get(version.slot)!.by };
  }
  for (const [other, transaction] of draft.transactions.entries())
    for (const write of transaction?.writes.values() ?? []) {
      if (write.table !== table.index) continue;
      // To others, a version that its own transaction has replaced or deleted is there until that is over (HeapTupleSatisfiesDirty).
      const past = other === actor ? undefined : write.past.find(({ content }) => equal(content));
      if (past !== undefined) return { actor: other, xid: past.keyedBy };
      if (write.next === null || write.next.slot === slot) continue;
      if (write.indexed <= index || !equal(write.next.content)) continue;
      return other === actor ? 'duplicate' : { actor: other, xid: write.keyedBy };
    }
  return null;
}
