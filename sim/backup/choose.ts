import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isRejection } from '../../src/index.js';
import { openDocument } from '../systems/shared/backup/document.js';
import { isBackupName, timeInName } from '../systems/shared/backup/files.js';
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
  const found = await backupFiles(directory, system);
  const files = found.map((one) => one.file);
  const chosen = file ?? files[0];
  if (chosen === undefined)
    throw new UsageError(
      `there is no backup of ${system.name} in ${directory}`,
      `Their names begin with ${system.name}-backup-. To make one: npm run sim -- backup --system ${system.name} --url URL --dir ${directory}`,
    );
  if (chosen.includes('/')) throw new UsageError('--file takes the name of a file, without its directory', 'Name that with --dir DIR');
  const opened = verify(directory, system, chosen);
  if (typeof opened !== 'string') {
    if (file === null) refuseFuture(found[0]!, found);
    return { file: chosen, document: opened };
  }
  const whole = files.find((other) => other !== chosen && typeof verify(directory, system, other) !== 'string');
  throw new UsageError(
    `${join(directory, chosen)} cannot be restored: ${opened}`,
    whole === undefined
      ? 'Nothing was changed, and no other backup in this directory is whole. Is there a copy elsewhere?'
      : `Nothing was changed. The newest other one that is whole: --file ${whole}`,
  );
}

interface FoundFile {
  readonly file: string;
  /** When it was made, as the document says. One that is damaged has only its name to say so. */
  readonly createdAt: Date;
}

/** Newest first. A file that is no backup counts only where its name was given to it here: it may be the newest one, damaged. */
async function backupFiles(directory: string, system: StoredSystem): Promise<FoundFile[]> {
  const store = new DirectoryStore(directory, system.name);
  const found = (await store.list()).filter(isBackupName).flatMap((name): FoundFile[] => {
    const file = store.fileName(name);
    const document = verify(directory, system, file);
    const createdAt = typeof document === 'string' ? timeInName(name) : new Date(document.createdAt);
    return createdAt === null ? [] : [{ file, createdAt }];
  });
  return found.sort((left, right) => right.createdAt.getTime() - left.createdAt.getTime() || (left.file < right.file ? 1 : -1));
}

/** A clock that was wrong once must not have an old state taken for the newest for years. */
function refuseFuture({ file, createdAt }: FoundFile, all: readonly FoundFile[]): void {
  if (createdAt.getTime() <= Date.now() + DAY_MS) return;
  const other = all.find((one) => one.createdAt.getTime() <= Date.now());
  throw new UsageError(
    `the newest backup, ${file}, says that it was made in the future, at ${createdAt.toISOString()}: was a clock wrong?`,
    `Nothing was changed. Name the one that is meant: --file ${file}${other === undefined ? '' : `, or --file ${other.file}`}`,
  );
}

const DAY_MS = 24 * 3600 * 1000;

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
