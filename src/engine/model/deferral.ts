/** Constraints that may be checked at the end of the statement or of the transaction: the events of their triggers (src/backend/commands/trigger.c). */
import { type ActorIndex, UnmodelledError } from '../contract.js';
import type { Catalog, Timing } from './catalog.js';
import type { Draft } from './draft.js';
import { actionOf, foreignKeyOf } from './foreign-keys.js';
import type { Machinery } from './machinery.js';
import { SqlError } from './sql-error.js';
import type { Item, Version } from './state.js';
import type { StatementPlan } from './statements.js';
import { findConflict, violation } from './unique.js';
import { NOTHING, type Worked, waiting } from './worked.js';

/** The checks of unique keys that a row owes: those where somebody was in the way when its entry was made. */
export const recheckItems = (table: number, version: Version, indexes: readonly number[]): Item[] =>
  indexes.map((index) => ({
    table,
    slot: version.slot,
    version,
    values: null,
    kind: 'recheck',
    index,
    join: null,
    returned: null,
    foreignKey: null,
    mode: 0,
  }));

/** Whether what an event's row owes is still due: the row is as it was, or has been changed without index entries (constraint.c, unique_key_recheck). */
export function recheckUnique(draft: Draft, actor: ActorIndex, item: Item, machinery: Machinery): Worked {
  const table = machinery.catalog.tables[item.table]!;
  const next = draft.transaction(actor).writes.get(item.slot)?.next;
  if (!next || next.entered !== item.version!.entered) return NOTHING;
  const conflict = findConflict(draft, actor, table, item.index!, item.slot, next.content, machinery);
  if (conflict === null) return NOTHING;
  if ('duplicate' in conflict) throw violation(table.unique[item.index!]!, table);
  return waiting({ on: 'transaction', ...conflict });
}

/** What an event is for, as far as that may be put off; null for what fires at the end of the statement whatever happens. */
function constraintOf(item: Item, { catalog }: Machinery): { readonly name: string; readonly timing: Timing } | null {
  switch (item.kind) {
    case 'recheck':
      return catalog.tables[item.table]!.unique[item.index!]!;
    case 'parent':
      return foreignKeyOf(item, catalog, (table) => table.foreignKeys);
    case 'child': {
      const foreignKey = foreignKeyOf(item, catalog, (table) => table.referencedBy);
      // Only NO ACTION is put off; what RESTRICT forbids and what others do comes at once (tablecmds.c, createForeignKeyActionTriggers).
      return actionOf(foreignKey, item.key!) === 'no action' ? foreignKey : null;
    }
    default:
      return null;
  }
}

function isDeferred(draft: Draft, actor: ActorIndex, item: Item, machinery: Machinery): boolean {
  const constraint = constraintOf(item, machinery);
  if (constraint === null || constraint.timing === 'at once') return false;
  const { all, named } = draft.transaction(actor).timing;
  return named.get(constraint.name) ?? all ?? constraint.timing === 'deferred';
}

/** Puts off what is deferred, and gives back what is to be done at the end of the statement (AfterTriggerEndQuery). */
export function dueNow(draft: Draft, actor: ActorIndex, items: readonly Item[], machinery: Machinery): readonly Item[] {
  const deferred = items.filter((item) => isDeferred(draft, actor, item, machinery));
  if (deferred.length === 0) return items;
  const transaction = draft.transaction(actor);
  draft.setTransaction(actor, { ...transaction, deferred: [...transaction.deferred, ...deferred] });
  return items.filter((item) => !deferred.includes(item));
}

type SetConstraints = Extract<StatementPlan, { kind: 'set constraints' }>;

/** Says when constraints are checked from now on, and gives what has been put off and is due now (AfterTriggerSetState). */
export function setConstraints(draft: Draft, actor: ActorIndex, plan: SetConstraints, machinery: Machinery): readonly Item[] {
  const { names, deferred } = plan;
  for (const name of names ?? []) refuseUnknown(name, machinery.catalog);
  const before = draft.transaction(actor);
  const timing =
    names === null
      ? { all: deferred, named: new Map<string, boolean>() }
      : { all: before.timing.all, named: new Map([...before.timing.named, ...names.map((name) => [name, deferred] as const)]) };
  draft.setTransaction(actor, { ...before, timing });
  if (deferred) return [];
  const due = before.deferred.filter((item) => !isDeferred(draft, actor, item, machinery));
  draft.setTransaction(actor, { ...draft.transaction(actor), deferred: before.deferred.filter((item) => !due.includes(item)) });
  return due;
}

function refuseUnknown(name: string, { tables }: Catalog): void {
  const constraints = tables.flatMap((table) => [...table.unique, ...table.foreignKeys]).filter((constraint) => constraint.name === name);
  if (constraints.length > 0 && constraints.every(({ timing }) => timing !== 'at once')) return;
  if (constraints.length > 0 || tables.some(({ checks }) => checks.some((check) => check.name === name)))
    throw new UnmodelledError(`SET CONSTRAINTS of ${name}, which cannot be deferred`);
  throw new SqlError('42704', `constraint "${name}" does not exist`);
}

/** Tables whose rows owe something yet cannot be emptied (heap.c, CheckTableNotInUse). */
export function refusePending(draft: Draft, actor: ActorIndex, tables: readonly number[], { catalog }: Machinery): void {
  const pending = draft.transaction(actor).deferred.map((item) => {
    if (item.kind === 'recheck') return item.table;
    return item.kind === 'parent'
      ? foreignKeyOf(item, catalog, (table) => table.foreignKeys).table
      : foreignKeyOf(item, catalog, (table) => table.referencedBy).parent;
  });
  const found = tables.find((table) => pending.includes(table));
  if (found === undefined) return;
  if (tables.length > 1) throw new UnmodelledError('TRUNCATE of several tables, one of which has checks put off');
  throw new SqlError('55006', `cannot TRUNCATE "${catalog.tables[found]!.name}" because it has pending trigger events`);
}
