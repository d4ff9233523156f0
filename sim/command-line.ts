import { existsSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import { CrewError, explainFailure, FUZZ_DEFAULTS, inspectProviders, ProviderError, REPORTERS, STRATEGIES } from '../src/index.js';
import { SYSTEM_NAMES } from './backup/systems.js';
import { backupCommand } from './commands/backup.js';
import { coverageCommand } from './commands/coverage.js';
import { describeProviders, doctor } from './commands/doctor.js';
import { explainCommand } from './commands/explain.js';
import { exploreCommand } from './commands/explore.js';
import { fuzzCommand } from './commands/fuzz.js';
import { list } from './commands/list.js';
import { replayCommand } from './commands/replay.js';
import { restoreCommand } from './commands/restore.js';
import { specCommand } from './commands/spec.js';
import { EXIT } from './exit-codes.js';
import type { ExploreArguments } from './explore-arguments.js';
import { EXIT_OF_FAILURE, failureText } from './failure.js';
import {
  BACKUP_HELP,
  COVERAGE_HELP,
  DOCTOR_HELP,
  EXPLAIN_HELP,
  EXPLORE_HELP,
  FUZZ_HELP,
  overview,
  REPLAY_HELP,
  RESTORE_HELP,
  SPEC_HELP,
} from './help.js';
import { nearest } from './nearest.js';
import { collect, databaseUrl, level, plans, provider, reporters, shard, whole } from './option-values.js';
import { MAJORS } from './postgres-versions.js';
import { allShipped } from './scenarios.js';
import { complain } from './screen.js';
import { UsageError } from './usage-error.js';
import { VERSION } from './version.js';

/** argv -> command -> exit code. */
export async function commandLine(argv: readonly string[]): Promise<number> {
  let code: number = EXIT.fine;
  const program = new Command('npm run sim --')
    .description('Finds the interleaving that sells your last seat twice, on a model of PostgreSQL and on a real one.')
    .version(VERSION, '-V, --version', 'the version')
    .helpOption('-h, --help', 'this help')
    .exitOverride()
    // A mistyped option may have a URL with a password behind it.
    .configureOutput({ outputError: (text) => complain(text.replace(/postgres(ql)?:\/\/[^\n]*/gi, 'postgres://...')) })
    .configureHelp({ helpWidth: 110 })
    .showHelpAfterError('(npm run sim -- --help shows all options)');

  const exploring = program
    .command('explore', { isDefault: true })
    .description('explore scenarios: every interleaving where that is possible (the default command)')
    .allowExcessArguments()
    .option('--seed <text>', 'the run is a function of it (default: a fresh one, printed first)')
    .addOption(
      new Option('--scenario <glob>', 'system/variant, repeatable: "events/*"; or a file of your own: ./mine.ts, ./mine.ts#name')
        .argParser(collect)
        .default([], 'all that are shipped'),
    )
    .addOption(engineOption('the model, a real PostgreSQL, or both in lockstep'))
    .addOption(postgresOption())
    .option('--actors <n>', 'fix the number of actors in every plan', whole(1, 1000))
    .option('--capacity <n>', 'fix the capacity in every plan', whole(0, 1_000_000))
    .option('--isolation <level>', 'fix the isolation level: "read committed", "repeatable read" or "serializable"', level)
    .addOption(
      new Option(
        '--strategy <name>',
        Object.values(STRATEGIES)
          .map(({ name, summary }) => `${name}: ${summary}`)
          .join('; '),
      )
        .choices(Object.keys(STRATEGIES))
        .default('auto'),
    )
    .option('--no-reduction', 'with dpor: run every order, also those that differ only in steps that commute')
    .option('--plans <n>', 'plans of each workload, the smallest first: a number, or all (default: 200, as far as 50,000 steps go)', plans)
    .option(
      '--runs <n>',
      'schedules of one plan at the most (default: 1,000 sampled, 2,000 with dpor, 5,000 to confirm)',
      whole(1, 10_000_000),
    )
    .option('--time <seconds>', 'stop after this long; what is found then depends on the machine', whole(1, 1_000_000))
    .option('--max-states <n>', 'states of one plan on the model before it is sampled instead (default: 200,000)', whole(1, 100_000_000))
    .option('--workers <n>', 'processes on this machine (default: its cores)', whole(1, 64))
    .addOption(new Option('--shard <i/n>', 'the i-th of n slices of the work, for CI').argParser(shard).default({ index: 1, of: 1 }, '1/1'))
    .option('--json <file>', 'the outcome as JSON; - is standard output, and nothing else is written there')
    .addOption(
      new Option(
        '--reporter <name[:file]>',
        `a view of the outcome, repeatable: ${Object.values(REPORTERS)
          .map(({ name, summary }) => `${name} (${summary})`)
          .join(', ')}; without a file on standard output`,
      )
        .argParser(reporters)
        .default([], 'text'),
    )
    .addOption(new Option('--report <dir>', 'where reports and schedules are written').default('.lastseat', '.lastseat'))
    .option('--save <dir>', 'pin counterexamples there, as fixtures')
    .option('--export-spec <file>', "write the counterexample for PostgreSQL's isolationtester")
    .option('--expect', 'judge scenarios that are named as the suite does: by what each variant expects')
    .addHelpText('after', EXPLORE_HELP)
    .action(async (options, command: Command) => {
      if (command.args[0] !== undefined) throw await strayWord(command.args[0]);
      code = await exploreCommand(exploreArguments(options));
    });
  program.helpInformation = () => overview(program, exploring);

  program
    .command('replay <token-or-file>')
    .description('run one recorded schedule again, to the letter, and say whether the same comes of it')
    .addOption(engineOption('the model, a real PostgreSQL, or one after the other'))
    .addOption(postgresOption())
    .option('--scenario <file>', 'the file of the scenario, where it is one of your own')
    .addOption(new Option('--times <n>', 'replay it so many times').argParser(whole(1, 1_000_000)).default(1))
    .option('--export-spec <file>', "write the run for PostgreSQL's isolationtester")
    .addHelpText('after', REPLAY_HELP)
    .showHelpAfterError('(npm run sim -- replay --help shows its options)')
    .action(async (source: string, options) => {
      code = await replayCommand({
        source,
        scenarioFile: options.scenario ?? null,
        engine: options.engine,
        postgres: options.postgres,
        times: options.times,
        exportSpec: options.exportSpec ?? null,
      });
    });

  program
    .command('spec <file>')
    .description("run a specification of PostgreSQL's isolationtester, and print what that prints")
    .addOption(engineOption('the model, a real PostgreSQL, or the server with the model held against it'))
    .addOption(postgresOption())
    .option('--isolation <level>', 'what a transaction has that names no level (default: "read committed")', level)
    .addHelpText('after', SPEC_HELP)
    .showHelpAfterError('(npm run sim -- spec --help shows its options)')
    .action(async (file: string, options) => {
      code = await specCommand({ file, engine: options.engine, postgres: options.postgres, isolation: options.isolation ?? null });
    });

  program
    .command('fuzz')
    .description('hold the model against a server in random programs: schemas, rows, and actors who want the same')
    .option('--seed <text>', 'the programs are a function of it (default: a fresh one, printed first)')
    .addOption(new Option('--runs <n>', 'so many programs').argParser(whole(1, 10_000_000)).default(200))
    .addOption(new Option('--schedules <n>', 'random schedules of each').argParser(whole(1, 10_000)).default(FUZZ_DEFAULTS.schedules))
    .addOption(postgresOption())
    .addOption(new Option('--major <n>', 'an embedded server of another major version, fetched with npm').choices(MAJORS.map(String)))
    .option('--workers <n>', 'processes on this machine (default: its cores)', whole(1, 64))
    .addOption(new Option('--report <dir>', 'where programs that diverge are written').default('.lastseat', '.lastseat'))
    .option('--json <file>', 'the figures as JSON; - is standard output, and nothing else is written there')
    .addHelpText('after', FUZZ_HELP)
    .showHelpAfterError('(npm run fuzz -- --help shows its options)')
    .action(async (options) => {
      code = await fuzzCommand({
        seed: options.seed ?? null,
        runs: options.runs,
        schedules: options.schedules,
        postgres: options.postgres,
        major: options.major === undefined ? null : Number(options.major),
        workers: options.workers ?? null,
        report: options.report,
        json: options.json ?? null,
      });
    });

  stored(program.command('backup').description('write what a booking system holds in a database of yours to a file'))
    .addOption(
      new Option('--keep <n>', 'so many backups of the system are kept, the new one included').argParser(whole(1, 100_000)).default(7),
    )
    .option('--dry-run', 'read and count, and write nothing')
    .option('--json <file>', 'the outcome as JSON; - is standard output, and nothing else is written there')
    .addHelpText('after', BACKUP_HELP)
    .showHelpAfterError('(npm run sim -- backup --help shows its options)')
    .action(async (options) => {
      const { system, url, dir, keep, dryRun = false, json = null } = options;
      code = await backupCommand({ system, url, dir, keep, dryRun, json });
    });

  stored(program.command('restore').description('put a booking system in a database of yours back to a backup'))
    .option('--file <name>', 'a backup in the directory (default: the newest of the system)')
    .option('--dry-run', 'show what would go, come back and change, and change nothing')
    .option('--yes', 'what the database holds now may be replaced')
    .option('--json <file>', 'the outcome as JSON; - is standard output, and nothing else is written there')
    .addHelpText('after', RESTORE_HELP)
    .showHelpAfterError('(npm run sim -- restore --help shows its options)')
    .action(async (options) => {
      const { system, url, dir, file = null, dryRun = false, yes = false, json = null } = options;
      code = await restoreCommand({ system, url, dir, file, dryRun, yes, json });
    });

  program
    .command('coverage <file>')
    .description('which statements of a scenario, or of SQL files, the model answers, and which it refuses and why')
    .option('--isolation <level>', 'what a transaction has that names no level (default: "read committed")', level)
    .option('--json <file>', 'as JSON; - is standard output, and nothing else is written there')
    .addHelpText('after', COVERAGE_HELP)
    .showHelpAfterError('(npm run sim -- coverage --help shows its options)')
    .action(async (file: string, options) => {
      code = await coverageCommand({ file, isolation: options.isolation ?? 'READ COMMITTED', json: options.json ?? null });
    });

  program
    .command('explain <word>')
    .description('what a word of the output means: a verdict, a line, a mark, a limit, an option, an exit code, an SQLSTATE')
    .addHelpText('after', EXPLAIN_HELP)
    .showHelpAfterError('(npm run sim -- explain --help shows its options)')
    .action(async (word: string) => {
      code = await explainCommand(word);
    });

  program
    .command('list')
    .description('systems, variants, and the verdict that is expected of each at which isolation level')
    .option('--json <file>', 'as JSON; - is standard output')
    .showHelpAfterError('(npm run sim -- list --help shows its options)')
    .action(async (options) => {
      code = await list(options.json ?? null);
    });

  program
    .command('doctor')
    .description('what is here: Node, providers of PostgreSQL, versions, and what each allows')
    .addOption(postgresOption())
    .addHelpText('after', DOCTOR_HELP)
    .showHelpAfterError('(npm run sim -- doctor --help shows its options)')
    .action(async (options) => {
      code = await doctor(options.postgres);
    });

  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    return await failed(error);
  }
  return code;
}

