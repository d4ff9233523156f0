import { identifier, tokenize } from '../../sql/text.js';
import { type ActorIndex, UnmodelledError } from '../contract.js';
import type { Table } from './catalog.js';
import type { Draft } from './draft.js';
import { foreignKeyOf } from './foreign-keys.js';
import type { Machinery } from './machinery.js';
import { anotherFails } from './row-order.js';
import type { SqlError } from './sql-error.js';
import type { Item } from './state.js';
import type { StatementPlan } from './statements.js';
import type { Value } from './types.js';

/**
 * Refuses a statement that has to wait at one of several rows, or fails at one and would wait or fail otherwise at another, where it is open which it meets first. A sequential scan meets
 * them as they lie, a bitmap scan as their index entries point to them (an update that makes no entries leaves them where they were: README.HOT), an
 * index scan by key. What is searched by no indexed column is scanned sequentially. The triggers of a foreign key come in the order of the
 * rows that they are for.
 */
export function refuseOpenScan(draft: Draft, actor: ActorIndex, machinery: Machinery): void {
  const { plan, items, cursor } = draft.execution(actor);
  const at = items[cursor];
  if (at === undefined) return;
  const own = items.filter((item) => item.foreignKey === null && item.version !== null);
  const open =
    (at.foreignKey !== null && isOpen(siblings(at, items), searchedByTrigger(at, machinery), false, machinery)) ||
    (isWorkedFor(at, items) && isOpen(own, searchedBy(plan, own[0], machinery), joinsSubquery(plan), machinery));
  if (!open) return;
  throw new UnmodelledError(
    'a wait or an error at one of several rows that an index or a join may give in another order than they lie in: which comes first is up to the server',
  );
}

function isOpen(rows: readonly Item[], searched: ReadonlySet<number> | null, joined: boolean, machinery: Machinery): boolean {
  if (rows.length < 2 || searched === null) return false;
  return joined || !inOneOrder(rows, machinery.catalog.tables[rows[0]!.table]!, searched, machinery);
}

/** Whether where a statement stands depends on the order of its own rows: at one of them, or at one of the triggers that several of them have caused. */
const isWorkedFor = (at: Item, items: readonly Item[]): boolean =>
  at.foreignKey === null || items.some((item) => item.foreignKey !== null && (item.key !== at.key || item.owner !== at.owner));

const searchedByTrigger = (at: Item, { catalog }: Machinery): ReadonlySet<number> =>
  new Set(foreignKeyOf(at, catalog, (other) => other.referencedBy).columns);

/**
 * Whether a statement that fails at one of its rows with this error would wait at another that is still to come, or fail there with another error:
 * one that somebody has changed since its transaction-wide snapshot was taken, or one that breaks a rule of its own.
 */
export function endsOtherwiseElsewhere(draft: Draft, actor: ActorIndex, error: SqlError, machinery: Machinery): boolean {
  const { plan, items, cursor } = draft.execution(actor);
  if (plan.kind === 'select for' && plan.marks.some(({ policy }) => policy !== 'block')) return false;
  const rest = items.slice(cursor + 1).filter(({ version }) => version !== null);
  const waits = ({ slot, mode }: Item) => draft.rowLocks(slot).locks.some((lock) => lock.actor !== actor && lock.mode + mode >= 3);
  if (rest.some(waits)) return true;
  const { isolation } = draft.transaction(actor);
  if (isolation === 'READ COMMITTED' || rest.length === 0) return false;
  if (error.code !== '40001') return rest.some((item) => isOutdated(draft, actor, item));
  // A row that is written first may meet the reads of another: a serialization failure of another wording.
  return (isolation === 'SERIALIZABLE' && draft.serializable.length > 1) || anotherFails(draft, actor, machinery);
}

function isOutdated(draft: Draft, actor: ActorIndex, { slot, version }: Item): boolean {
  return !draft.transaction(actor).writes.has(slot) && draft.committed.rows.get(slot)?.id !== version!.id;
}

