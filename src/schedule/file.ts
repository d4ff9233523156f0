import type { History } from '../history/history.js';
import { showChoice } from './choice.js';
import { decodeToken, encodeToken, type Recording, TokenError } from './token.js';

/** A recording as a file: what a reader wants to see, and the token, which alone is what a replay follows. */
interface ScheduleDocument {
  readonly format: 'lastseat.schedule.v1';
  readonly version: string;
  readonly token: string;
  readonly plan: Recording['plan'];
  readonly schedule: readonly string[];
  readonly violation: Recording['violation'];
  readonly history: History;
}

/** A file that is no schedule, or a damaged one. */
export class ScheduleFileError extends Error {
  override readonly name = 'ScheduleFileError';
}

/** A recording with its history as the JSON text of a file, which `readScheduleFile` reads. */
export function scheduleFile(recording: Recording, history: History, version: string): string {
  const names = recording.plan.actors.map((actor) => actor.name);
  const document: ScheduleDocument = {
    format: 'lastseat.schedule.v1',
    version,
    token: encodeToken(recording),
    plan: recording.plan,
    schedule: recording.schedule.map((choice) => showChoice(choice, names)),
    violation: recording.violation,
    history,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** The recording of a file; what it shows besides must agree with its token. */
export function readScheduleFile(text: string): Recording {
  let document: Partial<ScheduleDocument>;
  try {
    document = JSON.parse(text) as Partial<ScheduleDocument>;
  } catch (error) {
    throw new ScheduleFileError(`this is no JSON: ${(error as Error).message}`);
  }
  if (typeof document !== 'object' || document === null || document.format !== 'lastseat.schedule.v1')
    throw new ScheduleFileError(
      `this is no schedule: its "format" is ${JSON.stringify(document?.format ?? null)}, not "lastseat.schedule.v1"`,
    );
  if (typeof document.token !== 'string') throw new ScheduleFileError('this schedule has no "token"');
  let recording: Recording;
  try {
    recording = decodeToken(document.token);
  } catch (error) {
    if (error instanceof TokenError) throw new ScheduleFileError(error.message);
    throw error;
  }
  const names = recording.plan.actors.map((actor) => actor.name);
  const shown = JSON.stringify([document.plan, document.schedule]);
  if (shown !== JSON.stringify([recording.plan, recording.schedule.map((choice) => showChoice(choice, names))]))
    throw new ScheduleFileError(
      'the plan or the schedule in this file was edited: it does not agree with the token, which is what a replay follows',
    );
  return recording;
}
