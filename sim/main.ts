import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { type IsolationLevel, inspectProviders, ProviderError } from '../src/index.js';
import { describeProviders, doctor } from './commands/doctor.js';
import { type ExploreArguments, explore } from './commands/explore.js';
import { list } from './commands/list.js';
import { replayCommand } from './commands/replay.js';
import { EXIT } from './exit-codes.js';
import { UsageError } from './usage-error.js';
import { VERSION } from './version.js';

/** argv -> command -> exit code. */
async function main(argv: readonly string[]): Promise<number> {
  let code: number = EXIT.fine;
  const program = new Command('lastseat')
    .description('Finds the interleaving that sells your last seat twice, on a model of PostgreSQL and on a real one.')
    .version(VERSION, '-V, --version')
    .exitOverride()
    .configureHelp({ helpWidth: 100 })
    .showHelpAfterError('(npm run sim -- --help shows all options)');

  program
    .command('explore', { isDefault: true })
    .description('explore scenarios: every interleaving where that is possible (the default command)')
    .option('--seed <text>', 'the run is a function of it (default: a fresh one, printed first)')
    .option(
      '--scenario <glob>',
      'system/variant, repeatable: "events/*"; or a file of your own: ./mine.ts, ./mine.ts#name (default: all)',
      collect,
      [],
    )
    .addOption(engineOption())
    .addOption(postgresOption())
    .option('--actors <n>', 'fix the number of actors in every plan', whole(1, 1000))
    .option('--capacity <n>', 'fix the capacity in every plan', whole(0, 1_000_000))
    .option('--isolation <level>', 'fix the isolation level: "read committed", "repeatable read", "serializable"', level)
    .addOption(
      new Option('--strategy <name>', 'auto: exhaustive while the state graph fits, then a portfolio')
        .choices(['auto', 'exhaustive', 'uniform', 'pct', 'bounded'])
        .default('auto'),
    )
    .option(
      '--runs <n>',
      'schedules of one plan that are run at the most (default: 1,000 sampled on the model, 5,000 on PostgreSQL)',
      whole(1, 10_000_000),
    )
    .option('--time <seconds>', 'stop after this long; what is found then depends on the machine', whole(1, 1_000_000))
    .option('--max-states <n>', 'states of one plan on the model before it is sampled instead (default: 200,000)', whole(1, 100_000_000))
    .option('--workers <n>', 'processes on this machine (default: its cores)', whole(1, 64))
    .option('--shard <i/n>', 'the i-th of n slices of the work, for CI', shard, { index: 1, of: 1 })
    .option('--json <file>', 'the outcome as JSON; - is standard output, and nothing else is written there')
    .option('--report <dir>', 'where reports and schedules are written', '.lastseat')
    .option('--save <dir>', 'pin counterexamples there, as fixtures')
    .option('--expect', 'judge scenarios that are named as the suite does: by what each variant expects', false)
    .addHelpText('after', EXPLORE_HELP)
    .action(async (options) => {
      code = await explore(exploreArguments(options));
    });

  program
    .command('replay <token-or-file>')
    .description('run one recorded schedule again, to the letter: exit 1 if the violation comes again, 3 if the run is another')
    .addOption(engineOption())
    .addOption(postgresOption())
    .option('--scenario <file>', 'the file of the scenario, where it is one of your own')
    .option('--times <n>', 'replay it so many times', whole(1, 1_000_000), 1)
    .action(async (source: string, options) => {
      code = await replayCommand({
        source,
        scenarioFile: options.scenario ?? null,
        engine: options.engine,
        postgres: options.postgres,
        times: options.times,
      });
    });

  program
    .command('list')
    .description('systems, variants, and the verdict that is expected of each')
    .option('--json <file>', 'as JSON; - is standard output')
    .action((options) => {
      code = list(options.json ?? null);
    });

  program
    .command('doctor')
    .description('what is here: Node, providers of PostgreSQL, versions, and what each allows')
    .addOption(postgresOption())
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

const EXPLORE_HELP = `
Examples:
  npm run sim -- --seed 42                                   the whole suite, on the model and on PostgreSQL
  npm run sim -- --scenario events/check-then-insert         one variant, with its counterexample
  npm run sim -- --scenario ./mine.ts --actors 3             your own code; see docs/your-own-code.md
  npm run sim -- --engine model --strategy pct --actors 20   sampled, without a server

Exit codes: 0 as expected · 1 a violation, or another verdict than expected · 2 bad usage · 3 model and server differ, or a race
            4 no PostgreSQL · 5 inconclusive, vacuous or unmodelled · 70 a defect of lastseat · 130 interrupted`;

function engineOption(): Option {
  return new Option('--engine <which>', 'the model, a real PostgreSQL, or both in lockstep')
    .choices(['both', 'model', 'postgres'])
    .default('both');
}

function postgresOption(): Option {
  return new Option(
    '--postgres <where>',
    'auto, embedded, testcontainers, or a URL; auto: LASTSEAT_POSTGRES, else embedded, else testcontainers',
  ).default('auto');
}

const collect = (value: string, all: string[]) => [...all, value];

function whole(min: number, max: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max)
      throw new InvalidArgumentError(`A whole number from ${min} to ${max} is wanted.`);
    return value;
  };
}

function level(text: string): IsolationLevel {
  const name = text
    .toUpperCase()
    .replace(/[-_\s]+/g, ' ')
    .trim();
  if (name !== 'READ COMMITTED' && name !== 'REPEATABLE READ' && name !== 'SERIALIZABLE')
    throw new InvalidArgumentError('One of "read committed", "repeatable read", "serializable" is wanted.');
  return name;
}

function shard(text: string): { index: number; of: number } {
  const match = /^(\d+)\/(\d+)$/.exec(text);
  const [index, of] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || index < 1 || of < 1 || index > of)
    throw new InvalidArgumentError('Two numbers are wanted, such as 1/4: the first of four slices.');
  return { index, of };
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
    runs: options.runs ?? null,
    timeSeconds: options.time ?? null,
    maxStates: options.maxStates ?? null,
    workers: options.workers ?? null,
    shard: options.shard,
    json: options.json ?? null,
    report: options.report,
    save: options.save ?? null,
    expect: options.expect,
  };
}

async function failed(error: unknown): Promise<number> {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.fine : EXIT.usage;
  if (error instanceof UsageError) {
    process.stderr.write(`error: ${error.message}\n${error.hint}\n`);
    return EXIT.usage;
  }
  if (error instanceof ProviderError) {
    process.stderr.write(
      `error: ${error.message}\n${error.hint}\n\n${describeProviders(await inspectProviders())}\n\nWithout a server, the model alone: npm run sim -- --engine model\n`,
    );
    return EXIT.environment;
  }
  process.stderr.write(`error: this is a defect of lastseat, not of yours\n${(error as Error).stack ?? String(error)}\n`);
  return EXIT.internal;
}

process.exitCode = await main(process.argv.slice(2));
