import type { History, RowChange, StepRecord } from './history.js';
import { mayMeet } from './references.js';
import { type Touch, type Touched, touchedBy } from './touched.js';
import { type TransactionRecord, transactionsOf } from './transactions.js';

/**
 * Which transaction depended on which, in Adya's terms (Adya, Liskov, O'Neil: Generalized Isolation Level Definitions, 2000): `rw`, one read what
 * the other then changed; `wr`, one read what the other had changed; `ww`, both changed the same row, in this order. Read off the texts of
 * statements and off the rows that commits changed: a read depends on a row that it can have met, and of which it can have read what was changed.
 */
export interface Dependency {
  /** Indexes of transactions. */
  readonly from: number;
  readonly to: number;
  readonly kind: 'rw' | 'wr' | 'ww';
  readonly table: string;
  /** What happened to the row that was read: it came, went, or was changed. */
  readonly effect: 'came' | 'went' | 'changed';
  /** Tells one row of the history from others, through all of its changes. */
  readonly row: number;
  /** Step of the read, or of the first change. */
  readonly first: number;
  /** Step of the commit that changed it, or of the read after it. */
  readonly second: number;
  /** For a read: the step in which its snapshot was taken; before the read where the transaction has one for all, or where the statement waited. */
  readonly snapshot: number;
  /** For a read: its statement began in the step of its snapshot, and then waited. */
  readonly waited: boolean;
  /** For a read that the statement does not name: `view v`, `function f`, `trigger t`. */
  readonly through: string | null;
}

export interface Dependencies {
  readonly transactions: readonly TransactionRecord[];
  /** Between different transactions, also such as were rolled back. */
  readonly all: readonly Dependency[];
  /** Functions of which nobody can tell what they touch. */
  readonly opaque: readonly string[];
  /** Reads within a function or a trigger that waited: each of its statements has a snapshot of its own, and which saw the change is not known. */
  readonly unsure: readonly Unsure[];
}

export interface Unsure {
  readonly reader: string;
  readonly through: string;
  readonly table: string;
  readonly step: number;
  readonly changer: string;
  /** Step of the commit. */
  readonly changed: number;
}

interface Read {
  readonly transaction: number;
  readonly step: number;
  readonly snapshot: number;
  readonly waited: boolean;
  /** Whose rows it waited for. */
  readonly waitedFor: ReadonlySet<string>;
  readonly touch: Touch;
  readonly words: ReadonlySet<string> | null;
}

interface Change extends RowChange {
  readonly transaction: number;
  /** Index of the commit. */
  readonly step: number;
  readonly row: number;
}

/** All dependencies up to a step. `isolation` is the level of a transaction that names none. */
export function dependencies(history: History, until: number, isolation: string): Dependencies {
  const { steps, routines = [] } = history;
  const transactions = transactionsOf(history, until, isolation);
  const touched = steps.slice(0, until + 1).map((step) => touchedBy(step.text, step.values, routines));
  const changes = changesOf(steps, transactions, touched, until);
  const reads = transactions.flatMap((transaction, index) => readsOf(steps, transaction, index, touched));
  const all = [...reads.flatMap((read) => ofRead(read, changes, transactions)), ...overwrites(changes)];
  const unsure = reads.flatMap((read) => unsureOf(read, changes, transactions));
  return { transactions, all, opaque: [...new Set(touched.flatMap(({ opaque }) => opaque))], unsure };
}

function unsureOf(read: Read, changes: readonly Change[], transactions: readonly TransactionRecord[]): Unsure[] {
  const actor = (transaction: number) => transactions[transaction]!.actor;
  const { transaction, step, touch } = read;
  return changes
    .filter((change) => change.transaction !== transaction && meets(read, change) && seen(read, change, actor(change.transaction)) === null)
    .map((change) => ({
      reader: actor(transaction),
      through: touch.through!,
      table: touch.table,
      step,
      changer: actor(change.transaction),
      changed: change.step,
    }));
}

