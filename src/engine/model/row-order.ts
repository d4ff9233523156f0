import { type ActorIndex, UnmodelledError } from '../contract.js';
import type { Table } from './catalog.js';
import { checkRow } from './constraints.js';
import type { Draft } from './draft.js';
import type { Machinery } from './machinery.js';
import { SqlError } from './sql-error.js';
import type { Execution, Item } from './state.js';
import type { StatementPlan } from './statements.js';
import { excludedBy, isKeptOut, makesEntries } from './unique.js';

/** A row of a statement over several: what it was, and what it is to be. */
interface Change {
  readonly item: Item;
  /** Null for a row that is inserted. */
  readonly old: number | null;
  /** Null for a row at which the statement fails. */
  readonly next: number | null;
  /** It makes index entries: an update that changes no indexed column makes none, and is not judged. */
  readonly enters: boolean;
  readonly done: boolean;
}

/**
 * PostgreSQL judges each row as soon as it is written, and which of several comes first is up to its plan. Refuses a statement that may end in more
 * than one way because of that: with an error or without, or with one error or another.
 */
export function refuseOpenOrder(draft: Draft, actor: ActorIndex, machinery: Machinery): void {
  const { items, cursor, plan } = draft.execution(actor);
  if (plan.kind !== 'update' && plan.kind !== 'insert') return;
  const { table } = plan;
  if (plan.kind === 'insert' && drawsNumbers(plan)) {
    // Where PGlite has given the rows, it has given them in one order whichever way they lay.
    if (plan.undrawn === null && new Set(items.map(({ values }) => JSON.stringify(values))).size > 1) throw open('which number each draws');
    return;
  }
  const changes = items.flatMap((item, at) => changeOf(item, at < cursor, table, machinery));
  if (changes.length < 2) return;
  const arbiters = plan.kind === 'insert' ? (plan.onConflict?.arbiters ?? []) : [];
  const { clashes, successions } = amongThemselves(changes, table, machinery);
  if (arbiters.some((index) => clashes.has(labelOf(table, index)))) throw open('which of them ON CONFLICT meets');
  const errors = new Set<string>(clashes);
  for (const change of changes) for (const error of ownErrors(draft, actor, change, changes, machinery, table, arbiters)) errors.add(error);
  // What is judged when all rows are written comes after what is judged with each.
  const later = new Set(table.unique.filter(({ timing }) => timing !== 'at once').map(({ name }) => name));
  const first = new Set([...errors].filter((error) => !later.has(error)));
  const fails = first.size > 0 || isCyclic(successions);
  for (const { index } of successions) first.add(labelOf(table, index));
  const met = first.size > 0 ? first : errors;
  if (met.size > 1) throw open(`which error they meet first: ${[...met].sort().join(', ')}`);
  if (successions.length > 0 && !fails) throw open(`whether they meet a duplicate: ${[...first].join()}`);
}

/** Whether another of the rows would fail if its turn came now: it breaks a rule of its own, or comes to where one is that has not left yet. */
export function anotherFails(draft: Draft, actor: ActorIndex, machinery: Machinery): boolean {
  const { items, cursor, plan } = draft.execution(actor);
  if (plan.kind !== 'update') return false;
  const changes = items.flatMap((item, at) => changeOf(item, at < cursor, plan.table, machinery));
  const comes = ({ item, done }: Change) => item !== items[cursor] && !done;
  const { successions } = amongThemselves(changes, plan.table, machinery);
  return (
    successions.some(({ before, after }) => comes(changes[after]!) && !changes[before]!.done) ||
    changes.some((change) => comes(change) && ownErrors(draft, actor, change, changes, machinery, plan.table, []).length > 0)
  );
}

const open = (what: string): UnmodelledError => new UnmodelledError(`several rows whose order, which is up to the server, decides ${what}`);

