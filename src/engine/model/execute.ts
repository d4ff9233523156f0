import type { ResultReply } from '../../reply.js';
import { type ActorIndex, UnmodelledError } from '../contract.js';
import { adviseRows } from './advise-rows.js';
import type { Table } from './catalog.js';
import { checkRow } from './constraints.js';
import { dueNow, recheckItems, recheckUnique, refusePending, setConstraints } from './deferral.js';
import type { Draft } from './draft.js';
import { held } from './fast-path.js';
import { refuseErrorAround, refuseLaterTurn, refuseOpenAnswer, refuseTakingTurns } from './first-part.js';
import {
  checkChildren,
  checkParent,
  checkReferrer,
  childItems,
  foreignKeyOf,
  parentItems,
  parentItemsOfUpdate,
  refersTo,
  rewritten,
} from './foreign-keys.js';
import { answerOf, type InsertPlan, inputOf, insertItems, recheck, rowItems, updateMode, withChanges } from './found-rows.js';
import { callFunctions } from './function-calls.js';
import { PATIENT } from './heavy-locks.js';
import { impatient, type Machinery, seeing, viewOf } from './machinery.js';
import { noteReads } from './note-reads.js';
import { resolveConflict } from './on-conflict.js';
import type { TextQuery } from './pglite/text-query.js';
import type { Query } from './query.js';
import { refuseQuery } from './read-only.js';
import { refuseErrorInVirtual } from './refusals.js';
import { reply } from './result.js';
import { lockNewest, type MutableProgress } from './row-locking.js';
import { lookedAtAgain, refuseOpenOrder } from './row-order.js';
import { endsOtherwiseElsewhere, refuseOpenScan } from './scan-order.js';
import { nextValue } from './sequences.js';
import { SqlError } from './sql-error.js';
import type { Execution, Item, JoinedRow, Version, Wait, Write } from './state.js';
import { type JoinPlan, type Rest, RowLockMode, type StatementPlan } from './statements.js';
import type { Value } from './types.js';
import { findConflict, makesEntries, violation } from './unique.js';
import type { SnapshotView } from './view.js';
import { NOTHING, type Worked, waiting } from './worked.js';

/**
 * Carries an actor's statement on until it is done or has to wait. A statement is a list of rows to lock or write, one at a time;
 * it stands still at the row for which it waits, and tries that one again when it is freed.
 */
export function run(draft: Draft, actor: ActorIndex, machinery: Machinery): ResultReply | 'blocked' {
  const before = draft.execution(actor).wait;
  if (before?.on === 'transaction' && draft.isRunning(before.xid)) {
    // A savepoint was released meanwhile: what was done since it is up to the transaction now.
    draft.updateExecution(actor, { wait: { ...before, xid: draft.heldId(before) }, freed: false });
    return 'blocked';
  }
  draft.updateExecution(actor, { wait: null, freed: false });
  if (draft.transaction(actor).rivals.length > 0) {
    draft.updateExecution(actor, { wait: { on: 'snapshot' } });
    return 'blocked';
  }
  let wait: Wait | null;
  try {
    wait = lockTables(draft, actor, machinery) ?? workThroughRows(draft, actor, machinery);
  } catch (error) {
    if (error instanceof SqlError) {
      refuseErrorInVirtual(draft.execution(actor).plan, error);
      refuseErrorAround(draft, actor, machinery);
      refuseLaterTurn(draft.execution(actor));
      refuseLaterDraws(draft.execution(actor));
    }
    if (error instanceof SqlError && endsOtherwiseElsewhere(draft, actor, error, machinery)) refuseOpenScan(draft, actor, machinery);
    throw error;
  }
  if (wait !== null) {
    refuseErrorAround(draft, actor, machinery);
    refuseLaterTurn(draft.execution(actor));
    refuseLaterDraws(draft.execution(actor));
    const { items, plan, turns } = draft.updateExecution(actor, {
      wait: wait.on === 'transaction' ? { ...wait, xid: draft.heldId(wait) } : wait,
    });
    // A row on its way through several targets is one item for each.
    const rows = Math.max(turns, items.filter(({ join }) => join?.target === 0).length);
    if (rows > 1 && 'join' in plan && plan.join !== null && plan.join.relations.length > 1 && !plan.query.ordered)
      throw new UnmodelledError('a join that has to wait for one of several rows: in which order it meets them is up to the server');
    if (items.length > 1) for (const item of items) machinery.ordered.add(item.table);
    refuseOpenScan(draft, actor, machinery);
    return 'blocked';
  }
  return reply(draft.execution(actor), machinery.textRows);
}

