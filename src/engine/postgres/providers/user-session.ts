/** A session in a database of the user's own, for commands that an operator runs. */
import type pg from 'pg';
import type { Client } from '../../../context.js';
import { explainConnectError, sqlState } from './admin.js';
import { type ClientOptions, connect, NO_TIMEOUTS } from './client.js';
import { parseConnectionUrl } from './connection-url.js';
import { type Connection, ProviderError } from './server.js';

const CONNECT_TIMEOUT_MS = 10_000;

/** A `pg`-shaped client with what an operator needs besides. */
export interface UserSession {
  readonly client: Client;
  /** As the server says it, without the packager's suffix: `18.4`. */
  readonly version: string;
  /** Ends what the server does for this session, a wait for a lock too, and rolls back what is open. Every later query fails. Throws nothing. */
  abort(): Promise<void>;
  close(): Promise<void>;
}

/** Connects to the very database that the URL names, and changes nothing there. Throws `ProviderError`. */
export async function openUserSession(url: string, environment: NodeJS.ProcessEnv = process.env): Promise<UserSession> {
  const connection = parseConnectionUrl(url, environment);
  const client = await open(connection);
  await noticeLostClients(client);
  const { rows } = await client.query<{ version: string }>("SELECT current_setting('server_version') AS version");
  return {
    client: client as unknown as Client,
    version: rows[0]!.version.split(' ')[0]!,
    abort: () => terminate(connection, client),
    close: () => client.end().catch(() => {}),
  };
}

async function open(connection: Connection): Promise<pg.Client> {
  try {
    return await connect(connection, OPTIONS);
  } catch (error) {
    if (sqlState(error) !== '3D000') throw explainConnectError(error, connection);
    throw new ProviderError(
      `there is no database "${connection.database}" at ${connection.host}:${connection.port}`,
      'The name stands behind the last / of the URL: is it spelled as on the server?',
    );
  }
}

/** With `row_security` off, a policy that would hide rows is an error instead: a backup without them would look whole. */
const OPTIONS: ClientOptions = {
  name: 'lastseat',
  settings: { ...NO_TIMEOUTS, default_transaction_read_only: 'off', row_security: 'off', TimeZone: 'UTC', DateStyle: 'ISO,MDY' },
  connectTimeoutMs: CONNECT_TIMEOUT_MS,
};

/**
 * A backend that waits for a lock does not see that its client was killed: it would stand in everybody's way, and go on when it has the lock. Not
 * every system can look for it, and one that cannot refuses the setting.
 */
async function noticeLostClients(client: pg.Client): Promise<void> {
  await client.query("SELECT set_config('client_connection_check_interval', '1s', false)").catch(() => {});
}

async function terminate(connection: Connection, client: pg.Client): Promise<void> {
  const { processID, connection: wire } = client as unknown as { processID: number; connection: { stream: { destroy(): void } } };
  try {
    const other = await connect(connection, OPTIONS);
    await other.query('SELECT pg_terminate_backend($1)', [processID]).finally(() => other.end());
  } catch {
    // Nobody answers, or no connection is left. The server rolls back when it sees that this one is gone.
    wire.stream.destroy();
  }
}
