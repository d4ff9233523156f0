import { existsSync, readFileSync } from 'node:fs';
import {
  decodeToken,
  ModelEngine,
  openServer,
  PostgresEngine,
  type Recording,
  type Replayed,
  readScheduleFile,
  replayOn,
  type Scenario,
  ScheduleFileError,
  storyLines,
  TokenError,
} from '../../src/index.js';
import { EXIT } from '../exit-codes.js';
import { loadOne } from '../scenarios.js';
import { UsageError } from '../usage-error.js';
import { VERSION } from '../version.js';

export interface ReplayArguments {
  /** A token, or a file. */
  readonly source: string;
  readonly scenarioFile: string | null;
  readonly engine: 'both' | 'model' | 'postgres';
  readonly postgres: string;
  readonly times: number;
}

/** Runs one recorded schedule again, strictly, and says whether the same came of it. */
export async function replayCommand(args: ReplayArguments): Promise<number> {
  const recording = readRecording(args.source);
  const scenario = await loadOne(recording.plan.scenario, args.scenarioFile);
  const { plan } = recording;
  process.stdout.write(
    `lastseat ${VERSION} · replay of ${plan.scenario} · ${plan.isolation} · capacity ${plan.capacity} · ${recording.schedule.length} steps\n`,
  );
  const results: { engine: string; replayed: Replayed; matched: number }[] = [];
  if (args.engine !== 'postgres')
    results.push({ engine: 'the model', ...(await repeat(args.times, () => replayOn(scenario, recording, new ModelEngine()))) });
  if (args.engine !== 'model') {
    const server = await openServer(args.postgres);
    const engine = new PostgresEngine(server);
    const stop = () => {
      engine.release();
      void server.close().then(() => process.exit(EXIT.interrupted));
    };
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
    try {
      results.push({
        engine: `PostgreSQL ${server.version} (${server.kind})`,
        ...(await repeat(args.times, () => replayOn(scenario, recording, engine))),
      });
    } finally {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
      engine.release();
      await server.close();
    }
  }
  return report(scenario, recording, results, args.times);
}

async function repeat(times: number, attempt: () => Promise<Replayed>): Promise<{ replayed: Replayed; matched: number }> {
  let matched = 0;
  let shown: Replayed | null = null;
  for (let time = 0; time < times; time += 1) {
    const replayed = await attempt();
    if (replayed.matches) matched += 1;
    if (shown === null || (shown.matches && !replayed.matches)) shown = replayed;
  }
  return { replayed: shown!, matched };
}

function report(
  scenario: Scenario,
  recording: Recording,
  results: readonly { engine: string; replayed: Replayed; matched: number }[],
  times: number,
): number {
  const { violation, plan } = recording;
  const shown = results.find(({ replayed }) => replayed.history !== null && replayed.violated) ?? results[0]!;
  if (violation !== null && shown.replayed.history !== null && shown.replayed.violated) {
    const { history } = shown.replayed;
    const rests = `${shown.engine}, replayed ${shown.matched}/${times}`;
    const story = storyLines(scenario.name, { plan, history, ...violation }, rests, { width: 120, color: false });
    process.stdout.write(`\n${story.join('\n')}\n\n`);
  }
  for (const { engine, replayed, matched } of results) {
    const what = violation === null ? 'no violation, as recorded' : `${violation.invariant} of ${violation.resource} violated again`;
    const said = replayed.matches
      ? what
      : (replayed.difference?.message ??
        (violation === null ? 'a violation that was not recorded' : `the recorded violation of ${violation.invariant} did not come again`));
    process.stdout.write(`${replayed.matches ? 'ok' : ' x'} ${engine}: ${said} (${matched} of ${times} replays matched)\n`);
  }
  if (results.every(({ matched }) => matched === times)) return violation === null ? EXIT.fine : EXIT.violation;
  process.stderr.write(
    'The run is not what was recorded. Usual cause: the operations, the schema or the first rows have changed since.\nExplore again to see whether the violation is gone: npm run sim -- --scenario ' +
      `${plan.scenario} --isolation "${plan.isolation}"\n`,
  );
  return EXIT.mismatch;
}

function readRecording(source: string): Recording {
  const looksLikeFile = existsSync(source) || /[./\\]json$|\//.test(source);
  try {
    if (!looksLikeFile) return decodeToken(source);
    if (!existsSync(source))
      throw new UsageError(
        `there is no file ${source}`,
        'Schedules are written to .lastseat/ by a run that finds something, and pinned with --save DIR',
      );
    return readScheduleFile(readFileSync(source, 'utf8'));
  } catch (error) {
    if (error instanceof TokenError)
      throw new UsageError(error.message, 'Copy the whole token from the report, in one piece, or replay the file beside it');
    if (error instanceof ScheduleFileError)
      throw new UsageError(`${source}: ${error.message}`, 'Take the file from version control again, or explore again');
    throw error;
  }
}