/** The server draws for a row when its turn comes; here all rows have drawn by then. */
function refuseLaterDraws({ plan, items }: Execution): void {
  const queries = plan.kind === 'insert' ? plan.sources : 'query' in plan ? [plan.query] : [];
  if (items.length > 1 && queries.some((query) => 'text' in query && query.draws))
    throw new UnmodelledError('a statement over several rows that draws from chance or a sequence, and waits or fails at one of them');
}

function lockTables(draft: Draft, actor: ActorIndex, machinery: Machinery): Wait | null {
  const execution = draft.execution(actor);
  if (execution.stage !== 'tables') return null;
  const { plan } = execution;
  const patience = plan.kind === 'lock table' && plan.nowait ? impatient(machinery) : PATIENT;
  for (let index = execution.locked; index < plan.locks.length; index += 1) {
    const { table, mode } = plan.locks[index]!;
    const resource = `table ${table}`;
    const result = draft.acquireHeavy(actor, resource, mode, patience);
    if (result === 'unavailable')
      throw new SqlError('55P03', `could not obtain lock on relation "${machinery.catalog.tables[table]!.name}"`);
    if (result === 'granted') continue;
    draft.updateExecution(actor, { locked: index });
    return { on: 'heavy', resource };
  }
  if (execution.locked < plan.locks.length) draft.updateExecution(actor, { locked: plan.locks.length });
  return null;
}

function workThroughRows(draft: Draft, actor: ActorIndex, machinery: Machinery): Wait | null {
  if (draft.execution(actor).stage === 'tables') startRows(draft, actor, machinery);
  const { plan } = draft.execution(actor);
  if (plan.kind === 'calls') return callFunctions(draft, actor, plan.calls, machinery);
  if (plan.kind === 'advisory') {
    const wait = adviseRows(draft, actor, plan, machinery);
    if (wait !== null || plan.rest === undefined) return wait;
  }
  for (;;) {
    const execution = draft.execution(actor);
    const item = execution.items[execution.cursor];
    if (item === undefined) {
      if (execution.plan.rest === undefined) return null;
      startRest(draft, actor, execution.plan.rest, machinery);
      continue;
    }
    const progress: MutableProgress = execution.progress === null ? fresh(item) : { ...execution.progress };
    const result = work(draft, actor, item, progress, machinery);
    if (result.wait !== null) {
      draft.updateExecution(actor, { progress });
      return result.wait;
    }
    const due = dueNow(draft, actor, result.follow, machinery);
    const now = draft.execution(actor);
    const isFirst = now.plan.rest !== undefined;
    const follow = isFirst ? [] : due;
    const affected = now.affected + (result.counts ? 1 : 0);
    const full = now.plan.kind === 'select for' && now.plan.window !== null && affected >= now.plan.window.offset + now.plan.window.limit;
    draft.updateExecution(actor, {
      cursor: now.cursor + 1,
      progress: null,
      items: full
        ? now.items.slice(0, now.cursor + 1)
        : result.next.length + follow.length === 0
          ? now.items
          : [...now.items.slice(0, now.cursor + 1), ...result.next, ...now.items.slice(now.cursor + 1), ...follow],
      owed: isFirst && due.length > 0 ? [...now.owed, ...due] : now.owed,
      outputs: result.output === null ? now.outputs : [...now.outputs, result.output],
      affected,
    });
  }
}

