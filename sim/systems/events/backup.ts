import { type Client, isRejection, type Operation } from '../../../src/index.js';
import { sealDocument } from '../shared/backup/document.js';
import { newBackupName, saveBackup } from '../shared/backup/files.js';
import type { BackupContents } from '../shared/backup/format.js';
import { readContents } from '../shared/backup/read-contents.js';
import { withRetry } from '../shared/retry.js';
import { inTransaction } from '../shared/transaction.js';
import { eventsBackup } from './backup-format.js';

export interface BackupOptions {
  /** How many backups are kept, the new one included. Default 7. */
  readonly keep?: number;
}

/** Reads every table in one snapshot, and blocks nobody while it does. */
const readSnapshot = (client: Client): Promise<BackupContents> =>
  inTransaction(client, () => readContents(client, eventsBackup), 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');

/** Writes the whole system to one file of the store and keeps the newest few. */
export const backup = (options: BackupOptions = {}): Operation => backupWith(readSnapshot, options);

export function backupWith(read: (client: Client) => Promise<BackupContents>, { keep = 7 }: BackupOptions = {}): Operation {
  return async ({ client, clock, random, store }) => {
    const name = newBackupName(clock, random);
    const createdAt = clock.now();
    const contents = await withRetry(1, () => read(client));
    if (isRejection(contents)) return contents;
    await saveBackup(store, name, sealDocument(eventsBackup, createdAt, contents), keep);
    return { backup: name, events: contents.tables.events!.length, bookings: contents.tables.bookings!.length };
  };
}
