/** The rows that a statement finds when it begins, and one of them again once it has changed: asked of pg-mem where it is known to be right, of PostgreSQL else. */
import { type ActorIndex, UnmodelledError } from '../contract.js';
import type { Table } from './catalog.js';
import type { Draft } from './draft.js';
import { held } from './fast-path.js';
import { type Machinery, seeing } from './machinery.js';
import type { TextQuery } from './pglite/text-query.js';
import { SqlError } from './sql-error.js';
import type { Item, JoinedRow, Version } from './state.js';
import { type JoinPlan, RowLockMode, type StatementPlan } from './statements.js';
import type { Value } from './types.js';
import type { SnapshotView } from './view.js';
import type { ResultRow } from './visible.js';

type SelectPlan = Extract<StatementPlan, { kind: 'select' }>;
export type InsertPlan = Extract<StatementPlan, { kind: 'insert' }>;

/** What tells the inputs of a statement apart: the rows of the tables that it touches, what it is given besides, and the clock. */
export function inputOf(plan: StatementPlan, view: SnapshotView, given: readonly unknown[] = []) {
  const tables = [...new Set(plan.locks.map(({ table }) => table))];
  const sequences = JSON.stringify(view.sequences);
  return {
    key: () => `${tables.map((table) => view.contents(table).join()).join('|')} ${JSON.stringify(given)} ${view.nowMs} ${sequences}`,
    input: ({ contents }: Pick<Machinery, 'contents'>) =>
      JSON.stringify([
        tables.map((table) => view.contents(table).map((content) => contents.values(content))),
        given,
        view.nowMs,
        sequences,
      ]),
  };
}

/** The rows that a plain SELECT gives. */
export function answerOf(plan: SelectPlan, view: SnapshotView, machinery: Pick<Machinery, 'evaluator' | 'contents'>): readonly ResultRow[] {
  const { key, input } = inputOf(plan, view);
  return held<SelectPlan, readonly ResultRow[]>(plan, machinery.evaluator, {
    ask: ({ query }) => machinery.evaluator.evaluate(query, view),
    text: (rows, { query }) =>
      inOrder(
        query,
        rows.map(({ values }) => JSON.stringify(values)),
      ),
    key,
    input: () => input(machinery),
  });
}

const inOrder = ({ ordered }: { readonly ordered: boolean }, lines: readonly string[]): string =>
  (ordered ? lines : [...lines].sort()).join();

export function insertItems(plan: InsertPlan, view: SnapshotView, machinery: Machinery): Item[] {
  const { key, input } = inputOf(plan, view, ['insert']);
  return held<InsertPlan, Item[]>(plan, machinery.evaluator, {
    ask: (asked) => sourceRows(asked, view, machinery).map((row) => insertItem(asked, row.values, view, machinery)),
    text: (items, asked) =>
      inOrder(
        { ordered: false },
        items.map(({ values }) => JSON.stringify(values!.map((value, column) => (isUndrawn(asked, value, column) ? null : value)))),
      ),
    key,
    input: () => input(machinery),
  });
}

const isUndrawn = ({ undrawn }: InsertPlan, value: Value, column: number): boolean =>
  undrawn !== null && undrawn[column] !== null && value === undrawn[column];

export function rowItems(plan: RowPlan, view: SnapshotView, machinery: Machinery): Item[] {
  const { key, input } = inputOf(plan, view, ['rows']);
  return held<RowPlan, Item[]>(plan, machinery.evaluator, {
    ask: (asked) => (asked.join === null ? plainItems(asked, view, machinery) : joinedItems(asked, asked.join, view, machinery)),
    text: (items, asked) =>
      inOrder(
        { ordered: asked.kind === 'select for' && asked.query.ordered },
        items.map((item) =>
          JSON.stringify([item.slot, item.kind, item.mode, item.values, item.error?.code, returnedBy(asked, item, view, machinery)]),
        ),
      ),
    key,
    input: () => input(machinery),
  });
}

/** What RETURNING will show of an item, whether its plan has computed that already or computes it once the row is written. */
function returnedBy(plan: RowPlan, item: Item, view: SnapshotView, machinery: Machinery): readonly Value[] | null {
  if (plan.kind === 'select for' || plan.outputs.length === 0) return null;
  if (item.returned !== null || plan.returning === null) return item.returned;
  const content = item.values === null ? item.version!.content : machinery.contents.intern(item.table, item.values);
  return machinery.evaluator.evaluate(plan.returning, view, content)[0]!.values;
}