/**
 * The rest of a statement, over the rows that its first part gave, and under the snapshot that it has had all along. The first part's triggers come
 * when all rows are written, before those of the rest (trigger.c, AfterTriggerEndQuery: the whole statement is one query).
 */
function startRest(draft: Draft, actor: ActorIndex, { over, takesTurns }: Rest, machinery: Machinery): void {
  const { plan: first, outputs, given } = draft.execution(actor);
  const rows = first.kind === 'select for' ? outputs.slice(first.window?.offset ?? 0) : outputs;
  const plan = over(rows);
  const progress = { items: [], cursor: 0, outputs: [], affected: 0, progress: null };
  draft.updateExecution(actor, { ...progress, plan, given: `${given}${JSON.stringify(rows)}`, turns: takesTurns ? rows.length : 0 });
  try {
    findRows(draft, actor, machinery);
  } catch (error) {
    if (error instanceof SqlError && first.kind !== 'select for')
      throw new UnmodelledError(
        `an error (${error.code}) around ${first.kind === 'advisory' ? 'an advisory-lock function' : 'a modifying query in WITH'}: which comes first is up to the plan`,
      );
    throw error;
  }
  refuseTakingTurns(draft.execution(actor));
  const isOrdered = first.kind === 'select for' && first.query.ordered;
  if (plan.kind === 'select' && rows.length > 1 && !isOrdered) refuseOpenAnswer(draft, actor, over(rows.toReversed()), machinery);
  const { items, owed } = draft.execution(actor);
  if (owed.some((item) => item.kind === 'recheck'))
    throw new UnmodelledError('a modifying query in WITH that meets a unique constraint which is checked later');
  if (plan.rest === undefined && owed.length > 0) draft.updateExecution(actor, { items: [...items, ...owed], owed: [] });
}

const fresh = (item: Item): MutableProgress => ({
  version: item.version,
  chasing: false,
  sleptFor: null,
  sawUpdate: 0,
  beyond: null,
  rechecked: false,
  tupleLock: null,
  tableLock: null,
  values: item.values,
  written: false,
  output: null,
  returned: item.returned,
  rechecks: [],
  arbiter: 0,
  drawn: false,
});

/** Takes the snapshot, and finds the rows. A statement that waited for a table takes it after the wait, unless the transaction has one. */
function startRows(draft: Draft, actor: ActorIndex, machinery: Machinery): void {
  if (draft.transaction(actor).readOnly) refuseQuery(draft.execution(actor).plan);
  const snapshot = draft.transaction(actor).snapshot ?? draft.committed;
  draft.updateExecution(actor, { stage: 'rows', snapshot, before: draft.transaction(actor).writes });
  findRows(draft, actor, machinery);
  refuseTakingTurns(draft.execution(actor));
}

function findRows(draft: Draft, actor: ActorIndex, machinery: Machinery): void {
  seeing(draft, actor, machinery, (view) => findRowsIn(view, draft, actor, machinery));
}

