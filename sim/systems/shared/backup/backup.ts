import { type Client, isRejection, type Operation } from '../../../../src/index.js';
import { withRetry } from '../retry.js';
import { inTransaction } from '../transaction.js';
import { countsOf, sealDocument } from './document.js';
import { newBackupName, saveBackup } from './files.js';
import type { BackupContents, BackupFormat } from './format.js';
import { readContents } from './read-contents.js';

export interface BackupOptions {
  /** How many backups are kept, the new one included. Default 7. */
  readonly keep?: number;
}

/** Reads every table in one snapshot, and blocks nobody while it does. */
const readSnapshot = (client: Client, format: BackupFormat): Promise<BackupContents> =>
  inTransaction(client, () => readContents(client, format), 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');

/** Writes the whole system to one file of the store and keeps the newest few. Answers with the file's name and each table's row count. */
export const backupOf = (format: BackupFormat, options: BackupOptions = {}): Operation => backupWith(format, readSnapshot, options);

/** The same with another way of reading, for variants that show what the snapshot is for. */
export function backupWith(
  format: BackupFormat,
  read: (client: Client, format: BackupFormat) => Promise<BackupContents>,
  { keep = 7 }: BackupOptions = {},
): Operation {
  return async ({ client, clock, random, store }) => {
    const name = newBackupName(clock, random);
    const createdAt = clock.now();
    const contents = await withRetry(1, () => read(client, format));
    if (isRejection(contents)) return contents;
    await saveBackup(store, name, sealDocument(format, createdAt, contents), keep);
    return { backup: name, ...countsOf(contents) };
  };
}