function sourceRows(plan: InsertPlan, view: SnapshotView, machinery: Machinery): readonly ResultRow[] {
  try {
    return plan.sources.flatMap((source) => machinery.evaluator.evaluate(source, view));
  } catch (error) {
    if (error instanceof SqlError && plan.undrawn?.some((value) => value !== null))
      throw new UnmodelledError(`an error (${error.code}) in the values of a row, before which a sequence may have been drawn from`);
    if (error instanceof SqlError && !plan.oneRow) throw midway(error);
    throw error;
  }
}

function insertItem(plan: InsertPlan, given: readonly Value[], view: SnapshotView, machinery: Machinery): Item {
  const values: Value[] = plan.table.columns.map(() => null);
  for (const { column, query } of plan.defaults) values[column] = machinery.evaluator.evaluate(query, view)[0]!.values[0]!;
  plan.undrawn?.forEach((undrawn, column) => {
    const { name, generatedAlways } = plan.table.columns[column]!;
    if (generatedAlways && given[column] !== undrawn && !plan.overriding)
      throw new SqlError('428C9', `cannot insert a non-DEFAULT value into column "${name}"`, { table: plan.table.name });
  });
  given.forEach((value, index) => {
    values[plan.columns[index]!] = value;
  });
  return {
    table: plan.table.index,
    slot: 0,
    version: null,
    values,
    kind: 'insert',
    foreignKey: null,
    mode: RowLockMode.update,
    join: null,
    returned: null,
  };
}

function rowItem(plan: RowPlan, version: Version, outputs: readonly Value[], machinery: Machinery): Item {
  const common = { table: plan.table.index, slot: version.slot, version, foreignKey: null, join: null, returned: null };
  switch (plan.kind) {
    case 'select for':
      return { ...common, kind: 'lock', values: outputs, mode: plan.marks[0]!.mode };
    case 'delete':
      return { ...common, kind: 'delete', values: null, mode: RowLockMode.update };
    case 'update': {
      const values = withChanges(plan, version, outputs, machinery);
      return { ...common, kind: 'update', values, mode: updateMode(plan.table, version, values, machinery) };
    }
  }
}

export function withChanges(
  plan: Extract<StatementPlan, { kind: 'update' }>,
  version: Version,
  changes: readonly Value[],
  machinery: Machinery,
): Value[] {
  const values = [...machinery.contents.values(version.content)];
  changes.forEach((value, index) => {
    values[plan.columns[index]!] = value;
  });
  return values;
}

export type RowPlan = Extract<StatementPlan, { kind: 'select for' | 'update' | 'delete' }>;

function plainItems(plan: RowPlan, view: SnapshotView, machinery: Machinery): Item[] {
  const versions = view.versions(plan.table.index);
  return machinery.evaluator.evaluate(plan.query, view).map((row) => rowItem(plan, versions[row.row]!, row.values, machinery));
}

function joinedItems(plan: RowPlan, join: JoinPlan, view: SnapshotView, machinery: Machinery): Item[] {
  try {
    return machinery.evaluator.evaluate(plan.query, view).map((row) => joinedItem(plan, join, row, view, machinery));
  } catch (error) {
    if (error instanceof SqlError && plan.kind === 'update' && plan.locksFirst != null)
      throw new UnmodelledError(`an error (${error.code}) in an update with triggers, or in one of them: the row is locked before`);
    if (!(error instanceof SqlError) || view.versions(plan.table.index).length < 2) throw error;
    if (join.relations.length > 1 || plan.kind === 'select for') throw midway(error);
    return itemsOneByOne(plan, join, view, machinery);
  }
}

/** An error that one of several rows meets: those before it are changed or waited for first. */
function itemsOneByOne(plan: RowPlan, join: JoinPlan, view: SnapshotView, machinery: Machinery): Item[] {
  return view.versions(plan.table.index).flatMap((version, place): Item[] => {
    try {
      const rows = machinery.evaluator.ask(plan.recheck as TextQuery, view, { rows: [version.content], texts: [] });
      return rows.map((row) => joinedItem(plan, join, { ...row, joined: [place] }, view, machinery));
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      const { slot } = version;
      const item = { table: plan.table.index, slot, version, values: null, foreignKey: null, join: null, returned: null };
      return [{ ...item, kind: 'fails', mode: RowLockMode.update, error }];
    }
  });
}

