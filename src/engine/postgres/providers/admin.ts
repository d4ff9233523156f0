/** Short sessions of our own: to ask what a server is, and to create and drop databases. None stays open, each would cost a backend. */
import type { Client } from 'pg';
import { connect, NO_TIMEOUTS } from './client.js';
import { type Connection, ProviderError } from './server.js';

const CONNECT_TIMEOUT_MS = 10_000;

/** The oldest version that the harness was measured on. */
const OLDEST_MAJOR = 15;

export interface ServerFacts {
  readonly version: string;
  readonly major: number;
  readonly role: string;
  readonly isSuperuser: boolean;
  readonly canCreateDatabases: boolean;
  readonly canSetDeadlockTimeout: boolean;
  readonly isInRecovery: boolean;
}

/** Runs `work` in a session that is closed afterwards. Errors are the driver's. */
export async function withSession<T>(connection: Connection, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect(connection, {
    name: 'lastseat',
    settings: { ...NO_TIMEOUTS, default_transaction_read_only: 'off' },
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
  });
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

export async function readFacts(connection: Connection): Promise<ServerFacts> {
  return withSession(connection, async (client) => {
    const { rows } = await client.query(`
      SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int / 10000 AS major,
             current_user AS role, rolsuper AS "isSuperuser", rolsuper OR rolcreatedb AS "canCreateDatabases",
             pg_is_in_recovery() AS "isInRecovery"
      FROM pg_roles WHERE rolname = current_user`);
    const facts = rows[0] as Omit<ServerFacts, 'canSetDeadlockTimeout'>;
    return { ...facts, version: facts.version.split(' ')[0] ?? facts.version, canSetDeadlockTimeout: await canSetDeadlockTimeout(client) };
  });
}

/** Since version 15 the right to set it can be granted, so that asking for superusers is not enough. */
async function canSetDeadlockTimeout(client: Client): Promise<boolean> {
  try {
    await client.query("SET deadlock_timeout = '1s'");
    return true;
  } catch (error) {
    if (sqlState(error) === '42501') return false;
    throw error;
  }
}

/** Throws `ProviderError` where the harness could not work on this server. */
export function requireUsable(facts: ServerFacts): void {
  if (facts.major < OLDEST_MAJOR) {
    throw new ProviderError(
      `PostgreSQL ${facts.version} is too old`,
      `lastseat works with ${OLDEST_MAJOR} and newer; without --postgres it brings its own`,
    );
  }
  if (facts.isInRecovery) {
    throw new ProviderError('the server is a read-only replica', 'Databases can be created on a primary only: use its address');
  }
  if (!facts.canCreateDatabases) {
    throw new ProviderError(
      `the role "${facts.role}" may not create databases`,
      `lastseat works in databases of its own only. Next, as a superuser: ALTER ROLE "${facts.role}" CREATEDB`,
    );
  }
}

/** What an error of the driver means, without the address's secrets: only host, port, user and database are ever named. */
export function explainConnectError(error: unknown, connection: Connection): ProviderError {
  const where = connection.host.startsWith('/')
    ? `${connection.host}/.s.PGSQL.${connection.port}`
    : `${connection.host}:${connection.port}`;
  switch (sqlState(error)) {
    case 'ECONNREFUSED':
    case 'ENOENT':
      return new ProviderError(`nothing answers at ${where}`, 'Is the server running, and are host and port right?');
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new ProviderError(`there is no host "${connection.host}"`, 'Check the name in the URL, or use the address');
    case 'EACCES':
      return new ProviderError(
        `the socket ${where} may not be used by this user`,
        'Connect over TCP, or as a user who can enter that directory',
      );
    case '28P01':
    case '28000':
      return new ProviderError(
        `the server at ${where} refused the user "${connection.user}"${messageOf(error)}`,
        'Usually the password is wrong or missing (special characters must be percent-encoded), or pg_hba.conf has no line for this user',
      );
    case '3D000':
      return new ProviderError(
        `there is no database "${connection.database}" at ${where}`,
        'Name one that exists, for instance postgres: it is only connected to, everything happens in databases of our own',
      );
    case '53300':
      return new ProviderError(`the server at ${where} has no connection left`, 'Raise max_connections, or use fewer workers: --workers 1');
    case '57P03':
      return new ProviderError(`the server at ${where} is starting up or shutting down`, 'Try again in a moment');
  }
  if (/password must be a string/.test(String(error))) {
    return new ProviderError(`the server at ${where} wants a password and the URL has none`, 'Put it into the URL, or set PGPASSWORD');
  }
  if (/SSL|TLS|certificate/i.test(String(error))) {
    return new ProviderError(
      `no encrypted connection to ${where}${messageOf(error)}`,
      'Check sslmode in the URL: disable, require, verify-ca or verify-full',
    );
  }
  return new ProviderError(`no connection to ${where}${messageOf(error)}`, 'Check the URL and that the server can be reached from here');
}

export function sqlState(error: unknown): string | undefined {
  const first = error instanceof AggregateError ? (error.errors[0] as unknown) : error;
  return (first as { code?: string } | null)?.code;
}

function messageOf(error: unknown): string {
  return error instanceof Error && error.message !== '' ? `: ${error.message}` : '';
}
