/** The checks that foreign keys owe, as the queries that PostgreSQL's triggers run (ri_triggers.c). */
import { type ActorIndex, UnmodelledError } from '../contract.js';
import type { Catalog, ForeignKey, ReferentialAction, Table } from './catalog.js';
import type { Draft } from './draft.js';
import type { Machinery } from './machinery.js';
import { lockNewest, type MutableProgress } from './row-locking.js';
import { SqlError } from './sql-error.js';
import type { Item, KeyChange, Version, Wait, Write } from './state.js';
import { RowLockMode } from './statements.js';
import type { Value } from './types.js';
import { SnapshotView } from './view.js';
import { NOTHING, type Worked, waiting } from './worked.js';

/**
 * The foreign keys of a changed row that must be checked (ri_triggers.c, RI_FKey_fk_upd_check_required): those that have changed; all of them
 * where the row was of our own making already, since the check that is owed for that one will find it gone.
 */
export function parentItemsOfUpdate(table: Table, values: readonly Value[], before: readonly Value[], write: Write): Item[] {
  const ours = write.next!.parent !== write.base?.id;
  const due = table.foreignKeys
    .filter((foreignKey) => foreignKey.columns.every((column) => values[column] !== null))
    .filter((foreignKey) => ours || foreignKey.columns.some((column) => values[column] !== before[column]));
  return parentItems(due, values, write.next!);
}

export const parentItems = (foreignKeys: readonly ForeignKey[], values: readonly Value[], owner: Version): Item[] =>
  foreignKeys.map((foreignKey) => ({
    table: foreignKey.parent,
    slot: 0,
    version: null,
    values: foreignKey.columns.map((column) => values[column]!),
    kind: 'parent',
    join: null,
    returned: null,
    foreignKey: foreignKey.id,
    owner,
    mode: RowLockMode.keyShare,
  }));

/** A check's own query locks its table when its turn comes. */
function lockForCheck(draft: Draft, actor: ActorIndex, table: number, mode: 'ROW SHARE' | 'ROW EXCLUSIVE'): Wait | null {
  const resource = `table ${table}`;
  return draft.acquireHeavy(actor, resource, mode) === 'waiting' ? { on: 'heavy', resource } : null;
}

export function foreignKeyOf(item: Item, catalog: Catalog, among: (table: Table) => readonly ForeignKey[]): ForeignKey {
  for (const table of catalog.tables) for (const foreignKey of among(table)) if (foreignKey.id === item.foreignKey) return foreignKey;
  throw new Error(`no foreign key ${item.foreignKey}`);
}

/**
 * `SELECT 1 FROM parent WHERE key = $1 FOR KEY SHARE` (ri_triggers.c, RI_FKey_check): at READ COMMITTED with a snapshot of its own, newer than
 * the statement's; with the transaction's where it has one.
 */
export function checkParent(draft: Draft, actor: ActorIndex, item: Item, progress: MutableProgress, machinery: Machinery): Worked {
  // Where the row is not as it was, its check has gone with it.
  if (draft.transaction(actor).writes.get(item.owner!.slot)?.next?.id !== item.owner!.id) return NOTHING;
  const unlocked = progress.tableLock ?? !draft.holdsHeavy(actor, `table ${item.table}`, 'ROW SHARE');
  const wait = lockForCheck(draft, actor, item.table, 'ROW SHARE');
  progress.tableLock = unlocked;
  draft.noteReads(actor, [item.table], []);
  if (wait !== null) return waiting(wait);
  if (item.values!.includes(null)) {
    // The parents' table is locked before anybody looks for NULLs, and given back when there are some.
    if (unlocked) draft.releaseHeavy(actor, `table ${item.table}`, 'ROW SHARE');
    return NOTHING;
  }
  const foreignKey = foreignKeyOf(item, machinery.catalog, (table) => table.foreignKeys);
  const table = machinery.catalog.tables[item.table]!;
  const matches = (version: Version) => hasKey(version, foreignKey.parentColumns, item.values!, machinery);
  progress.version ??= currentView(draft, actor, machinery).versions(table.index).find(matches) ?? null;
  if (progress.version !== null) {
    const request = {
      actor,
      table,
      slot: progress.version.slot,
      mode: RowLockMode.keyShare,
      policy: 'block' as const,
      by: 'lock' as const,
    };
    const locked = lockNewest(draft, request, progress);
    if (locked.result === 'wait') return waiting(locked.wait);
    if (locked.result === 'locked' && matches(progress.version)) return NOTHING;
  }
  const child = machinery.catalog.tables[foreignKey.table]!;
  throw new SqlError('23503', `insert or update on table "${child.name}" violates foreign key constraint "${foreignKey.name}"`, {
    constraint: foreignKey.name,
    table: child.name,
  });
}