function findRowsIn(view: SnapshotView, draft: Draft, actor: ActorIndex, machinery: Machinery): void {
  const { plan } = draft.execution(actor);
  if (draft.serializableOf(actor) !== null) noteReads(draft, actor, plan, view, machinery);
  switch (plan.kind) {
    case 'lock table':
      return;
    case 'select': {
      const rows = answerOf(plan, view, machinery);
      draft.updateExecution(actor, { outputs: rows.map((row) => row.values), affected: rows.length });
      return;
    }
    case 'calls':
    case 'advisory':
    case 'commit':
      return;
    case 'set constraints':
      draft.updateExecution(actor, { items: setConstraints(draft, actor, plan, machinery) });
      return;
    case 'truncate':
      refusePending(
        draft,
        actor,
        plan.locks.map(({ table }) => table),
        machinery,
      );
      if (plan.refused) throw new SqlError('0A000', 'cannot truncate a table referenced in a foreign key constraint');
      draft.truncate(
        actor,
        plan.locks.map(({ table }) => table),
      );
      return;
    case 'insert': {
      const items = insertItems(plan, view, machinery);
      draft.updateExecution(actor, { items });
      if (items.length > 1) machinery.coarse.add(describeCoarse(plan));
      if (items.length > 1 && comesInOpenOrder(plan, view)) refuseOpenOrder(draft, actor, machinery);
      return;
    }
    case 'select for':
    case 'update':
    case 'delete': {
      const items = rowItems(plan, view, machinery);
      // Where pg-mem has declined, they are PostgreSQL's, and its plan knows what they are joined from.
      if (plan.join === null && items.some(({ join }) => join !== null)) draft.updateExecution(actor, { plan: plan.fastPath!.whole() });
      if (plan.kind !== 'select for' || !plan.query.ordered) items.sort((left, right) => left.version!.position - right.version!.position);
      const window = plan.kind === 'select for' ? plan.window : null;
      // Over that table alone it finds nothing to lock, whether it runs or not.
      if (
        plan.kind === 'select for' &&
        plan.around !== null &&
        view.versions(plan.around).length === 0 &&
        !readsOnly(plan.query, plan.around)
      )
        throw new UnmodelledError('a locking subquery in a statement over an empty table: whether it runs is up to the server');
      if (window !== null && !plan.query.ordered && items.length > window.offset + window.limit)
        throw new UnmodelledError('LIMIT without ORDER BY: which rows it gives is up to the server');
      draft.updateExecution(actor, { items: window?.limit === 0 ? [] : items });
      if (items.length > 1) machinery.coarse.add(describeCoarse(plan));
      if (items.length > 1) refuseOpenOrder(draft, actor, machinery);
    }
  }
}

const readsOnly = (query: Query | TextQuery, table: number): boolean =>
  'loads' in query && query.loads.every((load) => load.table === table);

/** The rows to insert come from a query over several rows, without an order. */
const comesInOpenOrder = ({ sources, ordered }: InsertPlan, view: SnapshotView): boolean =>
  !ordered &&
  sources.some((source) => {
    const tables = 'text' in source ? source.loads.map(({ table }) => table) : source.tables;
    return tables.some((table) => view.versions(table).length > 1);
  });

function describeCoarse(plan: StatementPlan): string {
  return plan.kind === 'select for'
    ? `SELECT ... FOR ... of ${plan.table.name}`
    : `${plan.command} of ${'table' in plan ? plan.table.name : ''}`;
}

function work(draft: Draft, actor: ActorIndex, item: Item, progress: MutableProgress, machinery: Machinery): Worked {
  const { plan } = draft.execution(actor);
  switch (item.kind) {
    case 'lock':
      return lockItem(draft, actor, item, progress, machinery, plan as Extract<StatementPlan, { kind: 'select for' }>);
    case 'insert':
      return insertRow(draft, actor, item, progress, machinery, plan as Extract<StatementPlan, { kind: 'insert' }>);
    case 'update':
      return updateRow(draft, actor, item, progress, machinery, updateOf(draft, actor, item, progress, machinery));
    case 'rewrite':
      return updateRow(draft, actor, item, progress, machinery, rewriteOf(item, machinery));
    case 'delete':
      return deleteRow(draft, actor, item, progress, machinery, plan);
    case 'fails':
      throw item.error!;
    case 'parent':
      return checkParent(draft, actor, item, progress, machinery);
    case 'child':
      return checkChildren(draft, actor, item, machinery);
    case 'referrer':
      return checkReferrer(draft, actor, item, progress, machinery);
    case 'recheck':
      return recheckUnique(draft, actor, item, machinery);
  }
}

