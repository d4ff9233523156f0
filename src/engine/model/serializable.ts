import type { Evaluator } from './evaluator.js';
import type { TextQuery } from './pglite/text-query.js';
import type { Query } from './query.js';
import { SqlError } from './sql-error.js';
import type { Committed, Observation, SerializableTransaction, Write } from './state.js';
import type { SnapshotView } from './view.js';

/**
 * SERIALIZABLE as a specification with freedom (src/backend/storage/lmgr/README-SSI). Two kinds of rw-conflicts "T1 has read what T2,
 * concurrent with it, has written" are kept apart: *possible* ones, since PostgreSQL may lock as coarsely as whole relations, and *certain* ones,
 * where a query of T1 would have answered otherwise had it seen what T2 wrote. PostgreSQL aborts somebody where two conflicts in a row,
 * Tin -> Tpivot -> Tout, have Tout committed first of the three. Where the conflicts are possible, the model allows the abort; where they are certain
 * and all three would have committed, it demands one.
 */
export type Conflict = (reader: SerializableTransaction, writer: SerializableTransaction) => boolean;

const concurrent = (one: SerializableTransaction, other: SerializableTransaction): boolean =>
  one !== other && (one.committed === null || one.committed > other.began) && (other.committed === null || other.committed > one.began);

/** At the granularity of relations, the coarsest that PostgreSQL knows. */
export const possible: Conflict = (reader, writer) =>
  concurrent(reader, writer) && [...writer.writes].some((table) => reader.reads.has(table));

export type ViewWith = (snapshot: Committed, own: Observation['own']) => SnapshotView;

/**
 * A query of the reader's answers otherwise once the writer's changes are there. Where the writer has changed what another had changed before it, and
 * the reader's conflict with that one is certain, there need be none with the writer: a tuple's SIREAD lock is on the version that was read, and
 * a later update of another version does not meet it (predicate.c, PredicateLockTID). `all` holds whoever may have been between.
 */
export function certainly(evaluator: Evaluator, viewWith: ViewWith, all: readonly SerializableTransaction[]): Conflict {
  const conflict: Conflict = (reader, writer) => {
    if (!possible(reader, writer)) return false;
    const earlier = all.filter(
      (other) => other !== reader && other.committed !== null && other.committed <= writer.began && overlap(other.changes, writer.changes),
    );
    const between = earlier.filter((other) => conflict(reader, other));
    const changes = new Map([...writer.changes].filter(([slot]) => !between.some((other) => other.changes.has(slot))));
    const snapshot = withChanges(reader.snapshot, changes);
    return reader.observations
      .slice(0, reader.told)
      .some(({ query, own, first, answer }) => observe(evaluator, query, viewWith(snapshot, own), first) !== answer);
  };
  return conflict;
}

const overlap = (one: SerializableTransaction['changes'], other: SerializableTransaction['changes']): boolean =>
  [...one.keys()].some((slot) => other.has(slot));

function withChanges(snapshot: Committed, changes: ReadonlyMap<number, Write>): Committed {
  const rows = new Map(snapshot.rows);
  for (const [slot, { next }] of changes)
    if (next === null) rows.delete(slot);
    else rows.set(slot, next);
  return { rows, dead: snapshot.dead, byTable: null };
}

/** A query's answer as text, or its first rows; where it looks for rows to lock or change, which versions it finds. */
export function observe(evaluator: Evaluator, query: Query | TextQuery, view: SnapshotView, first: number): string {
  if ('text' in query) return observeText(evaluator, query, view, first);
  const rows = evaluator.evaluate(query, view);
  const versions = query.tables.length > 0 && rows.some(({ row }) => row >= 0) ? view.versions(query.tables[0]!) : [];
  return JSON.stringify(rows.map(({ row, values }) => [row < 0 ? -1 : versions[row]!.id, values]).sort());
}

function observeText(evaluator: Evaluator, query: TextQuery, view: SnapshotView, first: number): string {
  try {
    const rows = evaluator.evaluate(query, view).map(({ values, changes, joined }) => {
      const versions = query.hidden.map((hidden, at) => {
        const place = joined![at];
        return hidden.kind === 'row' && typeof place === 'number' ? view.versions(hidden.table)[place]!.id : place;
      });
      return JSON.stringify([versions, values, changes]);
    });
    return (query.ordered ? rows : rows.sort()).slice(0, first).join();
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    return `${error.code} ${error.message}`;
  }
}

/** Whether PostgreSQL may fail a running transaction: it is the pivot, or has read from a pivot that could not be stopped any more. */
export function mayFail(subject: SerializableTransaction, all: readonly SerializableTransaction[]): boolean {
  return subject.doomed || isPivot(subject, all, possible) || readsFromPivot(subject, all, possible);
}

export const possiblePivot = (subject: SerializableTransaction, all: readonly SerializableTransaction[]): boolean =>
  isPivot(subject, all, possible);

/** Tin -> subject -> Tout, Tout committed before Tin, or before Tin's snapshot where Tin only reads (README-SSI, "Read-only optimization"). */
function isPivot(subject: SerializableTransaction, all: readonly SerializableTransaction[], conflict: Conflict): boolean {
  return all.some(
    (tOut) =>
      isBefore(tOut, subject) &&
      conflict(subject, tOut) &&
      all.some((tIn) => (tIn === tOut || isBefore(tOut, tIn)) && startsAfter(tIn, tOut) && conflict(tIn, subject)),
  );
}

function readsFromPivot(subject: SerializableTransaction, all: readonly SerializableTransaction[], conflict: Conflict): boolean {
  return all.some(
    (pivot) =>
      pivot.committed !== null &&
      conflict(subject, pivot) &&
      all.some((tOut) => tOut !== subject && isBefore(tOut, pivot) && startsAfter(subject, tOut) && conflict(pivot, tOut)),
  );
}

const isBefore = (tOut: SerializableTransaction, other: SerializableTransaction): boolean =>
  tOut.committed !== null && (other.committed === null || tOut.committed < other.committed);

const startsAfter = (tIn: SerializableTransaction, tOut: SerializableTransaction): boolean => !tIn.readOnly || tOut.committed! <= tIn.began;

/** Whether the subject must not commit: with it, a structure of certain conflicts would have committed whole, Tout first. */
export function mustFail(subject: SerializableTransaction, all: readonly SerializableTransaction[], conflict: Conflict): boolean {
  const others = all.filter((other) => other.committed !== null);
  const readsOnly = (item: SerializableTransaction) => ({ ...item, readOnly: item.readOnly || item.writes.size === 0 });
  const self = readsOnly(subject);
  const among = [...others.map(readsOnly), self];
  return isPivot(self, among, conflict) || readsFromPivot(self, among, conflict);
}

/** Transactions that can still be part of a structure: those that run, and all that a chain of concurrent ones ties to one of them. */
export function stillNeeded(all: readonly SerializableTransaction[]): readonly SerializableTransaction[] {
  const needed = new Set(all.filter(({ committed }) => committed === null));
  let size = -1;
  while (needed.size > size) {
    size = needed.size;
    for (const item of all) if ([...needed].some((other) => concurrent(item, other))) needed.add(item);
  }
  return needed.size === all.length ? all : all.filter((item) => needed.has(item));
}
