import { type Client, isRejection, type Operation, type Store } from '../../../src/index.js';
import { openDocument } from '../shared/backup/document.js';
import { newestBackup } from '../shared/backup/files.js';
import type { BackupDocument } from '../shared/backup/format.js';
import { insertRows } from '../shared/backup/insert-rows.js';
import { moveSequenceForward } from '../shared/backup/sequences.js';
import { reject } from '../shared/rejections.js';
import { withRetry } from '../shared/retry.js';
import { inTransaction } from '../shared/transaction.js';
import { eventsBackup } from './backup-format.js';
import type { RetryOptions } from './book-seats.js';

/** What a restore took away, by id: the backup is older than the tables were, and nobody should have to find out by complaint. */
export interface Dropped {
  readonly events: readonly number[];
  readonly bookings: readonly number[];
  readonly bookingCount: number;
}

/**
 * The order of lock and snapshot is what makes this safe. LOCK TABLE takes no snapshot, and at READ COMMITTED every statement after
 * it takes a fresh one, so DELETE sees each booking that was committed before the lock was granted, and while it is held there are
 * no others. With one snapshot for the transaction, taken before the lock, DELETE would pass over the bookings that the lock waited
 * for, and it would be left to a 40001 on their event to tell. The level is named because the session's default may be another.
 *
 * EXCLUSIVE keeps writers and `SELECT ... FOR UPDATE` out and lets plain readers in, a running backup among them; DELETE leaves that
 * backup the rows of its snapshot, where TRUNCATE would show it empty tables. Events are locked before bookings, as bookers do.
 */
const replaceUnderLock = (client: Client, document: BackupDocument): Promise<Dropped> =>
  inTransaction(
    client,
    async () => {
      await client.query('LOCK TABLE events, bookings IN EXCLUSIVE MODE');
      return replaceContents(client, document);
    },
    'BEGIN ISOLATION LEVEL READ COMMITTED',
  );

/** Puts the tables back to the newest backup, or leaves them as they are. */
export const restore = (options: RetryOptions = {}): Operation => restoreWith(replaceUnderLock, options);

export function restoreWith(
  replace: (client: Client, document: BackupDocument) => Promise<Dropped>,
  { attempts = 3 }: RetryOptions = {},
): Operation {
  return async ({ client, store }) => {
    const newest = await openNewest(store);
    if (isRejection(newest)) return newest;
    const dropped = await withRetry(attempts, () => replace(client, newest.document));
    return isRejection(dropped) ? dropped : { restored: newest.name, createdAt: newest.document.createdAt, dropped };
  };
}

async function openNewest(store: Store) {
  const newest = await newestBackup(store);
  if (newest === null) return reject('NOT_FOUND', 'there is no backup to restore');
  const document = openDocument(eventsBackup, newest.text);
  return isRejection(document) ? document : { name: newest.name, document };
}

/** Must run in one transaction that keeps everybody else from writing. */
export async function replaceContents(client: Client, { tables, sequences }: BackupDocument): Promise<Dropped> {
  const [eventsTable, bookingsTable] = eventsBackup.tables;
  const events = tables.events!;
  const bookings = tables.bookings!;
  const oldBookings = await client.query<{ id: number }>('DELETE FROM bookings RETURNING id');
  const oldEvents = await client.query<{ id: number; version: number }>('DELETE FROM events RETURNING id, version');
  const version = versionAbove(events, oldEvents.rows);
  await insertRows(
    client,
    eventsTable,
    events.map((event) => ({ ...event, version })),
  );
  await insertRows(client, bookingsTable, bookings);
  for (const [sequence, table] of Object.entries(eventsBackup.sequences)) {
    await moveSequenceForward(client, sequence, highestOf(sequences[sequence]!, tables[table]!, 'id'));
  }
  const droppedBookings = missingFrom(bookings, oldBookings.rows);
  return { events: missingFrom(events, oldEvents.rows), bookings: droppedBookings, bookingCount: droppedBookings.length };
}

/**
 * One version for all restored events, above every one that was handed out: with the versions of the backup, a booker that read
 * version 7 before the restore could find another row at version 7 after it, and its compare-and-swap would succeed (ABA). The
 * maximum over all events also covers those that an earlier restore dropped.
 */
function versionAbove(restored: readonly Numbered[], replaced: readonly Numbered[]): number {
  return 1 + highestOf(highestOf(0, restored, 'version'), replaced, 'version');
}

type Numbered = Readonly<Record<string, unknown>>;

function highestOf(least: number, rows: readonly Numbered[], column: string): number {
  return rows.reduce((highest, row) => Math.max(highest, Number(row[column])), least);
}

function missingFrom(restored: readonly { readonly id?: string | number }[], rows: readonly { readonly id: number }[]): number[] {
  const kept = new Set(restored.map(({ id }) => id));
  return rows
    .map(({ id }) => id)
    .filter((id) => !kept.has(id))
    .sort((a, b) => a - b);
}
