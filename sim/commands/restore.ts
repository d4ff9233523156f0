import { dirname, join } from 'node:path';
import { isRejection, redactUrl, type UserSession } from '../../src/index.js';
import { type ChosenBackup, chooseBackup } from '../backup/choose.js';
import { compareContents, type TableChange } from '../backup/compare.js';
import { realContext } from '../backup/context.js';
import { inDatabase } from '../backup/database.js';
import { DirectoryStore } from '../backup/directory-store.js';
import { rejected } from '../backup/explain.js';
import { goneLines, writeOutcome } from '../backup/outcome.js';
import { type StoredSystem, storedSystem } from '../backup/systems.js';
import { tell } from '../backup/tell.js';
import { type Commit, grouped, Watch } from '../backup/watch.js';
import { EXIT } from '../exit-codes.js';
import { shellWord } from '../shell-word.js';
import { countsOf } from '../systems/shared/backup/document.js';
import { readContents } from '../systems/shared/backup/read-contents.js';
import type { Dropped } from '../systems/shared/backup/replace-contents.js';
import { inTransaction } from '../systems/shared/transaction.js';
import { UsageError } from '../usage-error.js';
import { requireWritable } from '../write-file.js';

export interface RestoreArguments {
  readonly system: string;
  readonly url: string;
  readonly dir: string;
  /** Null: the newest. */
  readonly file: string | null;
  readonly dryRun: boolean;
  /** What the database holds now may be replaced. */
  readonly yes: boolean;
  readonly json: string | null;
}

/** Puts a system back to a backup, or shows what that would do. The file is verified before anything is asked of the database. */
export async function restoreCommand(args: RestoreArguments): Promise<number> {
  const system = await storedSystem(args.system);
  if (!args.dryRun && !args.yes)
    throw new UsageError(
      'a restore replaces what the database holds now, and --yes is not given',
      'Look first what it would do, which changes nothing: the same with --dry-run. Then: the same with --yes',
    );
  if (args.json !== null && args.json !== '-') requireWritable(dirname(args.json));
  const chosen = await chooseBackup(args.dir, system, args.file);
  tell(`verified   ${join(args.dir, chosen.file)}`);
  const watch = new Watch(tell);
  return inDatabase({
    url: args.url,
    system,
    watch,
    state: () => (args.dryRun ? NOTHING_CHANGED : stateAfter(watch)),
    run: (session) => (args.dryRun ? preview : restore)({ args, system, chosen, session, watch }),
  });
}

/** A restore, or a look at one. */
interface Task {
  readonly args: RestoreArguments;
  readonly system: StoredSystem;
  readonly chosen: ChosenBackup;
  readonly session: UserSession;
  readonly watch: Watch;
}

/** Reads in one snapshot, and takes no lock that anybody would wait for. */
async function preview(task: Task): Promise<number> {
  const { args, system, chosen, session, watch } = task;
  const client = watch.client(session.client);
  const now = await inTransaction(client, () => readContents(client, system.format), 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const after = system.asRestored?.(chosen.document, new Date()) ?? chosen.document;
  const tables = compareContents(system.format, now, after);
  const gone = goneIds(tables);
  const same = Object.values(tables).every((change) => change.gone + change.back + change.changed === 0);
  writeOutcome(args.json, { ...head(task), tables, dropped: gone, droppedBookings: gone.bookings!.length }, [
    'dry run    nothing was changed; this is what a restore would do',
    ...headLines(task),
    ...tableLines(tables),
    ...goneLines(gone),
    same ? 'same       the database holds what the backup holds' : `do it      ${again(task, '--yes')}`,
  ]);
  return EXIT.fine;
}

async function restore(task: Task): Promise<number> {
  const { args, system, chosen, session, watch } = task;
  const store = new DirectoryStore(args.dir, system.name);
  const open = async () => ({ name: chosen.file, document: chosen.document });
  const result = await system.restore({}, open)(realContext(watch.client(session.client), store), {});
  if (isRejection(result)) return rejected(result, watch, stateAfter(watch));
  const { bookingCount, ...dropped } = (result as { dropped: Dropped }).dropped as Dropped & Record<string, readonly number[]>;
  const after = countsOf(chosen.document);
  const tables = Object.fromEntries(
    system.format.tables.map(({ name }) => [name, { before: watch.deleted[name]!, after: after[name]! }] as const),
  );
  writeOutcome(args.json, { ...head(task), tables, dropped, droppedBookings: bookingCount }, [
    'restored   and committed',
    ...headLines(task),
    ...Object.entries(tables).map(([table, rows]) => `rows       ${table}: ${grouped(rows.before)} before, ${grouped(rows.after)} now`),
    ...goneLines(dropped),
    `check      ${again(task, '--dry-run')}`,
  ]);
  return EXIT.fine;
}

const NOTHING_CHANGED = 'Nothing was changed';

const STATES: Readonly<Record<Commit, string>> = {
  none: NOTHING_CHANGED,
  unknown: 'Whether it was committed is not known: the whole of it was, or nothing. Look: the same with --dry-run',
  done: 'The restore is committed',
};

const stateAfter = ({ commit }: Watch): string => STATES[commit];

/** What both outcomes begin with. */
function head({ args, system, chosen, session }: Task): object {
  return {
    format: 'lastseat.restore-report.v1',
    system: system.name,
    database: redactUrl(args.url),
    postgres: session.version,
    dryRun: args.dryRun,
    directory: args.dir,
    file: chosen.file,
    createdAt: chosen.document.createdAt,
  };
}

function headLines({ args, system, chosen, session }: Task): string[] {
  return [
    `backup     ${join(args.dir, chosen.file)}, made ${chosen.document.createdAt}`,
    `of         ${system.name}, ${redactUrl(args.url)} (PostgreSQL ${session.version})`,
  ];
}

/** The command for this very backup. */
function again({ args, system, chosen }: Task, option: string): string {
  const [url, directory, file] = [redactUrl(args.url), args.dir, chosen.file].map(shellWord);
  return `npm run sim -- restore --system ${system.name} --url ${url} --dir ${directory} --file ${file} ${option}`;
}

function goneIds(tables: Readonly<Record<string, TableChange>>): Record<string, readonly number[]> {
  return Object.fromEntries(Object.entries(tables).flatMap(([table, { goneIds: ids }]) => (ids === null ? [] : [[table, ids] as const])));
}

const COLUMNS = ['now', 'after', 'gone', 'back', 'changed'] as const;

function tableLines(tables: Readonly<Record<string, TableChange>>): string[] {
  const width = Math.max(...Object.keys(tables).map((table) => table.length));
  const row = (table: string, cells: readonly string[]) =>
    `           ${table.padEnd(width)} ${cells.map((cell) => cell.padStart(9)).join('')}`;
  return [
    row('', COLUMNS).replace(/^ {4}/, 'rows'),
    ...Object.entries(tables).map(([table, change]) =>
      row(
        table,
        COLUMNS.map((column) => grouped(change[column])),
      ),
    ),
  ];
}