function lockItem(
  draft: Draft,
  actor: ActorIndex,
  item: Item,
  progress: MutableProgress,
  machinery: Machinery,
  plan: Extract<StatementPlan, { kind: 'select for' }>,
): Worked {
  const table = machinery.catalog.tables[item.table]!;
  const request = { actor, table, slot: item.slot, ...plan.marks[item.join?.target ?? 0]!, by: 'lock' as const };
  const locked = lockNewest(draft, request, progress);
  if (locked.result === 'wait') return waiting(locked.wait);
  if (locked.result !== 'locked') return NOTHING;
  const join = item.join === null ? null : withLocked(item.join, plan.join!, progress.version!, progress.chasing);
  const more = join === null ? undefined : plan.join!.targets[join.target];
  if (join !== null && more !== undefined) {
    const version = join.versions[more.at]!;
    return { ...NOTHING, next: [{ ...item, table: more.table.index, slot: version.slot, version, join }] };
  }
  if (!(join?.replaced ?? progress.chasing)) return { ...NOTHING, output: item.values, counts: true };
  const rows = recheck(draft, actor, progress.version!, machinery, plan, join);
  return rows.length === 0 ? NOTHING : { ...NOTHING, output: rows[0]!.values, counts: true };
}

/** A joined row with one more of its targets locked. */
function withLocked(join: JoinedRow, plan: JoinPlan, version: Version, replaced: boolean): JoinedRow {
  const { at } = plan.targets[join.target]!;
  return {
    ...join,
    versions: join.versions.map((old, index) => (index === at ? version : old)),
    target: join.target + 1,
    replaced: join.replaced || replaced,
  };
}

function insertRow(draft: Draft, actor: ActorIndex, item: Item, progress: MutableProgress, machinery: Machinery, plan: InsertPlan): Worked {
  const { table } = plan;
  if (!progress.written) {
    if (!progress.drawn) {
      progress.values = drawnValues(draft, actor, item, machinery, plan);
      progress.drawn = true;
      checkRow(table, progress.values, machinery, draft.transaction(actor).nowMs);
    }
    const values = progress.values!;
    if (plan.onConflict !== null) {
      const resolution = resolveConflict(draft, actor, plan, progress, machinery);
      if (resolution.kind === 'wait') return waiting(resolution.wait);
      if (resolution.kind === 'nothing') return NOTHING;
      if (resolution.kind === 'update') {
        touch(draft, actor, resolution.item.slot);
        return { ...NOTHING, next: [resolution.item] };
      }
    }
    const slot = draft.newSlot();
    progress.version = draft.newVersion(actor, slot, machinery.contents.intern(table.index, values), null, false, true);
    progress.written = true;
    if (plan.onConflict?.update) touch(draft, actor, slot);
    draft.write(actor, slot, {
      table: table.index,
      base: null,
      next: progress.version,
      by: progress.version.madeBy,
      keyedBy: progress.version.madeBy,
      deleted: null,
      keyShared: false,
      indexed: 0,
      past: [],
    });
  }
  const { slot } = progress.version!;
  const wait = enterIndexes(draft, actor, table, slot, progress, machinery);
  if (wait !== null && plan.onConflict !== null)
    throw new UnmodelledError('ON CONFLICT that has to wait at an index which it does not name');
  if (wait !== null) return waiting(wait);
  return {
    ...NOTHING,
    output: insertedBy(plan, progress.version!, draft, actor, machinery),
    counts: true,
    follow: followsOf(table, progress, parentItems(table.foreignKeys, progress.values!, progress.version!)),
  };
}

/** The row as it is to be inserted: columns that were not given draw from their sequences, and what is computed from them is computed anew. */
function drawnValues(draft: Draft, actor: ActorIndex, item: Item, machinery: Machinery, plan: InsertPlan): readonly Value[] {
  const { table, undrawn } = plan;
  const given = new Set(undrawn === null ? plan.columns.slice(0, plan.sources[0]?.outputs.length) : []);
  const values = item.values!.map((value, column) => {
    const { sequence } = table.columns[column]!;
    const isGiven = undrawn === null ? given.has(column) : value !== undrawn[column];
    if (sequence === null || isGiven) return value;
    return nextValue(draft, actor, machinery.catalog.sequences[sequence]!);
  });
  const computed = plan.computed ?? (table.columns.some((column) => column.generated) ? plan.returning : null);
  if (computed === null) return values;
  return machinery.evaluator.evaluate(computed, viewOf(draft, actor, machinery), machinery.contents.intern(table.index, values))[0]!
    .changes!;
}