function ofRead(read: Read, changes: readonly Change[], transactions: readonly TransactionRecord[]): Dependency[] {
  const found: Dependency[] = [];
  for (const change of changes) {
    if (change.transaction === read.transaction || !meets(read, change)) continue;
    const { step, snapshot, waited } = read;
    const common = { table: change.table, effect: effectOf(change), row: change.row, snapshot, waited, through: read.touch.through };
    const sees = seen(read, change, transactions[change.transaction]!.actor);
    if (sees === true)
      found.push({ ...common, from: change.transaction, to: read.transaction, kind: 'wr', first: change.step, second: step });
    if (sees === false)
      found.push({ ...common, from: read.transaction, to: change.transaction, kind: 'rw', first: step, second: change.step });
  }
  return found;
}

/** Whether the read saw the change; null where that is not known. */
function seen({ step, snapshot, waited, waitedFor, touch }: Read, change: Change, actor: string): boolean | null {
  if (change.step <= snapshot) return true;
  if (change.step > step || !waited) return false;
  // Each statement of a function has a snapshot of its own.
  if (touch.through !== null && !touch.through.startsWith('view')) return null;
  // A row that was waited for is read again in its newest version (EvalPlanQual). One that came meanwhile is not looked for.
  return touch.access === 'target' && change.before !== null && waitedFor.has(actor);
}

function meets({ touch, words }: Read, { table, before, after }: Change): boolean {
  if (touch.table !== table) return false;
  if (!(before !== null && mayMeet(touch, before)) && !(after !== null && mayMeet(touch, after))) return false;
  if (words === null || before === null || after === null) return true;
  const changed = Object.keys(after).filter((column) => JSON.stringify(before[column]) !== JSON.stringify(after[column]));
  return changed.length === 0 || changed.some((column) => words.has(column));
}

const effectOf = ({ before, after }: RowChange): Dependency['effect'] => (before === null ? 'came' : after === null ? 'went' : 'changed');

function overwrites(changes: readonly Change[]): Dependency[] {
  return changes.flatMap((change, index) =>
    changes.slice(index + 1).flatMap((later): Dependency[] => {
      if (later.row !== change.row || later.transaction === change.transaction) return [];
      const { table, row, transaction: from, step: first } = change;
      const common = { table, row, from, first, snapshot: first, waited: false, through: null };
      return [{ ...common, kind: 'ww', effect: effectOf(later), to: later.transaction, second: later.step }];
    }),
  );
}

/** What commits changed, row by row. A row is the same as long as each change begins with what the one before has left. */
function changesOf(
  steps: readonly StepRecord[],
  transactions: readonly TransactionRecord[],
  touched: readonly Touched[],
  until: number,
): Change[] {
  const changes: Change[] = [];
  let rows = 0;
  for (let at = 0; at <= until; at += 1) {
    const owner = transactions.findIndex(({ committedAt }) => committedAt === at);
    const recorded = steps[at]!.changes;
    // Where a change is seen late, somebody else's commit has made it.
    const transaction = owner >= 0 ? owner : recorded.length > 0 ? lastCommitted(transactions, at) : -1;
    if (transaction < 0) continue;
    for (const change of recorded) {
      const known = latest(changes).find((other) => other.table === change.table && sameRow(other, change));
      if (known === undefined) rows += 1;
      changes.push({ ...change, transaction, step: at, row: known?.row ?? rows });
    }
    for (const change of unchanged(transactions[transaction]!, steps, touched, latest(changes))) {
      if (changes.some((other) => other.transaction === transaction && other.row === change.row)) continue;
      changes.push({ ...change, transaction, step: at });
    }
  }
  return changes;
}

const lastCommitted = (transactions: readonly TransactionRecord[], at: number): number =>
  transactions.reduce(
    (best, { committedAt }, index) =>
      committedAt !== null && committedAt <= at && (best < 0 || committedAt > transactions[best]!.committedAt!) ? index : best,
    -1,
  );

