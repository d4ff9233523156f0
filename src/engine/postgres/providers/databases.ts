/** Databases of our own on a server. Their name and their comment say whose they are, so that a later run can sweep them. */
import { randomBytes } from 'node:crypto';
import { explainConnectError, sqlState, withSession } from './admin.js';
import { ownIdentity, type ProcessIdentity, parseIdentity } from './process-identity.js';
import { hostMark } from './process-mark.js';
import { type Connection, ProviderError, type ScratchDatabase } from './server.js';

const MARKER = 'lastseat.database.v1';

/** `lastseat_<host>_<pid>_<random>`: a database of a run that was killed before it could write the comment is known by its name. */
const NAME = /^lastseat_([0-9a-f]{8})_(\d+)_[0-9a-f]{8}$/;

export interface DatabaseMarker {
  readonly owner: ProcessIdentity;
  /** Seconds since 1970, by the server's clock: the clocks of two owners' hosts may differ. */
  readonly createdAt: number;
}

/**
 * `file_copy` takes 10 ms where nothing is synced, a third of `wal_log`; elsewhere its two checkpoints would be felt by everybody on the
 * server.
 */
export async function createDatabase(admin: Connection, strategy: 'file_copy' | 'wal_log'): Promise<ScratchDatabase> {
  const name = `lastseat_${hostMark()}_${process.pid}_${randomBytes(4).toString('hex')}`;
  try {
    await withSession(admin, async (client) => {
      const { rows } = await client.query('SELECT extract(epoch FROM now())::int8::text AS now');
      const marker: DatabaseMarker = { owner: ownIdentity(), createdAt: Number((rows[0] as { now: string }).now) };
      await client.query(`CREATE DATABASE ${name} TEMPLATE template0 STRATEGY ${strategy} ENCODING 'UTF8' LOCALE_PROVIDER libc LOCALE 'C'`);
      await client.query(`COMMENT ON DATABASE ${name} IS ${client.escapeLiteral(`${MARKER} ${JSON.stringify(marker)}`)}`);
    });
  } catch (error) {
    throw explainCreateError(error, admin);
  }
  let dropped: Promise<void> | null = null;
  return {
    connection: withDatabase(admin, name),
    drop: () => {
      dropped ??= withSession(admin, async (client) => void (await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)));
      return dropped;
    },
  };
}

/** Whose a database is by its comment: null where the comment is not one of ours. */
export function parseMarker(comment: string | null): DatabaseMarker | null {
  if (comment === null || !comment.startsWith(`${MARKER} `)) return null;
  try {
    const { owner, createdAt } = JSON.parse(comment.slice(MARKER.length + 1)) as Record<string, unknown>;
    const identity = parseIdentity(owner);
    return identity === null || typeof createdAt !== 'number' ? null : { owner: identity, createdAt };
  } catch {
    return null;
  }
}

/** The process that a name tells of, or null where we did not make the name; `here`: it was a process of this host. */
export function parseDatabaseName(name: string): { here: boolean; pid: number } | null {
  const [, host, pid] = NAME.exec(name) ?? [];
  return host === undefined ? null : { here: host === hostMark(), pid: Number(pid) };
}

function explainCreateError(error: unknown, admin: Connection): ProviderError {
  switch (sqlState(error)) {
    case '42501':
      return new ProviderError(
        `the role "${admin.user}" may not create databases`,
        `lastseat works in databases of its own only. Next, as a superuser: ALTER ROLE "${admin.user}" CREATEDB`,
      );
    case '53100':
      return new ProviderError('the server has no space left for a database', 'Free some: each of our databases takes about 8 MB');
  }
  return explainConnectError(error, admin);
}

/** Assigning instead of spreading keeps a connection that hides its password from being printed what it is. */
function withDatabase(admin: Connection, database: string): Connection {
  return Object.assign(Object.create(Object.getPrototypeOf(admin) as object) as object, admin, { database }) as Connection;
}
