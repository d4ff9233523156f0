import { CrewError, explainFailure, ProviderError, type Rejection } from '../../src/index.js';
import { EXIT } from '../exit-codes.js';
import { UsageError } from '../usage-error.js';
import { tell } from './tell.js';
import type { Watch } from './watch.js';

/** What was thrown while a backup or a restore was under way, as whoever started it should hear of it. `state`: how things are now. */
export async function explained(error: unknown, state: string): Promise<Error> {
  if (error instanceof UsageError) return new UsageError(error.message, sentences(error.hint, state));
  if (error instanceof CrewError) return error;
  if (error instanceof ProviderError) return unavailable(error.message, sentences(error.hint, state));
  const { code, message, syscall } = error as { code?: unknown; message?: unknown; syscall?: unknown };
  if (isLost(code, message)) return lostConnection(error as Error, state);
  if (typeof syscall === 'string')
    return new UsageError(String(message), `Is there room, and may this user write there? Another place: --dir DIR. ${state}`);
  // Behind those of the system, some of which have five letters too.
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return refused(code, String(message), state);
  if (error instanceof RangeError && /string length/.test(error.message))
    return new UsageError(`this is too much for a backup, which is one text: ${error.message}`, `Next: pg_dump. ${state}`);
  return new CrewError(await explainFailure(error, 'the system', null));
}

/** Where the operation itself has refused to go on. Answers with the exit code, or throws. */
export function rejected({ code, message }: Rejection, { interrupted, lastError }: Watch, state: string): number {
  if (interrupted || code !== 'RETRY_EXHAUSTED') throw lostConnection(lastError, state);
  tell(`error: ${message}: ${lastError?.message}\nNext: the same again, while fewer others write. ${state}`);
  return EXIT.inconclusive;
}

function lostConnection(error: Error | null, state: string): CrewError {
  const said = error === null || error.message === '' ? '' : `: ${error.message}`;
  return unavailable(
    `the connection to PostgreSQL was lost${said}`,
    `Usual cause: the server was stopped, or somebody ended this session. ${state}`,
  );
}

/** Nothing answers, or somebody is not let in: exit code 4, and no stack trace. */
function unavailable(message: string, hint: string): CrewError {
  return new CrewError({ kind: 'server', message, hint, trace: [] });
}

const sentences = (first: string, second: string): string => `${first}${/[.?!]$/.test(first) ? '' : '.'} ${second}`;

const isLost = (code: unknown, message: unknown): boolean =>
  (typeof code === 'string' && /^(57P0|08|ECONN|EPIPE)/.test(code)) || /^Connection terminated|not queryable/.test(String(message));

function refused(code: string, message: string, state: string): Error {
  const said = `PostgreSQL says: ${message} (SQLSTATE ${code})`;
  if (code === '42501')
    return unavailable(
      said,
      `The role needs SELECT, INSERT and DELETE on the tables, and UPDATE on the sequences; usually it is their owner's. ${state}`,
    );
  // Data and constraints (22, 23) or names (42): the database does not take these rows. The rest is the server's own trouble.
  return /^(22|23|42)/.test(code)
    ? new UsageError(said, `Usual cause: constraints, triggers or policies that the system's own schema does not have. ${state}`)
    : unavailable(said, `Next: mend that, then the same again. ${state}`);
}
