import type { Client, Operation } from '../../../src/index.js';
import { backupOf } from '../shared/backup/backup.js';
import type { BackupDocument, BackupFormat } from '../shared/backup/format.js';
import { type Dropped, replaceContents } from '../shared/backup/replace-contents.js';
import { type Open, restoreWith } from '../shared/backup/restore.js';
import type { RetryOptions } from '../shared/retry.js';
import { inTransaction } from '../shared/transaction.js';
import { restaurantBackup } from './backup-format.js';

/** Writes the whole system to one file, in one snapshot. */
export const backup = backupOf.bind(null, restaurantBackup);

/** Puts the whole system back to the newest backup, or leaves it as it is. */
export const restore = (options: RetryOptions = {}, open?: Open): Operation =>
  restoreWith(restaurantBackup, replaceUnderLock('BEGIN ISOLATION LEVEL SERIALIZABLE'), options, open);

export const lockTables = 'LOCK TABLE restaurants, capacity_rules, capacity_overrides, bookings IN EXCLUSIVE MODE';

/**
 * A restore beside SERIALIZABLE bookers must be SERIALIZABLE, too: a booker whose snapshot is older than the restore is kept out by no lock
 * once that is released, and only among transactions that are all SERIALIZABLE is it told (40001). The lock comes first and takes no snapshot,
 * so what it waited for is seen and goes; it keeps writers out and lets readers in, a running backup among them.
 */
export function replaceUnderLock(begin: string): (client: Client, format: BackupFormat, document: BackupDocument) => Promise<Dropped> {
  return (client, format, document) =>
    inTransaction(
      client,
      async () => {
        await client.query(lockTables);
        return replaceContents(client, format, document);
      },
      begin,
    );
}
