import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import {
  closeSharedServers,
  decodeToken,
  type Plan,
  type Recording,
  type ReplayOutcome,
  type ReplayResult,
  readScheduleFile,
  replay,
  type Scenario,
  ScheduleFileError,
  storyLines,
  TokenError,
} from '../../src/index.js';
import { EXIT } from '../exit-codes.js';
import { exportSpecs } from '../export-spec.js';
import { onInterrupt } from '../interruption.js';
import { loadOne } from '../scenarios.js';
import { complain, show } from '../screen.js';
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

/** Runs one recorded schedule again, strictly, and says whether the same came of it. */
export async function replayCommand(args: ReplayArguments): Promise<number> {
  if (args.exportSpec !== null) requireWritable(dirname(args.exportSpec));
  const recording = readRecording(args.source);
  const scenario = await loadOne(recording.plan.scenario, args.scenarioFile);
  const { plan } = recording;
  show(
    `lastseat ${VERSION} · replay of ${plan.scenario} · ${plan.isolation} · capacity ${plan.capacity} · ${recording.schedule.length} steps\n`,
  );
  const outcome = await replayed(args, scenario, recording);
  const { gone } = outcome;
  if (gone !== null) {
    show(`\n x the plan: ${gone.actor} runs the operation "${gone.operation}", which ${scenario.name} does not have now\n`);
    return mismatch(args, plan);
  }
  if (args.exportSpec !== null) await exportTo(args.exportSpec, scenario, recording, outcome.engines);
  return report(args, scenario, outcome);
}

/** What was replayed, where it was what was recorded. */
async function exportTo(file: string, scenario: Scenario, { plan, violation }: Recording, results: readonly ReplayResult[]): Promise<void> {
  const history = results.find(({ replayed }) => replayed?.matches)?.replayed?.history ?? null;
  const lines = await exportSpecs(file, history === null ? [] : [{ scenario, plan, history, violation }]);
  show(`${lines.join('\n')}\n`);
}

async function replayed(args: ReplayArguments, scenario: Scenario, recording: Recording): Promise<ReplayOutcome> {
  const { engine, postgres, times } = args;
  const aborting = new AbortController();
  const ignoreInterrupts = onInterrupt(
    () => {
      complain('interrupted: closing the server\n');
      aborting.abort();
    },
    () => process.exit(EXIT.interrupted),
  );
  try {
    return await replay(recording, { scenario, engine, postgres, times, signal: aborting.signal });
  } catch (error) {
    if (!aborting.signal.aborted) throw error;
    await closeSharedServers();
    process.exit(EXIT.interrupted);
  } finally {
    ignoreInterrupts();
    await closeSharedServers();
  }
}

/** The story once, from the first engine that told it as it was recorded; then a line for each engine. */
function report(args: ReplayArguments, scenario: Scenario, { recording, result, engines }: ReplayOutcome): number {
  const { violation, plan } = recording;
  const told = engines.find(({ replayed }) => replayed?.matches);
  const history = told?.replayed?.history ?? null;
  if (violation !== null && told !== undefined && history !== null) {
    const rests = `${told.engine}, replayed ${told.matched}/${args.times}`;
    const options = { width: textWidth(process.stdout), color: useColor(process.stdout) };
    show(`\n${storyLines(scenario.name, { plan, history, ...violation }, rests, options).join('\n')}\n`);
  }
  show('\n');
  for (const engine of engines) show(`${resultLine(engine, recording)}\n`);
  switch (result) {
    case 'differs':
      return mismatch(args, plan);
    case 'unmodelled':
      complain('The model does not know this SQL, and nothing was replayed. Next: the same with --engine postgres\n');
      return EXIT.inconclusive;
    case 'held':
      return EXIT.fine;
    case 'violated':
      return EXIT.violation;
  }
}

function resultLine({ engine, replayed, matched, of, unmodelled }: ReplayResult, { violation }: Recording): string {
  if (replayed === null) return ` - ${engine}: not replayed, since it does not know ${unmodelled}`;
  const again = violation === null ? 'no violation, as recorded' : `${violation.invariant} of ${violation.resource} violated again`;
  const otherwise =
    violation === null ? 'a violation that was not recorded' : `the recorded violation of ${violation.invariant} did not come again`;
  const what = replayed.matches ? again : (replayed.difference?.message ?? otherwise);
  return `${replayed.matches ? 'ok' : ' x'} ${engine}: ${what} (${matched} of ${of} replays matched)`;
}

function mismatch({ scenarioFile }: ReplayArguments, plan: Plan): number {
  const scenario = scenarioFile ?? plan.scenario;
  complain(
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