const drawsNumbers = ({ table, columns, undrawn }: Extract<StatementPlan, { kind: 'insert' }>): boolean =>
  table.columns.some(({ sequence }, column) => sequence !== null && (undrawn !== null || !columns.includes(column)));

/** An item of the statement once its row has been looked at again: with the values that it has now, or with none where it is left alone. */
export function lookedAtAgain(draft: Draft, actor: ActorIndex, change: Pick<Item, 'version' | 'values'>, machinery: Machinery): void {
  const { items, cursor, plan }: Execution = draft.execution(actor);
  const item = items[cursor]!;
  if (plan.kind !== 'update' || item.kind !== 'update') return;
  draft.updateExecution(actor, { items: items.with(cursor, { ...item, ...change }) });
  refuseOpenOrder(draft, actor, machinery);
}

function changeOf(item: Item, done: boolean, table: Table, machinery: Machinery): Change[] {
  if (item.table !== table.index) return [];
  if (item.kind === 'fails') return [{ item, old: item.version!.content, next: null, enters: false, done }];
  if ((item.kind !== 'update' && item.kind !== 'insert') || item.values === null) return [];
  const old = item.version?.content ?? null;
  const next = machinery.contents.intern(table.index, item.values);
  return [{ item, old, next, enters: old === null || makesEntries(table, old, next, machinery), done }];
}

const labelOf = (table: Table, index: number): string => table.unique[index]!.name;

/** What a row fails with by itself, whenever its turn comes. */
function ownErrors(
  draft: Draft,
  actor: ActorIndex,
  { item, next, enters, done }: Change,
  changes: readonly Change[],
  machinery: Machinery,
  table: Table,
  arbiters: readonly number[],
): string[] {
  if (done) return [];
  if (next === null) return [messageOf(item.error!)];
  const apart = new Set(changes.map((change) => change.item.slot));
  try {
    checkRow(table, item.values!, machinery, draft.transaction(actor).nowMs);
    if (!enters) return [];
    return table.unique.flatMap((_, index) =>
      !arbiters.includes(index) && isKeptOut(draft, actor, table, index, next, apart, machinery) ? [labelOf(table, index)] : [],
    );
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return [messageOf(error)];
  }
}

/** See `excludedBy`. Null too for what may stand in no index: that row fails by itself. */
function excluder(table: Table, index: number, content: number, machinery: Machinery): ((other: number) => boolean) | null {
  try {
    return excludedBy(table, index, content, machinery);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return null;
  }
}

const messageOf = ({ code, message }: SqlError): string => `${code} ${message}`;

/** One row comes to where another is, which will have left: it has to come after that one. */
interface Succession {
  readonly index: number;
  readonly before: number;
  readonly after: number;
}

/** Which indexes two rows would have under one key in the end, and which rows come to where others were. */
function amongThemselves(
  changes: readonly Change[],
  table: Table,
  machinery: Machinery,
): { readonly clashes: Set<string>; readonly successions: Succession[] } {
  const clashes = new Set<string>();
  const successions: Succession[] = [];
  table.unique.forEach(({ timing }, index) => {
    changes.forEach(({ item, next, enters }, after) => {
      if (next === null || !enters) return;
      const excluded = excluder(table, index, next, machinery);
      if (excluded === null) return;
      changes.forEach((other, before) => {
        if (before === after || (other.old !== null && other.item.slot === item.slot)) return;
        if (other.next !== null && excluded(other.next)) clashes.add(labelOf(table, index));
        else if (timing === 'at once' && other.old !== null && excluded(other.old)) successions.push({ index, before, after });
      });
    });
  });
  return { clashes, successions };
}

/** Whether no order lets every row come after those whose places it takes: the first of a cycle always meets another. */
function isCyclic(successions: readonly Succession[]): boolean {
  let left = successions;
  for (;;) {
    const rest = left.filter(({ before }) => left.some((other) => other.after === before));
    if (rest.length === left.length) return rest.length > 0;
    left = rest;
  }
}