/** Rows that the query of one trigger has found. */
const siblings = (at: Item, items: readonly Item[]): readonly Item[] =>
  items.filter((item) => item.version !== null && item.kind === at.kind && item.foreignKey === at.foreignKey && item.key === at.key);

/** The columns of its table that a statement's condition mentions; null where its rows come in an order of their own, or the model takes them one by one. */
function searchedBy(plan: StatementPlan, first: Item | undefined, { catalog }: Machinery): ReadonlySet<number> | null {
  if (first === undefined) return null;
  if (plan.kind !== 'select for' && plan.kind !== 'update' && plan.kind !== 'delete') return null;
  if (plan.query.ordered || (plan.join !== null && plan.join.relations.length > 1)) return null;
  const names = new Set('text' in plan.query ? namesAfterWhere(plan.query.text) : namesIn(plan.query.select.where));
  const { columns } = catalog.tables[first.table]!;
  return new Set(columns.flatMap(({ name }, column) => (names.has(name) ? [column] : [])));
}

/** A condition that PostgreSQL may turn into a join (subselect.c, convert_ANY_sublink_to_join and convert_EXISTS_sublink_to_join). */
function joinsSubquery(plan: StatementPlan): boolean {
  if (plan.kind !== 'select for' && plan.kind !== 'update' && plan.kind !== 'delete') return false;
  if (!('text' in plan.query)) return plan.query.subqueries.some(({ as }) => as === 'list');
  const words = tokenize(plan.query.text).map(({ text }) => text);
  return words.some(
    (word, at) => word === 'exists' || ((word === 'in' || word === 'any') && words[at + 1] === '(' && words[at + 2] === 'select'),
  );
}

function namesAfterWhere(text: string): string[] {
  const tokens = tokenize(text);
  const from = tokens.findIndex((token) => token.kind === 'word' && token.text === 'where');
  const to = tokens.findLastIndex((token) => token.kind === 'word' && token.text === 'returning');
  return from < 0 ? [] : tokens.slice(from, to < from ? tokens.length : to).map(identifier);
}

function namesIn(node: unknown): string[] {
  if (Array.isArray(node)) return node.flatMap(namesIn);
  if (typeof node !== 'object' || node === null) return [];
  const { type, name } = node as { type?: unknown; name?: unknown };
  return type === 'ref' && typeof name === 'string' ? [name] : Object.values(node).flatMap(namesIn);
}

/** Whether all scans that there may be meet the rows in the order in which they lie. */
function inOneOrder(rows: readonly Item[], table: Table, searched: ReadonlySet<number>, { contents }: Machinery): boolean {
  if (![...searched].some((column) => table.indexed.has(column))) return true;
  const versions = rows.map(({ version }) => version!).sort((left, right) => left.position - right.position);
  const values = versions.map((version) => contents.values(version.content));
  const ascend = (columns: readonly number[]) =>
    values.every((row, at) => at === 0 || isBefore(columns, values[at - 1]!, row, versions[at - 1]!.entered < versions[at]!.entered));
  const keys = table.unique.flatMap(({ columns }) => (columns === null ? [] : [columns]));
  const others = [...table.indexed].filter((column) => !keys.some((columns) => columns.includes(column)));
  const used = (columns: readonly number[]) => columns.some((column) => searched.has(column));
  return ascend([]) && keys.filter(used).every(ascend) && (!used(others) || others.every((column) => ascend([column])));
}

/** Whether an index over the columns gives one row before the other; `otherwise`: where they have the same key. NULLs come last. */
function isBefore(columns: readonly number[], one: readonly Value[], other: readonly Value[], otherwise: boolean): boolean {
  for (const column of columns) {
    const [left, right] = [one[column]!, other[column]!];
    if (left === right) continue;
    return right === null || (left !== null && left < right);
  }
  return otherwise;
}