/** The foreign keys that refer to a row which was deleted, or whose key has changed (ri_triggers.c, RI_FKey_pk_upd_check_required). */
export function childItems(table: Table, before: readonly Value[], after: readonly Value[] | null): Item[] {
  return table.referencedBy.flatMap((foreignKey): Item[] => {
    const { parentColumns } = foreignKey;
    if (parentColumns.some((column) => before[column] === null)) return [];
    if (after !== null && parentColumns.every((column) => before[column] === after[column])) return [];
    const keyIn = (values: readonly Value[]) => parentColumns.map((column) => values[column]!);
    return [
      {
        table: foreignKey.table,
        slot: 0,
        version: null,
        values: null,
        kind: 'child',
        join: null,
        returned: null,
        foreignKey: foreignKey.id,
        key: { old: keyIn(before), next: after === null ? null : keyIn(after) },
        mode: RowLockMode.keyShare,
      },
    ];
  });
}

export const actionOf = (foreignKey: ForeignKey, { next }: KeyChange): ReferentialAction =>
  next === null ? foreignKey.onDelete : foreignKey.onUpdate;

/**
 * After the delete of a parent, or the change of its key: the query for its children, which go or change too, or forbid it. It has the newest
 * snapshot there is, at every isolation level (ri_PerformCheck, detectNewRows).
 */
export function checkChildren(draft: Draft, actor: ActorIndex, item: Item, machinery: Machinery): Worked {
  const foreignKey = foreignKeyOf(item, machinery.catalog, (table) => table.referencedBy);
  const action = actionOf(foreignKey, item.key!);
  const writes = action === 'cascade' || action === 'set null';
  const wait = lockForCheck(draft, actor, item.table, writes ? 'ROW EXCLUSIVE' : 'ROW SHARE');
  if (wait !== null) return waiting(wait);
  draft.noteReads(actor, [item.table], []);
  const { contents, catalog } = machinery;
  const { old, next } = item.key!;
  const newest = new SnapshotView(contents, draft.committed, draft.transaction(actor), draft.sequences, catalog.tables.length);
  const withKey = (table: number, columns: readonly number[]) =>
    newest
      .versions(table)
      .filter((version) => hasKey(version, columns, old, machinery))
      .sort((left, right) => left.position - right.position);
  // NO ACTION is content with another row that has the key by now, which can only be one of ours (ri_Check_Pk_Match).
  if (action === 'no action' && withKey(foreignKey.parent, foreignKey.parentColumns).length > 0) return NOTHING;
  const children = withKey(item.table, foreignKey.columns);
  const kind = !writes ? 'referrer' : action === 'cascade' && next === null ? 'delete' : 'rewrite';
  return {
    ...NOTHING,
    next: children.map((version): Item => {
      const values = kind === 'rewrite' ? rewritten(foreignKey, item.key!, version, machinery) : null;
      return { ...item, slot: version.slot, version, kind, values };
    }),
  };
}

/** A child's row as the foreign key's action leaves it. */
export function rewritten(foreignKey: ForeignKey, key: KeyChange, version: Version, machinery: Machinery): readonly Value[] {
  const table = machinery.catalog.tables[foreignKey.table]!;
  if (table.columns.some((column) => column.generated))
    throw new UnmodelledError(`foreign key ${foreignKey.name} changes ${table.name}, which has generated columns`);
  const values = [...machinery.contents.values(version.content)];
  if (actionOf(foreignKey, key) === 'cascade')
    foreignKey.columns.forEach((column, index) => {
      values[column] = key.next![index]!;
    });
  else for (const column of key.next === null ? foreignKey.setOnDelete : foreignKey.columns) values[column] = null;
  return values;
}

/** A child that forbids the delete of its parent, or the change of its key, unless it turns out to have gone elsewhere. */
export function checkReferrer(draft: Draft, actor: ActorIndex, item: Item, progress: MutableProgress, machinery: Machinery): Worked {
  const foreignKey = foreignKeyOf(item, machinery.catalog, (table) => table.referencedBy);
  const table = machinery.catalog.tables[item.table]!;
  const request = { actor, table, slot: item.slot, mode: RowLockMode.keyShare, policy: 'block' as const, by: 'lock' as const };
  const locked = lockNewest(draft, request, progress);
  if (locked.result === 'wait') return waiting(locked.wait);
  if (locked.result !== 'locked' || !hasKey(progress.version!, foreignKey.columns, item.key!.old, machinery)) return NOTHING;
  const parent = machinery.catalog.tables[foreignKey.parent]!;
  // RESTRICT has a code and a message of its own since PostgreSQL 18 (ri_ReportViolation).
  const restricts = actionOf(foreignKey, item.key!) === 'restrict' && machinery.isAtLeast(18);
  throw new SqlError(
    restricts ? '23001' : '23503',
    `update or delete on table "${parent.name}" violates ${restricts ? 'RESTRICT setting of ' : ''}foreign key constraint "${foreignKey.name}" on table "${table.name}"`,
    { constraint: foreignKey.name, table: table.name },
  );
}

function currentView(draft: Draft, actor: ActorIndex, machinery: Machinery): SnapshotView {
  const transaction = draft.transaction(actor);
  const snapshot = transaction.snapshot ?? draft.committed;
  return new SnapshotView(machinery.contents, snapshot, transaction, draft.sequences, machinery.catalog.tables.length);
}

export function hasKey(version: Version, columns: readonly number[], key: readonly Value[], machinery: Machinery): boolean {
  const values = machinery.contents.values(version.content);
  return columns.every((column, index) => values[column] === key[index]);
}