/** Which system, in which database, and where its backups are. */
function stored(command: Command): Command {
  return command
    .requiredOption('--system <name>', SYSTEM_NAMES.join(', '))
    .addOption(new Option('--url <url>', 'the database: postgres://user@host:5432/database').argParser(databaseUrl).makeOptionMandatory())
    .requiredOption('--dir <dir>', 'the directory of its backups');
}

function engineOption(description: string): Option {
  return new Option('--engine <which>', description).choices(['both', 'model', 'postgres']).default('both');
}

function postgresOption(): Option {
  return new Option(
    '--postgres <where>',
    'auto, embedded, testcontainers, or a URL; auto: what LASTSEAT_POSTGRES says, else embedded, else testcontainers',
  )
    .argParser(provider)
    .default('auto');
}

/** A word that no option takes: what was it meant to be? */
async function strayWord(word: string): Promise<UsageError> {
  const shown = word.length > 60 || word.includes('://') ? 'this word' : `"${word}"`;
  if (/^ls\d+\./.test(word)) return new UsageError('a replay token, and no command', 'Replay it: npm run sim -- replay TOKEN');
  if (word.endsWith('.json') && existsSync(word))
    return new UsageError(`${shown} is a file, and no command`, 'Is it a schedule? Then: npm run sim -- replay FILE');
  if (word.endsWith('.spec')) return new UsageError(`${shown} is a specification, and no command`, 'Run it: npm run sim -- spec FILE');
  if (/\.[cm]?[jt]s(#|$)/.test(word) || (await allShipped()).some((scenario) => scenario.name === word))
    return new UsageError(`${shown} is a scenario, and no command`, `Explore it: npm run sim -- --scenario ${word}`);
  const commands = ['explore', 'replay', 'spec', 'fuzz', 'backup', 'restore', 'coverage', 'explain', 'list', 'doctor'];
  const [meant] = nearest(word, commands);
  return new UsageError(
    `there is no command ${shown}`,
    `${meant === undefined ? `The commands are ${commands.join(', ')}` : `Did you mean ${meant}?`} (npm run sim -- --help). A value of several words needs quotes`,
  );
}

// biome-ignore lint/suspicious/noExplicitAny: commander's options are what the declarations above make of them.
function exploreArguments(options: any): ExploreArguments {
  return {
    seed: options.seed ?? null,
    scenarios: options.scenario,
    engine: options.engine,
    postgres: options.postgres,
    actors: options.actors ?? null,
    capacity: options.capacity ?? null,
    isolation: options.isolation ?? null,
    strategy: options.strategy,
    reduction: options.reduction,
    plans: options.plans ?? null,
    runs: options.runs ?? null,
    timeSeconds: options.time ?? null,
    maxStates: options.maxStates ?? null,
    workers: options.workers ?? null,
    shard: options.shard,
    json: options.json ?? null,
    reporters: options.reporter,
    report: options.report,
    save: options.save ?? null,
    exportSpec: options.exportSpec ?? null,
    expect: options.expect ?? false,
  };
}

async function failed(error: unknown): Promise<number> {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.fine : EXIT.usage;
  if (error instanceof UsageError) {
    complain(`error: ${error.message}\n${error.hint}\n`);
    return EXIT.usage;
  }
  if (error instanceof ProviderError) {
    complain(
      `error: ${error.message}\n${error.hint}\n\n${describeProviders(await inspectProviders())}\n\nWithout a server, the model alone: npm run sim -- --engine model\n`,
    );
    return EXIT.environment;
  }
  const report = error instanceof CrewError ? error.report : await explainFailure(error, 'the scenario', null);
  complain(failureText(report));
  return EXIT_OF_FAILURE[report.kind];
}