/** The last change of each row so far. */
const latest = (changes: readonly Change[]): Change[] => [...new Map(changes.map((change) => [change.row, change])).values()];

const sameRow = ({ after }: RowChange, { before }: RowChange): boolean =>
  after !== null && before !== null && JSON.stringify(after) === JSON.stringify(before);

/** Rows that an UPDATE has written as they were: no state shows that. Told only of rows that its conditions name. */
function unchanged(
  { steps: own }: TransactionRecord,
  steps: readonly StepRecord[],
  touched: readonly Touched[],
  rows: readonly Change[],
): Change[] {
  return own.flatMap((index) => {
    const { verb, touches } = touched[index]!;
    if (verb !== 'update' || (steps[index]!.rowCount ?? 0) === 0) return [];
    const targets = touches.filter(({ access, through, conditions }) => access === 'target' && through === null && conditions.length > 0);
    return rows.flatMap((row) => {
      const met = targets.some((target) => target.table === row.table && row.after !== null && mayMeet(target, row.after));
      return met ? [{ ...row, before: row.after }] : [];
    });
  });
}

function readsOf(steps: readonly StepRecord[], transaction: TransactionRecord, index: number, touched: readonly Touched[]): Read[] {
  const { actor, steps: own } = transaction;
  return own.flatMap((at) => {
    const { kind, outcome, text } = steps[at]!;
    const { touches, words, verb } = touched[at]!;
    if ((kind !== 'statement' && kind !== 'resume') || outcome === 'blocked' || outcome === 'failed') return [];
    if (verb === 'lock' || verb === 'truncate' || text === '') return [];
    const began = startOf(steps, own, at);
    const waits = steps.slice(began, at).filter((step) => step.name === actor && step.outcome === 'blocked');
    const waitedFor = new Set(waits.flatMap((step) => step.waitsFor));
    const { snapshot, waited } = snapshotOf(steps, transaction, {
      at,
      began,
      waited: waits.length > 0 && !forTable(steps, waits, touches),
    });
    return touches
      .filter(({ access }) => access !== 'insert')
      .map((touch): Read => ({ transaction: index, step: at, snapshot, waited, waitedFor, touch, words }));
  });
}

/** The step in which the statement of a step was sent. */
const startOf = (steps: readonly StepRecord[], own: readonly number[], at: number): number =>
  own.findLast((index) => index <= at && steps[index]!.kind === 'statement') ?? at;

/**
 * At READ COMMITTED each statement has a snapshot, of its beginning, or of the moment when it has its table locks. Above that a transaction has one, which
 * its first statement takes even if it has to wait; LOCK TABLE and SET take none.
 */
function snapshotOf(
  steps: readonly StepRecord[],
  { isolation, steps: own }: TransactionRecord,
  { at, began, waited }: { readonly at: number; readonly began: number; readonly waited: boolean },
): { readonly snapshot: number; readonly waited: boolean } {
  if (isolation === 'READ COMMITTED' || isolation === 'READ UNCOMMITTED') return { snapshot: waited ? began : at, waited };
  const first = own.find(
    (index) => steps[index]!.kind === 'statement' && !/^\s*(lock|set|begin|start|savepoint)\b/i.test(steps[index]!.text),
  );
  return { snapshot: first ?? at, waited: false };
}

/** Whether the waits were for the lock of a table, after which a statement takes its snapshot. */
function forTable(steps: readonly StepRecord[], waits: readonly StepRecord[], touches: readonly Touch[]): boolean {
  const blockers = new Set(waits.flatMap((wait) => wait.waitsFor));
  const before = steps.slice(0, steps.indexOf(waits[0]!));
  return before.some(
    ({ name, text }) =>
      blockers.has(name) &&
      /^\s*(lock|truncate|alter|drop)\b/i.test(text) &&
      touchedBy(text, [], []).touches.some(({ table }) => touches.some((touch) => touch.table === table)),
  );
}
