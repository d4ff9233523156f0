import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isRejection } from '../../src/index.js';
import { openDocument } from '../systems/shared/backup/document.js';
import { isBackupName } from '../systems/shared/backup/files.js';
import type { BackupDocument } from '../systems/shared/backup/format.js';
import { UsageError } from '../usage-error.js';
import { DirectoryStore } from './directory-store.js';
import type { StoredSystem } from './systems.js';

/** A backup that has been read and verified whole. */
export interface ChosenBackup {
  readonly file: string;
  readonly document: BackupDocument;
}

/** The file that is named, else the newest of the system's. Everything in it is checked before anybody acts on it. */
export async function chooseBackup(directory: string, system: StoredSystem, file: string | null): Promise<ChosenBackup> {
  if (!existsSync(directory))
    throw new UsageError(`there is no directory ${directory}`, 'Name the one that backups are written to: --dir DIR');
  if (!statSync(directory).isDirectory())
    throw new UsageError(`${directory} is no directory`, 'Name the one that backups are in with --dir, and one of them with --file NAME');
  const files = await backupFiles(directory, system);
  const chosen = file ?? files[0];
  if (chosen === undefined)
    throw new UsageError(
      `there is no backup of ${system.name} in ${directory}`,
      `Their names begin with ${system.name}-backup-. To make one: npm run sim -- backup --system ${system.name} --url URL --dir ${directory}`,
    );
  if (chosen.includes('/')) throw new UsageError('--file takes the name of a file, without its directory', 'Name that with --dir DIR');
  const opened = verify(directory, system, chosen);
  if (typeof opened !== 'string') return { file: chosen, document: opened };
  const whole = files.find((other) => other !== chosen && typeof verify(directory, system, other) !== 'string');
  throw new UsageError(
    `${join(directory, chosen)} cannot be restored: ${opened}`,
    whole === undefined
      ? 'Nothing was changed, and no other backup in this directory is whole. Is there a copy elsewhere?'
      : `Nothing was changed. The newest other one that is whole: --file ${whole}`,
  );
}

/** Newest first. */
async function backupFiles(directory: string, system: StoredSystem): Promise<string[]> {
  const store = new DirectoryStore(directory, system.name);
  return (await store.list())
    .filter(isBackupName)
    .reverse()
    .map((name) => store.fileName(name));
}

/** The document, or why it is none. */
function verify(directory: string, { format }: StoredSystem, file: string): BackupDocument | string {
  let text: string;
  try {
    text = readFileSync(join(directory, file), 'utf8');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${(error as Error).message})`;
  }
  const document = openDocument(format, text);
  return isRejection(document) ? document.message : document;
}
