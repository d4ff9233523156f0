/** The checks that foreign keys owe, as the queries that PostgreSQL's triggers run (ri_triggers.c). */
import { type ActorIndex, UnmodelledError } from '../contract.js';
import type { Catalog, Column, ForeignKey, ReferentialAction, Table } from './catalog.js';
import type { Draft } from './draft.js';
import type { Machinery } from './machinery.js';
import { NOTHING_GIVEN } from './pglite/text-query.js';
import { refuseAction, refuseTouch } from './refusals.js';
import { lockNewest, type MutableProgress } from './row-locking.js';
import { SqlError } from './sql-error.js';
import type { Item, KeyChange, Version, Wait, Write } from './state.js';
import { RowLockMode } from './statements.js';
import type { Value } from './types.js';
import { holdBetween } from './unique.js';
import { SnapshotView } from './view.js';
import type { View } from './visible.js';
import { NOTHING, type Worked, waiting } from './worked.js';

/**
 * The foreign keys of a changed row that must be checked (ri_triggers.c, RI_FKey_fk_upd_check_required): those that have changed; all of them
 * where the row was of our own making already, since the check that is owed for that one will find it gone.
 */
export function parentItemsOfUpdate(
  table: Table,
  values: readonly Value[],
  before: readonly Value[],
  write: Write,
  machinery: Machinery,
): Item[] {
  const ours = write.next!.parent !== write.base?.id;
  const due = table.foreignKeys
    .filter(({ columns, matchFull }) => {
      const nulls = columns.filter((column) => values[column] === null).length;
      return nulls === 0 || (matchFull && nulls < columns.length);
    })
    .filter((foreignKey) => {
      const keyIn = (row: readonly Value[]): readonly Value[] => foreignKey.columns.map((column) => row[column]!);
      return ours || keyIn(values).includes(null) || !isSameChild(foreignKey, keyIn(values), keyIn(before), machinery);
    });
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
  refuseTouch(machinery.catalog.tables[item.table]!);
  const wait = lockForCheck(draft, actor, item.table, 'ROW SHARE');
  progress.tableLock = unlocked;
  draft.noteReads(actor, [item.table], []);
  if (wait !== null) return waiting(wait);
  const foreignKey = foreignKeyOf(item, machinery.catalog, (table) => table.foreignKeys);
  const isMixed = item.values!.includes(null) && item.values!.some((value) => value !== null);
  if (item.values!.includes(null) && !(isMixed && foreignKey.matchFull)) {
    // The parents' table is locked before anybody looks for NULLs, and given back when there are some.
    if (unlocked) draft.releaseHeavy(actor, `table ${item.table}`, 'ROW SHARE');
    return NOTHING;
  }
  const table = machinery.catalog.tables[item.table]!;
  const matches = (version: Version) => isParentOf(version, foreignKey, item.values!, machinery);
  if (!isMixed) progress.version ??= currentView(draft, actor, machinery).versions(table.index).find(matches) ?? null;
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
  const action = item.hasSetDefault ? 'no action' : actionOf(foreignKey, item.key!);
  const writes = action === 'cascade' || action === 'set null' || action === 'set default';
  const own = machinery.catalog.tables[item.table]!;
  if (writes) refuseAction(own, action === 'cascade' && item.key!.next === null ? 'delete' : 'update', foreignKey.name);
  else refuseTouch(own);
  const wait = lockForCheck(draft, actor, item.table, writes ? 'ROW EXCLUSIVE' : 'ROW SHARE');
  if (wait !== null) return waiting(wait);
  draft.noteReads(actor, [item.table], []);
  const { contents, catalog } = machinery;
  const { old, next } = item.key!;
  const newest = new SnapshotView(contents, draft.committed, draft.transaction(actor), draft.sequences, catalog.tables.length);
  const lying = (table: number, hasKey: (version: Version) => boolean) =>
    newest
      .versions(table)
      .filter(hasKey)
      .sort((left, right) => left.position - right.position);
  // NO ACTION is content with another row that has the key by now, which can only be one of ours (ri_Check_Pk_Match).
  const other = (version: Version) => hasParentKey(version, foreignKey, old, machinery);
  if (action === 'no action' && lying(foreignKey.parent, other).length > 0) return NOTHING;
  const children = lying(item.table, (version) => refersTo(version, foreignKey, old, machinery));
  const kind = !writes ? 'referrer' : action === 'cascade' && next === null ? 'delete' : 'rewrite';
  const items = children.map((version): Item => {
    const values = kind === 'rewrite' ? rewritten(foreignKey, item.key!, version, machinery) : null;
    return { ...item, slot: version.slot, version, kind, values };
  });
  // A child whose default is the key that is gone has not changed: it still refers to what is not there (RI_FKey_setdefault_del).
  return { ...NOTHING, next: action === 'set default' ? [...items, { ...item, hasSetDefault: true }] : items };
}