const midway = (error: SqlError): UnmodelledError =>
  new UnmodelledError(`an error (${error.code}) at one of several rows: what becomes of those before it is up to the server`);

/** A row that a text query has found, and what it was joined from. */
function joinedItem(plan: RowPlan, joinPlan: JoinPlan, row: ResultRow, view: SnapshotView, machinery: Machinery): Item {
  const versions = joinPlan.relations.map((table, at) => {
    const place = row.joined![at];
    return table === null || typeof place !== 'number' ? null : view.versions(table)[place]!;
  });
  const texts = joinPlan.relations.map((table, at) => (table === null ? ((row.joined![at] as string | null) ?? null) : null));
  const [first] = joinPlan.targets;
  const version = versions[first!.at]!;
  const join: JoinedRow = { versions, texts, target: 0, replaced: false };
  const common = { table: first!.table.index, slot: version.slot, version, foreignKey: null, join };
  const returned = plan.kind === 'select for' || plan.outputs.length === 0 ? null : row.values;
  switch (plan.kind) {
    case 'select for':
      return { ...common, kind: 'lock', values: row.values, returned: null, mode: plan.marks[0]!.mode };
    case 'delete':
      return { ...common, kind: 'delete', values: null, returned, mode: RowLockMode.update };
    case 'update': {
      const values = row.changes!;
      return { ...common, kind: 'update', values, returned, mode: updateMode(plan.table, version, values, machinery) };
    }
  }
}

/** An update that changes a key's value, not one that merely sets it, locks the row like a delete does (heapam.c, heap_update). */
export function updateMode(table: Table, old: Version, values: readonly Value[], machinery: Machinery): RowLockMode {
  const before = machinery.contents.values(old.content);
  return [...table.keyColumns].some((column) => before[column] !== values[column]) ? RowLockMode.update : RowLockMode.noKeyUpdate;
}

/**
 * EvalPlanQual (src/backend/executor/README): the statement's condition and values again, on the row's newest version. The rows that it was
 * joined with stay the ones that they were; everything else is as the snapshot had it.
 */
export function recheck(
  draft: Draft,
  actor: ActorIndex,
  version: Version,
  machinery: Machinery,
  plan: RowPlan,
  join: JoinedRow | null,
): readonly ResultRow[] {
  return seeing(draft, actor, machinery, (view) => recheckIn(view, version, machinery, plan, join));
}

function recheckIn(
  view: SnapshotView,
  version: Version,
  machinery: Machinery,
  plan: RowPlan,
  join: JoinedRow | null,
): readonly ResultRow[] {
  const again = (asked: RowPlan): readonly ResultRow[] => {
    if (asked.recheck === null) throw new UnmodelledError('a recheck of a row that was joined with a function or LATERAL');
    if (!('text' in asked.recheck)) return machinery.evaluator.evaluate(asked.recheck, view, version.content);
    // A plan for pg-mem knows one table, and so no join.
    const rows = join === null ? [version.content] : join.versions.map((joined) => joined?.content ?? null);
    return machinery.evaluator.ask(asked.recheck, view, { rows, texts: join?.texts ?? [] });
  };
  const values = machinery.contents.values(version.content);
  const { key, input } = inputOf(plan, view, ['again', values]);
  return held<RowPlan, readonly ResultRow[]>(plan, machinery.evaluator, {
    ask: again,
    text: (rows, asked) =>
      inOrder(
        { ordered: false },
        rows.map((row) => JSON.stringify(shownAgain(asked, row, version, view, machinery))),
      ),
    key,
    input: () => input(machinery),
  });
}

function shownAgain(plan: RowPlan, row: ResultRow, version: Version, view: SnapshotView, machinery: Machinery): unknown {
  if (plan.kind === 'select for') return row.values;
  const values = plan.kind === 'delete' ? null : (row.changes ?? withChanges(plan, version, row.values, machinery));
  if (plan.outputs.length === 0) return [values, null];
  if (plan.returning === null) return [values, row.values];
  const content = values === null ? version.content : machinery.contents.intern(plan.table.index, values);
  return [values, machinery.evaluator.evaluate(plan.returning, view, content)[0]!.values];
}
