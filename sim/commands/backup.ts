import { dirname, join } from 'node:path';
import { isRejection, redactUrl, type UserSession } from '../../src/index.js';
import { lossOfValues } from '../backup/check-tables.js';
import { realContext } from '../backup/context.js';
import { inDatabase } from '../backup/database.js';
import { DirectoryStore } from '../backup/directory-store.js';
import { rejected } from '../backup/explain.js';
import { rowsText, writeOutcome } from '../backup/outcome.js';
import { ownBackups } from '../backup/own-backups.js';
import { type StoredSystem, storedSystem } from '../backup/systems.js';
import { tell } from '../backup/tell.js';
import { trialStore } from '../backup/trial-store.js';
import { verifiedStore } from '../backup/verified-store.js';
import { counted, Watch } from '../backup/watch.js';
import { EXIT } from '../exit-codes.js';
import { shellWord } from '../shell-word.js';
import { isBackupName } from '../systems/shared/backup/files.js';
import { UsageError } from '../usage-error.js';
import { requireWritable } from '../write-file.js';

export interface BackupArguments {
  readonly system: string;
  readonly url: string;
  readonly dir: string;
  /** How many backups are kept, the new one included. */
  readonly keep: number;
  readonly dryRun: boolean;
  readonly json: string | null;
}

const NOT_WRITTEN = 'No backup was written, and those that were there are as they were';

/** Writes what a system holds to a new file of a directory, and keeps the newest few. */
export async function backupCommand(args: BackupArguments): Promise<number> {
  const system = await storedSystem(args.system);
  if (args.json !== null && args.json !== '-') requireWritable(dirname(args.json));
  if (!args.dryRun) requireWritable(args.dir);
  const store = new DirectoryStore(args.dir, system.name);
  const watch = new Watch(tell);
  return inDatabase({
    url: args.url,
    system,
    watch,
    state: () =>
      args.dryRun || watch.written === null ? NOT_WRITTEN : `The new backup is whole: ${join(args.dir, store.fileName(watch.written))}`,
    run: (session) => backUp(args, system, session, watch, store),
  });
}

async function backUp(
  args: BackupArguments,
  system: StoredSystem,
  session: UserSession,
  watch: Watch,
  directory: DirectoryStore,
): Promise<number> {
  if (!args.dryRun) for (const name of await directory.sweep()) tell(`swept      ${name}: whoever wrote it was killed`);
  const loss = await lossOfValues(session.client, system.format);
  if (loss !== null)
    throw new UsageError(
      `what the database holds would not come back as it is: ${loss}`,
      'A backup holds moments in milliseconds, of the years 1 to 9999. Mend the value, then the same again',
    );
  const inner = verifiedStore(ownBackups(args.dryRun ? trialStore(directory) : directory, system.format), system.format);
  const store = watch.store(inner, args.dryRun ? null : (name) => directory.fileName(name));
  const result = await system.backup({ keep: args.keep })(realContext(watch.client(session.client), store), {});
  if (isRejection(result)) return rejected(result, watch, NOT_WRITTEN);
  const { backup: name, ...rows } = result as { backup: string } & Record<string, number>;
  const file = directory.fileName(name);
  const removed = watch.removed.map((old) => directory.fileName(old));
  const kept = (await store.list()).filter(isBackupName).length;
  const document = {
    format: 'lastseat.backup-report.v1',
    system: system.name,
    database: redactUrl(args.url),
    postgres: session.version,
    dryRun: args.dryRun,
    directory: args.dir,
    file: args.dryRun ? null : file,
    bytes: watch.bytes,
    rows,
    kept,
    removed,
  };
  const again = `--system ${system.name} --url ${shellWord(redactUrl(args.url))} --dir ${shellWord(args.dir)}`;
  writeOutcome(args.json, document, [
    args.dryRun ? 'dry run    nothing was written; this is what would be' : `backup     ${join(args.dir, file)}`,
    `of         ${system.name}, ${redactUrl(args.url)} (PostgreSQL ${session.version})`,
    `rows       ${rowsText(rows)} (${counted(watch.bytes, 'byte')})`,
    `kept       ${counted(kept, 'backup')} of ${system.name}${removed.length === 0 ? '' : `; removed ${removed.join(', ')}`}`,
    args.dryRun ? `do it      npm run sim -- backup ${again}` : `look       npm run sim -- restore ${again} --dry-run`,
  ]);
  return EXIT.fine;
}