/** A child's row as the foreign key's action leaves it. */
export function rewritten(foreignKey: ForeignKey, key: KeyChange, version: Version, machinery: Machinery): readonly Value[] {
  const table = machinery.catalog.tables[foreignKey.table]!;
  if (table.columns.some((column) => column.generated))
    throw new UnmodelledError(`foreign key ${foreignKey.name} changes ${table.name}, which has generated columns`);
  const values = [...machinery.contents.values(version.content)];
  const action = actionOf(foreignKey, key);
  if (action === 'cascade')
    foreignKey.columns.forEach((column, index) => {
      values[column] = key.next![index]!;
    });
  else
    for (const column of key.next === null ? foreignKey.setOnDelete : foreignKey.columns)
      values[column] = action === 'set null' ? null : defaultOf(table.columns[column]!, foreignKey, machinery);
  if (action === 'cascade' && foreignKey.equality !== null)
    throw new UnmodelledError(`foreign key ${foreignKey.name}, which hands a key on to another type`);
  return values;
}

function defaultOf({ name, laterDefault }: Column, foreignKey: ForeignKey, { evaluator }: Machinery): Value {
  if (laterDefault === null) throw new UnmodelledError(`foreign key ${foreignKey.name}, which gives ${name} a default that is drawn`);
  return evaluator.ask(laterDefault, NOWHERE, NOTHING_GIVEN)[0]!.values[0]!;
}

/** A child that forbids the delete of its parent, or the change of its key, unless it turns out to have gone elsewhere. */
export function checkReferrer(draft: Draft, actor: ActorIndex, item: Item, progress: MutableProgress, machinery: Machinery): Worked {
  const foreignKey = foreignKeyOf(item, machinery.catalog, (table) => table.referencedBy);
  const table = machinery.catalog.tables[item.table]!;
  const request = { actor, table, slot: item.slot, mode: RowLockMode.keyShare, policy: 'block' as const, by: 'lock' as const };
  const locked = lockNewest(draft, request, progress);
  if (locked.result === 'wait') return waiting(locked.wait);
  if (locked.result !== 'locked' || !refersTo(progress.version!, foreignKey, item.key!.old, machinery)) return NOTHING;
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

const hasKey = (version: Version, columns: readonly number[], key: readonly Value[], { contents }: Machinery): boolean => {
  const values = contents.values(version.content);
  return columns.every((column, index) => values[column] === key[index]);
};

/** A row that has a key, and nothing else. */
function bearer(table: number, columns: readonly number[], key: readonly Value[], { contents, catalog }: Machinery): number {
  const values: Value[] = catalog.tables[table]!.columns.map(() => null);
  columns.forEach((column, index) => {
    values[column] = key[index]!;
  });
  return contents.intern(table, values);
}

/** Whether a row is the parent to which a child's key refers. */
function isParentOf(
  version: Version,
  { equality, parentColumns, table, columns }: ForeignKey,
  key: readonly Value[],
  machinery: Machinery,
): boolean {
  if (equality === null) return hasKey(version, parentColumns, key, machinery);
  return holdBetween(equality.across, version.content, bearer(table, columns, key, machinery), machinery);
}

/** Whether a row refers to a parent's key. */
export function refersTo(version: Version, foreignKey: ForeignKey, key: readonly Value[], machinery: Machinery): boolean {
  const { equality, parent, parentColumns, columns } = foreignKey;
  if (equality === null) return hasKey(version, columns, key, machinery);
  return holdBetween(equality.across, bearer(parent, parentColumns, key, machinery), version.content, machinery);
}

function hasParentKey(
  version: Version,
  { equality, parent, parentColumns }: ForeignKey,
  key: readonly Value[],
  machinery: Machinery,
): boolean {
  if (equality === null) return hasKey(version, parentColumns, key, machinery);
  return holdBetween(equality.parents, version.content, bearer(parent, parentColumns, key, machinery), machinery);
}

function isSameChild(
  { equality, table, columns }: ForeignKey,
  one: readonly Value[],
  other: readonly Value[],
  machinery: Machinery,
): boolean {
  if (equality === null || other.includes(null)) return one.every((value, index) => value === other[index]);
  return holdBetween(equality.children, bearer(table, columns, one, machinery), bearer(table, columns, other, machinery), machinery);
}

/** A default depends on no row. */
const NOWHERE: View = { contents: () => [], sequences: [], nowMs: 0 };
