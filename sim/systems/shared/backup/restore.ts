import { type Client, isRejection, type Operation, type Rejection, type Store } from '../../../../src/index.js';
import { reject } from '../rejections.js';
import { type RetryOptions, withRetry } from '../retry.js';
import { inTransaction } from '../transaction.js';
import { openDocument } from './document.js';
import { newestBackup } from './files.js';
import type { BackupDocument, BackupFormat } from './format.js';
import { type Dropped, replaceContents } from './replace-contents.js';

export interface OpenedBackup {
  readonly name: string;
  readonly document: BackupDocument;
}

type Replace<T> = (client: Client, format: BackupFormat, document: BackupDocument) => Promise<T>;

/**
 * The order of lock and snapshot is what makes this safe. LOCK TABLE takes no snapshot, and at READ COMMITTED every statement after
 * it takes a fresh one, so DELETE sees each booking that was committed before the lock was granted, and while it is held there are
 * no others. With one snapshot for the transaction, taken before the lock, DELETE would pass over the bookings that the lock waited
 * for, and it would be left to a 40001 on what they are for to tell. The level is named because the session's default may be another.
 *
 * EXCLUSIVE keeps writers and `SELECT ... FOR UPDATE` out and lets plain readers in, a running backup among them; DELETE leaves that
 * backup the rows of its snapshot, where TRUNCATE would show it empty tables. Tables are locked in the format's order, as bookers do.
 */
export function underLock<T>(replace: Replace<T>, lock?: string): Replace<T> {
  return (client, format, document) =>
    inTransaction(
      client,
      async () => {
        await client.query(lock ?? `LOCK TABLE ${format.tables.map(({ name }) => name).join(', ')} IN EXCLUSIVE MODE`);
        return replace(client, format, document);
      },
      'BEGIN ISOLATION LEVEL READ COMMITTED',
    );
}

/** Chooses the backup. */
export type Open = (store: Store, format: BackupFormat) => Promise<OpenedBackup | Rejection>;

/** Puts the tables back to the newest backup, or leaves them as they are. Answers with what it took away. */
export const restoreOf = (format: BackupFormat, options: RetryOptions = {}, open: Open = openNewest): Operation =>
  restoreWith(format, underLock(replaceContents), options, open);

/** The same with another way of replacing, or of choosing the backup, for variants that show what the locks and their order are for. */
export function restoreWith(
  format: BackupFormat,
  replace: Replace<Dropped>,
  { attempts = 3 }: RetryOptions = {},
  open: Open = openNewest,
): Operation {
  return async ({ client, store }) => {
    const newest = await open(store, format);
    if (isRejection(newest)) return newest;
    const dropped = await withRetry(attempts, () => replace(client, format, newest.document));
    return isRejection(dropped) ? dropped : { restored: newest.name, createdAt: newest.document.createdAt, dropped };
  };
}

/** The newest backup, verified whole. */
export async function openNewest(store: Store, format: BackupFormat): Promise<OpenedBackup | Rejection> {
  const newest = await newestBackup(store);
  if (newest === null) return reject('NOT_FOUND', 'there is no backup to restore');
  const document = openDocument(format, newest.text);
  return isRejection(document) ? document : { name: newest.name, document };
}
