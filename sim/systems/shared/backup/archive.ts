/**
 * The second kind of backup: an archive that `pg_dump` writes and `pg_restore` reads, where the server's tools are at hand. It holds what
 * the tools know of a database, the schema included; what comes back from it comes back as from the first kind.
 */
import { isRejection, type Operation, type Rejection } from '../../../../src/index.js';
import { sha256 } from '../canonical-json.js';
import { reject } from '../rejections.js';
import { withRetry } from '../retry.js';
import { inTransaction } from '../transaction.js';
import type { BackupOptions } from './backup.js';
import { countsOf, openDocument, sealDocument } from './document.js';
import { newBackupName, newestBackup, saveBackup } from './files.js';
import type { BackupContents, BackupFormat } from './format.js';
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

const archiveName = (format: BackupFormat) => `${format.name}.archive`;

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
          const current = await client.query<{ database: string }>('SELECT current_database() AS database');
          return refusing(async () => {
            const archive = await tools.dump(current.rows[0]!.database, exported.rows[0]!.snapshot);
            return { archive, contents: await tools.contents(archive, format) };
          });
        },
        'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
      ),
    );
    if (isRejection(dumped)) return dumped;
    await saveBackup(store, name, sealArchive(format, createdAt, dumped.archive), keep);
    return { backup: name, ...countsOf(dumped.contents) };
  };
}

/** Chooses the newest archive, and verifies it by restoring it at the side, before the system's own tables are touched. */
export function openArchive(tools: ServerTools): Open {
  return async (store, format) => {
    const newest = await newestBackup(store);
    if (newest === null) return reject('NOT_FOUND', 'there is no backup to restore');
    const sealed = unseal(format, newest.text);
    if (isRejection(sealed)) return sealed;
    const contents = await refusing(() => tools.contents(sealed.archive, format));
    if (isRejection(contents)) return contents;
    const document = openDocument(format, sealDocument(format, new Date(sealed.createdAt), contents));
    return isRejection(document) ? document : { name: newest.name, document };
  };
}

/** The file's text: the archive, of which system it is, and a checksum over both. */
export function sealArchive(format: BackupFormat, createdAt: Date, archive: string): string {
  const body = { format: archiveName(format), version: format.version, createdAt: createdAt.toISOString(), archive };
  return JSON.stringify({ ...body, checksum: sha256(body) });
}

interface SealedArchive {
  readonly createdAt: string;
  readonly archive: string;
}

function unseal(format: BackupFormat, text: string): SealedArchive | Rejection {
  const { checksum, ...body } = parse(text);
  if (body.format !== archiveName(format)) return refuse(`is no archive of ${format.name}, or truncated`);
  if (body.version !== format.version) return refuse(`has version ${String(body.version)}, this program reads version ${format.version}`);
  if (checksum !== sha256(body)) return refuse('is damaged: its checksum does not match');
  return body as unknown as SealedArchive;
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

async function refusing<T>(work: () => Promise<T>): Promise<T | Rejection> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ToolError) return reject('DATABASE_UNAVAILABLE', error.message);
    throw error;
  }
}

const refuse = (reason: string): Rejection => reject('INVALID_INPUT', `the archive ${reason}`);