const touch = (draft: Draft, actor: ActorIndex, slot: number): void => {
  draft.updateExecution(actor, { touched: [...draft.execution(actor).touched, slot] });
};

function joinedWith(item: Item, progress: MutableProgress, plan: { readonly join: JoinPlan | null }): JoinedRow | null {
  return item.join === null ? null : withLocked(item.join, plan.join!, progress.version!, true);
}

/** An UPDATE of one row: where its values come from once it turns out to have changed. */
interface RowUpdate {
  readonly table: Table;
  /** The values anew, over the newest version; null where it is none of ours any more. */
  readonly again: (version: Version) => { readonly values: readonly Value[]; readonly returned: readonly Value[] | null } | null;
  readonly returning: Query | TextQuery | null;
  /** How the row is locked before its triggers come; null where there are none. */
  readonly locksFirst: RowLockMode | null;
  /** A foreign key's action does it. */
  readonly cascaded: boolean;
}

function updateOf(draft: Draft, actor: ActorIndex, item: Item, progress: MutableProgress, machinery: Machinery): RowUpdate {
  const plan = draft.execution(actor).plan as Extract<StatementPlan, { kind: 'update' }>;
  return {
    table: plan.table,
    again: (version) => {
      const [row] = recheck(draft, actor, version, machinery, plan, joinedWith(item, progress, plan));
      if (row === undefined) return null;
      return {
        values: row.changes ?? withChanges(plan, version, row.values, machinery),
        returned: item.returned === null ? null : row.values,
      };
    },
    returning: plan.returning,
    cascaded: false,
    locksFirst: plan.kind === 'update' ? (plan.locksFirst ?? null) : null,
  };
}

/** What ON UPDATE CASCADE and SET NULL do to a child: an UPDATE by the query of a trigger. */
function rewriteOf(item: Item, machinery: Machinery): RowUpdate {
  const foreignKey = foreignKeyOf(item, machinery.catalog, (table) => table.referencedBy);
  return {
    table: machinery.catalog.tables[item.table]!,
    again: (version) =>
      refersTo(version, foreignKey, item.key!.old, machinery)
        ? { values: rewritten(foreignKey, item.key!, version, machinery), returned: null }
        : null,
    returning: null,
    cascaded: true,
    locksFirst: null,
  };
}

