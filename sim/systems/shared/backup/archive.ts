/**
 * The second kind of backup: an archive that `pg_dump` writes and `pg_restore` reads, where the server's tools are at hand. It holds what
 * the tools know of a database, the schema included; what comes back from it comes back as from the first kind.
 */
import { isRejection, type Operation, type Rejection } from '../../../../src/index.js';
import { reject } from '../rejections.js';
import { withRetry } from '../retry.js';
import { inTransaction } from '../transaction.js';
import type { BackupOptions } from './backup.js';
import { countsOf, openDocument, refuse, seal, sealDocument, unseal } from './document.js';
import { newBackupName, newestBackup, saveBackup } from './files.js';
import type { BackupContents, BackupDocument, BackupFormat } from './format.js';
import type { Open } from './restore.js';

/** PostgreSQL's own tools, beside a server that they are of the same major version as, or newer. */
export interface ServerTools {
  /**
   * `pg_dump --format=custom --snapshot`: the archive in base64. The snapshot was exported by a session that is still in that transaction.
   * Throws {@link ToolError} where the tool refuses, because that session is gone for instance.
   */
  dump(database: string, snapshot: string): Promise<string>;
  /**
   * What an archive holds of a system: `pg_restore` into an empty database at the side, and a look at its tables. Nothing of the system's
   * own database is touched. Throws {@link ToolError} where the tool refuses the archive, or the tables are not there.
   */
  contents(archive: string, format: BackupFormat): Promise<BackupContents>;
}

/** A tool ended with an error; `message` is what it said. */
export class ToolError extends Error {
  override readonly name = 'ToolError';
}

/**
 * Writes an archive of the whole database to one file of the store and keeps the newest few. `pg_dump` reads in the snapshot of this
 * operation's transaction, which is taken by the first statement: whatever is committed until the tool has started is not in it. An
 * archive is written once it has been restored at the side, so that none is kept that could not be, and no older one goes for it.
 */
export function archiveOf(format: BackupFormat, tools: ServerTools, { keep = 7 }: BackupOptions = {}): Operation {
  return async ({ client, clock, random, store }) => {
    const name = newBackupName(clock, random);
    const createdAt = clock.now();
    const dumped = await withRetry(1, () =>
      inTransaction(
        client,
        async () => {
          const exported = await client.query<{ snapshot: string }>('SELECT pg_export_snapshot() AS snapshot');
          const current = await client.query<{ database: string }>('SELECT pg_catalog.current_database() AS database');
          const archive = await refusing(() => tools.dump(current.rows[0]!.database, exported.rows[0]!.snapshot));
          if (isRejection(archive)) return archive;
          const document = await documentIn(archive, format, tools);
          return isRejection(document) ? document : { archive, document };
        },
        'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
      ),
    );
    if (isRejection(dumped)) return dumped;
    await saveBackup(store, name, sealArchive(format, createdAt, dumped.archive), keep);
    return { backup: name, ...countsOf(dumped.document) };
  };
}

/** Chooses the newest archive, and verifies it by restoring it at the side, before the system's own tables are touched. */
export function openArchive(tools: ServerTools): Open {
  return async (store, format) => {
    const newest = await newestBackup(store);
    if (newest === null) return reject('NOT_FOUND', 'there is no backup to restore');
    const sealed = unseal(archivesOf(format), newest.text);
    if (isRejection(sealed)) return sealed;
    const { createdAt, archive } = sealed;
    if (typeof createdAt !== 'string' || typeof archive !== 'string') return refuse('lacks one of its parts');
    const document = await documentIn(archive, format, tools);
    return isRejection(document) ? document : { name: newest.name, document: { ...document, createdAt } };
  };
}

/** What an archive holds, looked at as what a document holds is; or why it could not be restored. */
async function documentIn(archive: string, format: BackupFormat, tools: ServerTools): Promise<BackupDocument | Rejection> {
  const contents = await refusing(() => tools.contents(archive, format));
  return isRejection(contents) ? contents : openDocument(format, sealDocument(format, new Date(0), contents));
}

/** The file's text: the archive, and of which system it is. */
export const sealArchive = (format: BackupFormat, createdAt: Date, archive: string): string => {
  const { name, version } = archivesOf(format);
  return seal({ format: name, version, createdAt: createdAt.toISOString(), archive });
};

/** Archives are no documents, though both are of one version of the tables. */
const archivesOf = ({ name, version }: BackupFormat) => ({ name: `${name}.archive`, version });

async function refusing<T>(work: () => Promise<T>): Promise<T | Rejection> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ToolError) return reject('DATABASE_UNAVAILABLE', error.message);
    throw error;
  }
}
