import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  decodeToken,
  ModelEngine,
  openServer,
  type Plan,
  PostgresEngine,
  type Recording,
  type Replayed,
  readScheduleFile,
  replayOn,
  type Scenario,
  ScheduleFileError,
  storyLines,
  TokenError,
  UnmodelledError,
} from '../../src/index.js';
import { EXIT } from '../exit-codes.js';
import { exportSpecs } from '../export-spec.js';
import { explainFailure, Failure } from '../failure.js';
import { onInterrupt } from '../interruption.js';
import { loadOne } from '../scenarios.js';
import { shellWord } from '../shell-word.js';
import { textWidth, useColor } from '../terminal.js';
import { UsageError } from '../usage-error.js';
import { VERSION } from '../version.js';
import { requireWritable } from '../write-file.js';

export interface ReplayArguments {
  /** A token, or a file. */
  readonly source: string;
  readonly scenarioFile: string | null;
  readonly engine: 'both' | 'model' | 'postgres';
  readonly postgres: string;
  readonly times: number;
  readonly exportSpec: string | null;
}

/** What the replays on one engine came to. */
interface Result {
  readonly engine: string;
  /** The first replay that did not match, or else the first; null where the model does not know the SQL. */
  readonly replayed: Replayed | null;
  readonly matched: number;
  readonly unmodelled: string | null;
}

/** Runs one recorded schedule again, strictly, and says whether the same came of it. */
export async function replayCommand(args: ReplayArguments): Promise<number> {
  if (args.exportSpec !== null) requireWritable(dirname(args.exportSpec));
  const recording = readRecording(args.source);
  const scenario = await loadOne(recording.plan.scenario, args.scenarioFile);
  const { plan } = recording;
  process.stdout.write(
    `lastseat ${VERSION} · replay of ${plan.scenario} · ${plan.isolation} · capacity ${plan.capacity} · ${recording.schedule.length} steps\n`,
  );
  const gone = plan.actors.find((actor) => scenario.operations[actor.operation] === undefined);
  if (gone !== undefined) {
    process.stdout.write(`\n x the plan: ${gone.name} runs the operation "${gone.operation}", which ${scenario.name} does not have now\n`);
    return mismatch(args, plan);
  }
  const results = await new Replays(args, scenario, recording).run();
  if (args.exportSpec !== null) await exportTo(args.exportSpec, scenario, recording, results);
  return report(args, scenario, recording, results);
}

/** What was replayed, where it was what was recorded. */
async function exportTo(file: string, scenario: Scenario, { plan, violation }: Recording, results: readonly Result[]): Promise<void> {
  const history = results.find(({ replayed }) => replayed?.matches)?.replayed?.history ?? null;
  const lines = await exportSpecs(file, history === null ? [] : [{ scenario, plan, history, violation }]);
  process.stdout.write(`${lines.join('\n')}\n`);
}

class Replays {
  readonly #args: ReplayArguments;
  readonly #scenario: Scenario;
  readonly #recording: Recording;

  constructor(args: ReplayArguments, scenario: Scenario, recording: Recording) {
    this.#args = args;
    this.#scenario = scenario;
    this.#recording = recording;
  }