function updateRow(
  draft: Draft,
  actor: ActorIndex,
  item: Item,
  progress: MutableProgress,
  machinery: Machinery,
  { table, again, returning, cascaded, locksFirst }: RowUpdate,
): Worked {
  const { nowMs } = draft.transaction(actor);
  if (!progress.written) {
    // Constraints are checked on the values computed so far, before the row is locked (nodeModifyTable.c, ExecUpdateAct).
    if (!progress.chasing && locksFirst === null) checkRow(table, progress.values!, machinery, nowMs);
    const lock = () => {
      const mode = progress.rechecked || cascaded ? updateMode(table, progress.version!, progress.values!, machinery) : item.mode;
      const request = { actor, table, slot: item.slot, mode, policy: 'block' as const, by: 'write' as const };
      return lockNewest(draft, request, progress);
    };
    const first = { actor, table, slot: item.slot, mode: locksFirst ?? item.mode, policy: 'block' as const, by: 'trigger' as const };
    const locked = locksFirst === null ? lock() : lockNewest(draft, first, progress);
    if (locked.result === 'wait') return waiting(locked.wait);
    if (locked.result === 'gone') return NOTHING;
    if (cascaded && !seenByTransaction(draft, actor, progress.version!)) throw unseen();
    if (progress.chasing && !progress.rechecked) {
      const anew = again(progress.version!);
      lookedAtAgain(draft, actor, { version: progress.version, values: anew?.values ?? null }, machinery);
      if (anew === null) return NOTHING;
      progress.values = anew.values;
      progress.returned = anew.returned;
      progress.rechecked = true;
      checkRow(table, progress.values, machinery, nowMs);
      // The update is tried again, and may need a stronger lock now (ExecUpdate, redo_act).
      const second = lock();
      if (second.result === 'wait') return waiting(second.wait);
    } else if (locksFirst !== null) {
      // Its triggers have come, and now the row is checked and changed.
      checkRow(table, progress.values!, machinery, nowMs);
      const second = lock();
      if (second.result === 'wait') return waiting(second.wait);
    }
    const before = draft.transaction(actor).writes.get(item.slot);
    const old = progress.version!;
    const content = machinery.contents.intern(table.index, progress.values!);
    const enters = makesEntries(table, old.content, content, machinery);
    // Where the row was locked FOR UPDATE before, any update of it counts as one of its key (heapam.c, compute_new_xmax_infomask).
    const sameKey = draft.rowLocks(item.slot).locks.some((held) => held.actor === actor && held.mode < RowLockMode.update);
    const next = draft.newVersion(actor, item.slot, content, old, sameKey, enters);
    const base = before === undefined ? draft.committed.rows.get(item.slot)! : before.base;
    const indexed = enters ? 0 : table.unique.length;
    draft.write(actor, item.slot, {
      table: table.index,
      base,
      next,
      by: before?.by ?? next.madeBy,
      keyedBy: enters ? next.madeBy : (before?.keyedBy ?? next.madeBy),
      deleted: null,
      keyShared: before?.keyShared ?? sameKey,
      indexed,
      past: enters ? pastOf(before) : (before?.past ?? []),
    });
    progress.output = machinery.contents.values(old.content);
    progress.version = next;
    progress.written = true;
  }
  const wait = enterIndexes(draft, actor, table, item.slot, progress, machinery);
  if (wait !== null) return waiting(wait);
  const follow = followsOf(table, progress, [
    ...childItems(table, progress.output!, progress.values!),
    ...parentItemsOfUpdate(table, progress.values!, progress.output!, draft.transaction(actor).writes.get(item.slot)!, machinery),
  ]);
  if (cascaded) return { ...NOTHING, follow };
  const output = progress.returned ?? returned(returning, progress.version!, draft, actor, machinery);
  return { ...NOTHING, output, counts: true, follow };
}

function deleteRow(
  draft: Draft,
  actor: ActorIndex,
  item: Item,
  progress: MutableProgress,
  machinery: Machinery,
  plan: StatementPlan,
): Worked {
  const table = machinery.catalog.tables[item.table]!;
  const cascaded = item.foreignKey !== null;
  const request = { actor, table, slot: item.slot, mode: RowLockMode.update, policy: 'block' as const, by: 'write' as const };
  const locked = lockNewest(draft, request, progress);
  if (locked.result === 'wait') return waiting(locked.wait);
  if (locked.result === 'gone') return NOTHING;
  if (cascaded && !seenByTransaction(draft, actor, progress.version!)) throw unseen();
  if (cascaded && progress.chasing) {
    const foreignKey = foreignKeyOf(item, machinery.catalog, (other) => other.referencedBy);
    if (!refersTo(progress.version!, foreignKey, item.key!.old, machinery)) return NOTHING;
  }
  if (progress.chasing && !cascaded) {
    const deletes = plan as Extract<StatementPlan, { kind: 'delete' }>;
    const rows = recheck(draft, actor, progress.version!, machinery, deletes, joinedWith(item, progress, deletes));
    if (rows.length === 0) return NOTHING;
    progress.returned = item.returned === null ? null : rows[0]!.values;
  }
  const before = draft.transaction(actor).writes.get(item.slot);
  const base = before === undefined ? draft.committed.rows.get(item.slot)! : before.base;
  const keyShared = before?.keyShared ?? false;
  draft.write(actor, item.slot, {
    table: table.index,
    base,
    next: null,
    by: before?.by ?? draft.takeXid(actor),
    keyedBy: 0,
    deleted: progress.version!.id,
    keyShared,
    indexed: 0,
    past: pastOf(before),
  });
  const values = machinery.contents.values(progress.version!.content);
  const follow = childItems(table, values, null);
  if (cascaded) return { ...NOTHING, follow };
  const { returning } = plan as Extract<StatementPlan, { kind: 'delete' }>;
  const output = progress.returned ?? returned(returning, progress.version!, draft, actor, machinery);
  return { ...NOTHING, output, counts: true, follow };
}

