import { openUserSession, redactUrl, type UserSession } from '../../src/index.js';
import { EXIT } from '../exit-codes.js';
import { onInterrupt } from '../interruption.js';
import { UsageError } from '../usage-error.js';
import { differenceOfTables } from './check-tables.js';
import { explained } from './explain.js';
import type { StoredSystem } from './systems.js';
import { tell } from './tell.js';
import type { Watch } from './watch.js';

export interface DatabaseWork {
  readonly url: string;
  readonly system: StoredSystem;
  readonly watch: Watch;
  /** How things are after it has failed, or was interrupted. */
  readonly state: () => string;
  /** Answers with the exit code. */
  readonly run: (session: UserSession) => Promise<number>;
}

/**
 * One session in the database that a URL names, which must have the system's tables. Ctrl-C ends what the server does for us, so that no
 * transaction stays open; a COMMIT that is under way is waited for.
 */
export async function inDatabase({ url, system, watch, state, run }: DatabaseWork): Promise<number> {
  let session: UserSession | null = null;
  const ignoreInterrupts = onInterrupt(
    () => {
      watch.interrupt();
      if (session === null) endAtOnce(state);
      else if (watch.commit === 'unknown')
        tell('interrupted, while it is being committed: that is waited for (once more ends this program)');
      else {
        tell('interrupted: ending it (once more ends this program at once)');
        void session.abort();
      }
    },
    () => process.exit(EXIT.interrupted),
  );
  try {
    session = await openUserSession(url);
    tell(`connected  ${redactUrl(url)} (PostgreSQL ${session.version})`);
    const difference = await differenceOfTables(session.client, system.format);
    if (difference !== null)
      throw new UsageError(
        `${redactUrl(url)} is not a database of ${system.name}: ${difference}`,
        'Are --url and --system the ones that were meant? The schema is in docs/systems, and in sim/systems',
      );
    const code = await run(session);
    if (watch.interrupted) tell('interrupted too late: it was done already');
    return watch.interrupted ? EXIT.interrupted : code;
  } catch (error) {
    if (!watch.interrupted) throw await explained(error, state());
    tell(state());
    return EXIT.interrupted;
  } finally {
    ignoreInterrupts();
    await session?.close();
  }
}

/** Nothing is under way yet that would have to be ended. */
function endAtOnce(state: () => string): never {
  tell(`interrupted. ${state()}`);
  process.exit(EXIT.interrupted);
}