  async run(): Promise<Result[]> {
    // The model is one of the server's major version, which is known when that one has been asked.
    const onServer = this.#args.engine === 'model' ? null : await this.#onServer();
    const results = onServer === null ? [] : [onServer.result];
    if (this.#args.engine === 'postgres') return results;
    const engine = new ModelEngine({ major: onServer?.major ?? null });
    return [await this.#often('the model', () => replayOn(this.#scenario, this.#recording, engine)), ...results];
  }

  async #onServer(): Promise<{ readonly result: Result; readonly major: number }> {
    const server = await openServer(this.#args.postgres);
    const engine = new PostgresEngine(server);
    const close = () => {
      engine.release();
      return server.close();
    };
    let interrupted = false;
    const ignoreInterrupts = onInterrupt(
      () => {
        interrupted = true;
        process.stderr.write('interrupted: closing the server\n');
        void close().finally(() => process.exit(EXIT.interrupted));
      },
      () => process.exit(EXIT.interrupted),
    );
    try {
      const name = `PostgreSQL ${server.version} (${server.kind})`;
      return { result: await this.#often(name, () => replayOn(this.#scenario, this.#recording, engine)), major: server.major };
    } catch (error) {
      engine.release();
      throw new Failure(await explainFailure(error, this.#scenario.name, server));
    } finally {
      // The process ends as soon as the server is closed; what comes of the replay meanwhile is of no interest.
      if (interrupted) await new Promise<never>(() => undefined);
      ignoreInterrupts();
      await close();
    }
  }

  async #often(engine: string, attempt: () => Promise<Replayed>): Promise<Result> {
    let matched = 0;
    let shown: Replayed | null = null;
    for (let time = 0; time < this.#args.times; time += 1) {
      try {
        const replayed = await attempt();
        if (replayed.matches) matched += 1;
        if (shown === null || (shown.matches && !replayed.matches)) shown = replayed;
      } catch (error) {
        if (error instanceof UnmodelledError) return { engine, replayed: null, matched, unmodelled: error.message };
        throw error;
      }
    }
    return { engine, replayed: shown, matched, unmodelled: null };
  }
}

/** The story once, from the first engine that told it as it was recorded; then a line for each engine. */
function report(args: ReplayArguments, scenario: Scenario, recording: Recording, results: readonly Result[]): number {
  const { violation, plan } = recording;
  const told = results.find(({ replayed }) => replayed?.matches);
  const history = told?.replayed?.history ?? null;
  if (violation !== null && told !== undefined && history !== null) {
    const rests = `${told.engine}, replayed ${told.matched}/${args.times}`;
    const options = { width: textWidth(process.stdout), color: useColor(process.stdout) };
    process.stdout.write(`\n${storyLines(scenario.name, { plan, history, ...violation }, rests, options).join('\n')}\n`);
  }
  process.stdout.write('\n');
  for (const result of results) process.stdout.write(`${resultLine(result, recording, args.times)}\n`);
  if (results.some(({ replayed, matched }) => replayed !== null && matched < args.times)) return mismatch(args, plan);
  if (results.every(({ replayed }) => replayed === null)) {
    process.stderr.write('The model does not know this SQL, and nothing was replayed. Next: the same with --engine postgres\n');
    return EXIT.inconclusive;
  }
  return violation === null ? EXIT.fine : EXIT.violation;
}

function resultLine({ engine, replayed, matched, unmodelled }: Result, { violation }: Recording, times: number): string {
  if (replayed === null) return ` - ${engine}: not replayed, since it does not know ${unmodelled}`;
  const again = violation === null ? 'no violation, as recorded' : `${violation.invariant} of ${violation.resource} violated again`;
  const otherwise =
    violation === null ? 'a violation that was not recorded' : `the recorded violation of ${violation.invariant} did not come again`;
  const what = replayed.matches ? again : (replayed.difference?.message ?? otherwise);
  return `${replayed.matches ? 'ok' : ' x'} ${engine}: ${what} (${matched} of ${times} replays matched)`;
}

function mismatch({ scenarioFile }: ReplayArguments, plan: Plan): number {
  const scenario = scenarioFile ?? plan.scenario;
  process.stderr.write(
    `The run is not what was recorded. Usual cause: the operations, the schema or the first rows have changed since.\nExplore again to see whether the violation is gone: npm run sim -- --scenario ${shellWord(scenario)} --isolation "${plan.isolation.toLowerCase()}"\n`,
  );
  return EXIT.mismatch;
}

function readRecording(source: string): Recording {
  const looksLikeFile = existsSync(source) || /[./\\]json$|[/\\]/.test(source);
  try {
    return looksLikeFile ? readScheduleFile(readSource(source)) : decodeToken(source);
  } catch (error) {
    if (error instanceof TokenError)
      throw new UsageError(error.message, 'Copy the whole token from the report, in one piece, or replay the file beside it');
    if (error instanceof ScheduleFileError)
      throw new UsageError(`${source}: ${error.message}`, 'Take the file from version control again, or explore again');
    throw error;
  }
}

function readSource(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new UsageError(
      missing ? `there is no file ${path}` : `${path} cannot be read: ${(error as Error).message}`,
      'Schedules are written to .lastseat/ by a run that finds something, and pinned with --save DIR',
    );
  }
}