const pastOf = (write: Write | undefined): Write['past'] =>
  write === undefined || write.next === null
    ? []
    : [...write.past, { content: write.next.content, keyedBy: write.keyedBy, entered: write.next.entered }];

const unseen = (): SqlError => new SqlError('40001', 'could not serialize access due to concurrent update');

/** A cascade finds its rows with the newest snapshot, and may touch only what a transaction-wide one shows too (heap_delete, crosscheck). */
function seenByTransaction(draft: Draft, actor: ActorIndex, version: Version): boolean {
  const { snapshot, writes } = draft.transaction(actor);
  return snapshot === null || writes.has(version.slot) || snapshot.rows.get(version.slot)?.id === version.id;
}

/** Makes the index entries of a new version, one unique index or exclusion constraint after the other; each may have to wait for another's fate. */
function enterIndexes(
  draft: Draft,
  actor: ActorIndex,
  table: Table,
  slot: number,
  progress: MutableProgress,
  machinery: Machinery,
): Wait | null {
  for (;;) {
    const write = draft.transaction(actor).writes.get(slot)!;
    const constraint = table.unique[write.indexed];
    if (constraint === undefined) return null;
    const conflict = findConflict(draft, actor, table, write.indexed, slot, write.next!.content, machinery);
    if (conflict !== null && constraint.timing !== 'at once') progress.rechecks = [...progress.rechecks, write.indexed];
    else if (conflict !== null && 'duplicate' in conflict) throw violation(constraint, table);
    else if (conflict !== null) return { on: 'transaction', ...conflict };
    draft.write(actor, slot, { ...write, indexed: write.indexed + 1 });
  }
}

/** The triggers of a row in the order of their names: those of the primary key, of foreign keys, and of other unique keys (RelationBuildTriggers). */
function followsOf(table: Table, { rechecks, version }: MutableProgress, ofForeignKeys: readonly Item[]): readonly Item[] {
  if (rechecks.length === 0) return ofForeignKeys;
  const items = (primary: boolean) =>
    recheckItems(
      table.index,
      version!,
      rechecks.filter((index) => table.unique[index]!.primary === primary),
    );
  return [...items(true), ...ofForeignKeys, ...items(false)];
}

/** What RETURNING shows of a row that was inserted. */
function insertedBy(plan: InsertPlan, version: Version, draft: Draft, actor: ActorIndex, machinery: Machinery): readonly Value[] | null {
  const values = machinery.contents.values(version.content);
  const { key, input } = inputOf(plan, viewOf(draft, actor, machinery), ['inserted', values]);
  return held<InsertPlan, readonly Value[] | null>(plan, machinery.evaluator, {
    ask: ({ returning }) => returned(returning, version, draft, actor, machinery),
    text: (shown) => JSON.stringify(shown),
    key,
    input: () => input(machinery),
  });
}

function returned(
  returning: Query | TextQuery | null,
  version: Version,
  draft: Draft,
  actor: ActorIndex,
  machinery: Machinery,
): readonly Value[] | null {
  if (returning === null || returning.outputs.length === 0) return null;
  return seeing(draft, actor, machinery, (view) => machinery.evaluator.evaluate(returning, view, version.content)[0]!.values);
}
