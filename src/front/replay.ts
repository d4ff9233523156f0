import { CrewError, explainFailure } from '../crew/failure.js';
import { UnmodelledError } from '../engine/contract.js';
import { ModelEngine } from '../engine/model/engine.js';
import { PostgresEngine } from '../engine/postgres/engine.js';
import type { ProviderChoice } from '../engine/postgres/providers/server.js';
import { turnWith } from '../engine/postgres/providers/shared.js';
import { type Replayed, replayOn } from '../replay.js';
import type { Scenario } from '../scenario.js';
import { readScheduleFile } from '../schedule/file.js';
import { decodeToken, type Recording } from '../schedule/token.js';
import { abortable } from './aborting.js';

/** What `replay` is told. */
export interface ReplayOptions {
  /** The scenario as it is now; a recording has only its name. */
  readonly scenario: Scenario;
  /** The model, a real PostgreSQL, or one after the other. Default `both`. */
  readonly engine?: 'both' | 'model' | 'postgres';
  /** As for `explore`. */
  readonly postgres?: ProviderChoice;
  /** How often. Default 1. */
  readonly times?: number;
  /** Ends the replay: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What the replays on one engine came to. */
export interface ReplayResult {
  /** `the model`, or `PostgreSQL 18.4 (embedded)`. */
  readonly engine: string;
  /** The first replay that did not match, or else the first; null where the model does not know the SQL. */
  readonly replayed: Replayed | null;
  readonly matched: number;
  readonly of: number;
  /** The SQL that the model does not know, if there is any. */
  readonly unmodelled: string | null;
}

/** What came of a recording. */
export interface ReplayOutcome {
  readonly recording: Recording;
  /**
   * `violated`: the recorded violation came again. `held`: a recorded run without one came again. `differs`: the run is not what was recorded, on one engine at
   * least. `unmodelled`: nothing was replayed, since the model does not know this SQL.
   */
  readonly result: 'violated' | 'held' | 'differs' | 'unmodelled';
  /** An actor whose operation the scenario does not have: nothing was replayed then, and the run differs. */
  readonly gone: { readonly actor: string; readonly operation: string } | null;
  readonly engines: readonly ReplayResult[];
}

/**
 * Runs a recording again, to the letter, and says whether the same came of it. A text is a token, or a schedule as it is written to a file.
 *
 * Rejects with `TokenError` or `ScheduleFileError` where it is none of these, and with `ProviderError` where no PostgreSQL can be had.
 */
export async function replay(recorded: Recording | string, options: ReplayOptions): Promise<ReplayOutcome> {
  options.signal?.throwIfAborted();
  const recording = typeof recorded === 'string' ? recordingIn(recorded) : recorded;
  const { scenario } = options;
  const gone = recording.plan.actors.find(({ operation }) => !Object.hasOwn(scenario.operations, operation));
  if (gone !== undefined) return { recording, result: 'differs', gone: { actor: gone.name, operation: gone.operation }, engines: [] };
  const engines = await enginesOf(recording, options);
  return { recording, result: resultOf(recording, engines), gone: null, engines };
}

/** A token in one word, or the contents of a schedule's file. */
export const recordingIn = (text: string): Recording => (text.trimStart().startsWith('{') ? readScheduleFile(text) : decodeToken(text));

async function enginesOf(recording: Recording, options: ReplayOptions): Promise<ReplayResult[]> {
  const { engine = 'both', postgres = 'auto', times = 1, scenario } = options;
  // The model is one of the server's major version, which is known when that one has been asked.
  const onServer = engine === 'model' ? null : await replayOnServer(recording, options, postgres);
  const results = onServer === null ? [] : [onServer.result];
  if (engine === 'postgres') return results;
  const model = new ModelEngine({ major: onServer?.major ?? null });
  return [await often('the model', times, () => replayOn(scenario, recording, model)), ...results];
}

async function replayOnServer(
  recording: Recording,
  { scenario, times = 1, signal }: ReplayOptions,
  choice: ProviderChoice,
): Promise<{ readonly result: ReplayResult; readonly major: number }> {
  const turn = await turnWith(choice);
  const { server } = turn;
  const engine = new PostgresEngine(server);
  let lost = false;
  const work = async () => {
    const name = `PostgreSQL ${server.version} (${server.kind})`;
    return { result: await often(name, times, () => replayOn(scenario, recording, engine)), major: server.major };
  };
  const explained = () =>
    work().catch(async (error: unknown) => {
      engine.release();
      const failure = await explainFailure(error, scenario.name, server);
      lost = failure.kind === 'server';
      throw new CrewError(failure);
    });
  return abortable(signal, explained, async () => {
    engine.release();
    await engine.close().catch(() => undefined);
    turn.end(lost);
  });
}

async function often(engine: string, times: number, attempt: () => Promise<Replayed>): Promise<ReplayResult> {
  let matched = 0;
  let shown: Replayed | null = null;
  for (let time = 0; time < times; time += 1) {
    try {
      const replayed = await attempt();
      if (replayed.matches) matched += 1;
      if (shown === null || (shown.matches && !replayed.matches)) shown = replayed;
    } catch (error) {
      if (error instanceof UnmodelledError) return { engine, replayed: null, matched, of: times, unmodelled: error.message };
      throw error;
    }
  }
  return { engine, replayed: shown, matched, of: times, unmodelled: null };
}

function resultOf({ violation }: Recording, engines: readonly ReplayResult[]): ReplayOutcome['result'] {
  if (engines.some(({ replayed, matched, of }) => replayed !== null && matched < of)) return 'differs';
  if (engines.every(({ replayed }) => replayed === null)) return 'unmodelled';
  return violation === null ? 'held' : 'violated';
}
