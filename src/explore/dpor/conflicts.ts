/**
 * Which two steps of different actors may not change places: in one order they come to something else than in the other. As PostgreSQL has
 * them (mvcc.html, explicit-locking.html): what a statement sees is settled by its snapshot and by commits, so that what is written and not
 * committed is in the way of locks and of other writes, and not of reads.
 */
import type { Access, RowLock, RowSet } from '../../engine/footprint.js';
import { ANY_KEY, type CommittedRow, type Effect, type Effects } from './effects.js';

type Kind = Effect['kind'];
type Of<K extends Kind> = Extract<Effect, { readonly kind: K }>;
type Rule<A extends Kind, B extends Kind> = (left: Of<A>, right: Of<B>) => boolean;

/** Whether two steps have to keep their order. */
export function conflict(left: Effects, right: Effects): boolean {
  if (left === null || right === null) return true;
  return left.some((one) => right.some((other) => clash(one, other)));
}

/** A pair of kinds that is named here conflicts where its rule says so; any other pair does not. */
interface Pair {
  readonly name: string;
  readonly left: Kind;
  readonly right: Kind;
  readonly clash: (left: Effect, right: Effect) => boolean;
}

const pair = <A extends Kind, B extends Kind>(left: A, right: B, clash: Rule<A, B>, name = `${left}/${right}`): Pair => ({
  name,
  left,
  right,
  clash: clash as (left: Effect, right: Effect) => boolean,
});

/** For tests that show what each pair is good for, they have names: `reads/publishes`. */
const PAIRS: readonly Pair[] = [
  // A statement sees what was committed before its snapshot.
  pair('reads', 'publishes', (read, { relation, rows }) => read.relation === relation && rows.some((row) => mayBeIn(row, read.rows))),
  // The snapshot of a whole transaction is of all that it may come to read.
  pair('snapshot', 'publishes', () => true),
  // A row that was set to what it was has a new version all the same, which an older snapshot must not change.
  pair('snapshot', 'renews', () => true),
  // A lock is on a version: who waits at the older one waits for those that have locked that one, also where they share it with its writer.
  pair('locks', 'renews', (lock, renewed) => sameRows(lock, renewed)),
  // Row locks, which a write takes too. What a commit publishes needs no pair with writes: its transaction held those rows, and releases them.
  pair('locks', 'locks', (one, other) => sameRows(one, other) && excludes(one.lock, other.lock)),
  pair('locks', 'writes', (one, other) => sameRows(one, other) && excludes(one.lock, other.lock)),
  pair('writes', 'writes', (one, other) => sameRows(one, other) && excludes(one.lock, other.lock)),
  // Unique and exclusion constraints: the second waits for the first, or fails.
  pair(
    'inserts',
    'inserts',
    (one, other) => one.relation === other.relation && meets(one.keys, (key) => meets(other.keys, (same) => overlap(key, same))),
  ),
  pair('inserts', 'writes', (insert, write) => insert.relation === write.relation && meets(insert.keys, (key) => overlap(key, write.rows))),
  pair('draws', 'draws', (one, other) => one.sequence === other.sequence),
  pair('advisory', 'advisory', (one, other) => sameKey(one.key, other.key) && !(one.shared && other.shared)),
  // A lock on the whole table stands in the way of all that is done with it; which modes get along is not looked into. Row locks and writes need no pair
  // of their own: a statement that takes them reads the table too.
  ...(['reads', 'rereads', 'inserts', 'table'] as const).map((kind) =>
    pair('table', kind, (table, other) => table.relation === (other as { readonly relation: string }).relation),
  ),
  // What is held is in the way of others until it is given back.
  ...(['locks', 'writes', 'inserts', 'advisory', 'table', 'reads', 'rereads'] as const).map((kind) =>
    pair('releases', kind, ({ held }, wanted) => holdsUp(held, wanted)),
  ),
  // Predicate locks may be coarser than rows, up to the table (mvcc.html, "Serializable Isolation Level"); whose reading and writing form a
  // dangerous structure with a third transaction cannot be told from their tables alone.
  ...(['writes', 'inserts'] as const).map((kind) =>
    pair('remembers', kind, (read, change) => read.relation === change.relation, 'remembers/changes'),
  ),
  pair('serializable', 'serializable-end', () => true),
  pair('serializable-end', 'serializable-end', () => true),
  pair('store', 'store', inTheWorld),
  pair('cache', 'cache', inTheWorld),
  pair('seen', 'seen', () => true),
];

const RULES = new Map<string, (left: Effect, right: Effect) => boolean>();
for (const { left, right, clash: rule } of PAIRS) {
  RULES.set(`${left}/${right}`, rule);
  if (left !== right) RULES.set(`${right}/${left}`, (one, other) => rule(other, one));
}

/** The names of the pairs; some have one between them. */
export const PAIR_NAMES: readonly string[] = [...new Set(PAIRS.map(({ name }) => name))];

/** Leaves the pairs of a name out until the returned function is called: for tests that show what they are good for. */
export function withoutPair(name: string): () => void {
  const left = PAIRS.filter((item) => item.name === name);
  const keys = left.flatMap((item) => [`${item.left}/${item.right}`, `${item.right}/${item.left}`]);
  const rules = keys.map((key) => [key, RULES.get(key)!] as const);
  for (const key of keys) RULES.delete(key);
  return () => {
    for (const [key, rule] of rules) RULES.set(key, rule);
  };
}

const clash = (one: Effect, other: Effect): boolean => RULES.get(`${one.kind}/${other.kind}`)?.(one, other) ?? false;

/** Whether one of these things is in the way of the other: as {@link conflict}, of one effect each. */
export const isInTheWay = (held: Access, wanted: Effect): boolean => holdsUp(held, wanted);

/** Whether what one transaction holds may make a step of another wait. What was read stands in the way of locks on tables only. */
function holdsUp(held: Access, wanted: Effect): boolean {
  if (held.kind === 'reads' && wanted.kind !== 'table') return false;
  return clash(held, wanted);
}

/** Rows of one table that both may mean. */
const sameRows = (
  one: { readonly relation: string; readonly rows: RowSet },
  other: { readonly relation: string; readonly rows: RowSet },
): boolean => one.relation === other.relation && overlap(one.rows, other.rows);

/** Whether there may be a row in both: there is none where they give a column two values. */
const overlap = (one: RowSet, other: RowSet): boolean => Object.entries(one).every(([column, value]) => (other[column] ?? value) === value);

const mayBeIn = (row: CommittedRow, rows: RowSet): boolean =>
  Object.entries(rows).every(([column, value]) => !(column in row) || String(row[column]) === value);

/** Null: keys that are not known may be any. */
const meets = (keys: readonly RowSet[] | null, isMet: (key: RowSet) => boolean): boolean => (keys === null ? true : keys.some(isMet));

/** PostgreSQL, explicit-locking.html, "Conflicting Row-Level Locks". */
const EXCLUDED: Readonly<Record<RowLock, readonly RowLock[]>> = {
  'key share': ['update'],
  share: ['no key update', 'update'],
  'no key update': ['share', 'no key update', 'update'],
  update: ['key share', 'share', 'no key update', 'update'],
};
const excludes = (one: RowLock, other: RowLock): boolean => EXCLUDED[one].includes(other);

const sameKey = (one: string, other: string): boolean => one === other || one === ANY_KEY || other === ANY_KEY;

function inTheWorld(one: Of<'store' | 'cache'>, other: Of<'store' | 'cache'>): boolean {
  return (one.writes || other.writes) && (one.name === null || other.name === null || one.name === other.name);
}
