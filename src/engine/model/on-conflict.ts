import type { ActorIndex } from '../contract.js';
import type { Draft } from './draft.js';
import { type Machinery, seeing } from './machinery.js';
import { concurrent, lockVersion, type MutableProgress } from './row-locking.js';
import { SqlError } from './sql-error.js';
import type { Item, Version, Wait } from './state.js';
import type { StatementPlan } from './statements.js';
import type { Value } from './types.js';
import { findConflict } from './unique.js';

type InsertPlan = Extract<StatementPlan, { kind: 'insert' }>;

export type Resolution =
  | { readonly kind: 'insert' | 'nothing' }
  | { readonly kind: 'wait'; readonly wait: Wait }
  | { readonly kind: 'update'; readonly item: Item };

/**
 * ON CONFLICT, before the row is inserted (nodeModifyTable.c, ExecInsert): a row in the way that is somebody's uncommitted work is waited for;
 * one that is committed is left alone, or locked and updated. Where it has been changed by the time it is locked, the search begins anew.
 */
export function resolveConflict(
  draft: Draft,
  actor: ActorIndex,
  plan: InsertPlan,
  progress: MutableProgress,
  machinery: Machinery,
): Resolution {
  const { table } = plan;
  const onConflict = plan.onConflict!;
  const content = machinery.contents.intern(table.index, progress.values!);
  for (;;) {
    if (progress.version === null) {
      const waited = progress.arbiter > 0;
      const found = search(draft, actor, plan, content, progress, machinery);
      if (found === null) {
        // What has come into an index before meanwhile is met when the row is entered there, and the search begins anew.
        if (waited) continue;
        return { kind: 'insert' };
      }
      if (!('duplicate' in found)) return { kind: 'wait', wait: { on: 'transaction', ...found } };
      if (onConflict.update === null) {
        checkVisible(draft, actor, found.duplicate);
        return { kind: 'nothing' };
      }
      if (draft.execution(actor).touched.includes(found.duplicate.slot))
        throw new SqlError('21000', 'ON CONFLICT DO UPDATE command cannot affect row a second time');
      progress.version = found.duplicate;
    }
    const { slot } = progress.version;
    const request = { actor, table, slot, mode: onConflict.mode, policy: 'block' as const, by: 'lock' as const };
    const locked = lockVersion(draft, request, progress);
    if (locked.result === 'wait') return { kind: 'wait', wait: locked.wait };
    if (locked.result === 'locked') break;
    if (draft.transaction(actor).isolation !== 'READ COMMITTED') throw concurrent(draft, { slot, by: 'write' }, progress.version);
    progress.version = null;
  }
  const { version } = progress;
  checkVisible(draft, actor, version);
  progress.version = null;
  const [row] = seeing(draft, actor, machinery, (view) =>
    machinery.evaluator.ask(onConflict.update!, view, { rows: [content, version.content], texts: [] }),
  );
  return row === undefined ? { kind: 'nothing' } : { kind: 'update', item: updateItem(plan, version, row.changes!, row.values) };
}

/** After a wait it goes on in the index where it waited, not in those before (execIndexing.c, check_exclusion_or_unique_constraint). */
function search(
  draft: Draft,
  actor: ActorIndex,
  { table, onConflict }: InsertPlan,
  content: number,
  progress: MutableProgress,
  machinery: Machinery,
) {
  const { arbiters } = onConflict!;
  for (let at = progress.arbiter; at < arbiters.length; at += 1) {
    const found = findConflict(draft, actor, table, arbiters[at]!, 0, content, machinery);
    progress.arbiter = found === null || 'duplicate' in found ? 0 : at;
    if (found !== null) return found;
  }
  return null;
}

/** Under a transaction-wide snapshot the row in the way must be seen (ExecCheckTupleVisible). */
function checkVisible(draft: Draft, actor: ActorIndex, version: Version): void {
  const { snapshot, writes } = draft.transaction(actor);
  if (snapshot === null || writes.has(version.slot) || snapshot.rows.get(version.slot)?.id === version.id) return;
  throw new SqlError('40001', 'could not serialize access due to concurrent update');
}

const updateItem = (plan: InsertPlan, version: Version, values: readonly Value[], returned: readonly Value[]): Item => ({
  table: plan.table.index,
  slot: version.slot,
  version,
  values,
  kind: 'update',
  foreignKey: null,
  mode: plan.onConflict!.mode,
  join: null,
  returned: plan.outputs.length === 0 ? null : returned,
});
