/** How we connect: what a session is like depends on us alone, not on variables of the environment. */
import { Client } from 'pg';
import type { Connection } from './server.js';

/** Given at the start: comes before what a role, a database or the server's file sets, and RESET leads back to it. */
export type Settings = Readonly<Record<string, string>>;

/** No timer ends what we do but our own. */
export const NO_TIMEOUTS: Settings = { statement_timeout: '0', lock_timeout: '0', idle_in_transaction_session_timeout: '0' };

export interface ClientOptions {
  readonly name: string;
  readonly settings: Settings;
  readonly connectTimeoutMs?: number;
}

/** A client that is connected. A connection that is lost later shows in the next query, and does not end the process. */
export async function connect(connection: Connection, options: ClientOptions): Promise<Client> {
  const client = withoutVariables(() => newClient(connection, options));
  client.on('error', () => {});
  try {
    await client.connect();
    // Only version 17 and newer know it, so that it cannot be among the settings.
    await client.query(
      "SELECT pg_catalog.set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout' AND setting <> '0'",
    );
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
  return client;
}

function newClient(connection: Connection, { name, settings, connectTimeoutMs = 0 }: ClientOptions): Client {
  return new Client({
    ...connection,
    keepAlive: false,
    application_name: name,
    connectionTimeoutMillis: connectTimeoutMs,
    options: Object.entries(settings)
      .map(([setting, value]) => `-c ${setting}=${value.replace(/[\\ ]/g, '\\$&')}`)
      .join(' '),
  });
}

/** `pg` takes what it is not told from PGOPTIONS, PGPASSWORD, PGBINARY and the like, while a client is made. What is wanted of them is in the URL by then. */
function withoutVariables<T>(make: () => T): T {
  const hidden = Object.entries(process.env).filter(([name]) => name.startsWith('PG'));
  for (const [name] of hidden) delete process.env[name];
  try {
    return make();
  } finally {
    for (const [name, value] of hidden) process.env[name] = value;
  }
}
