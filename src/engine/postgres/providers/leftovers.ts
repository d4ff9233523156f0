/**
 * What earlier runs left behind although nothing should: a machine that lost power, a supervisor that was killed too, a container or a
 * database whose owner was. Every run removes such things when it opens a server, ours only, and only where the owner is dead.
 */
import { lstatSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ageMs } from '../waiting.js';
import { withSession } from './admin.js';
import { CLUSTER_NAME, clusterHomes } from './cluster-home.js';
import { parseDatabaseName, parseMarker } from './databases.js';
import { NATIVES_PREFIX, nativesHomes } from './natives.js';
import { identifyProcess, livenessOf, type ProcessIdentity, parseIdentity } from './process-identity.js';
import type { User } from './run-as.js';
import type { Connection } from './server.js';
import { removeAbandoned } from './supervisor.js';

/** Owners on other hosts cannot be seen: their databases are left alone for this long. */
const FOREIGN_DATABASE_LIFE_SECONDS = 24 * 3600;

/** Directories are made and marked within milliseconds: an unmarked empty one this old is nobody's. */
const UNMARKED_LIFE_MS = 60_000;

/** Dropping takes some 10 ms. It waits for whoever connects in that moment, and for ever where a backend of the server is frozen. */
const DROP_TIMEOUT_MS = 1_000;

/** Removes directories of clusters whose owner is dead, with the processes that may still run in them. Never throws. */
export async function sweepDirectories(user: User | null, homes: readonly string[] = clusterHomes()): Promise<void> {
  const uid = user?.uid ?? process.getuid?.();
  await Promise.all(
    homes.flatMap((home) =>
      namesIn(home)
        .filter((name) => CLUSTER_NAME.test(name))
        .map((name) => join(home, name))
        .filter((directory) => isDirectoryOf(directory, uid))
        .map((directory) => sweepCluster(directory, user)),
    ),
  );
  for (const home of nativesHomes()) {
    for (const name of namesIn(home).filter((entry) => entry.startsWith(`${NATIVES_PREFIX}partial-`))) {
      const directory = join(home, name);
      if (isDirectoryOf(directory, process.getuid?.()) && isDead(directory)) removeQuietly(directory);
    }
  }
}

function removeQuietly(directory: string): void {
  try {
    rmSync(directory, { recursive: true, force: true });
  } catch {}
}

async function sweepCluster(directory: string, user: User | null): Promise<void> {
  if (isDead(directory)) {
    await removeAbandoned(directory, user);
    return;
  }
  try {
    // Fails where it is not empty.
    if (ageMs(lstatSync(directory).mtimeMs) > UNMARKED_LIFE_MS) rmdirSync(directory);
  } catch {}
}

function isDead(directory: string): boolean {
  try {
    const owner = parseIdentity(JSON.parse(readFileSync(join(directory, 'owner.json'), 'utf8')));
    return owner !== null && livenessOf(owner) === 'dead';
  } catch {
    return false;
  }
}

function isDirectoryOf(path: string, uid: number | undefined): boolean {
  try {
    const status = lstatSync(path);
    return status.isDirectory() && status.uid === uid;
  } catch {
    return false;
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Drops databases of ours whose owner is dead, never one that is in use. Never throws: what cannot be swept is left. */
export async function sweepDatabases(admin: Connection): Promise<void> {
  try {
    await withSession(admin, async (client) => {
      const { rows } = await client.query<{ name: string; comment: string | null; now: string }>(`
        SELECT datname AS name, shobj_description(oid, 'pg_database') AS comment, extract(epoch FROM now())::int8::text AS now
        FROM pg_database
        WHERE datname LIKE 'lastseat\\_%' AND datdba = (SELECT oid FROM pg_roles WHERE rolname = current_user)
          AND oid NOT IN (SELECT datid FROM pg_stat_activity WHERE datid IS NOT NULL)`);
      await client.query(`SET statement_timeout = ${DROP_TIMEOUT_MS}`);
      for (const { name, comment, now } of rows) {
        if (!isLeftover(name, comment, Number(now))) continue;
        await client.query(`DROP DATABASE ${client.escapeIdentifier(name)}`).catch(() => {});
      }
    });
  } catch {}
}

/** Without a comment of ours the name must be one that we made, on this host since it booted, and its process must be gone. */
export function isLeftover(name: string, comment: string | null, nowSeconds: number): boolean {
  const named = parseDatabaseName(name);
  if (named === null) return false;
  if (comment === null) return named.here && identifyProcess(named.pid) === null;
  const marker = parseMarker(comment);
  return marker !== null && isAbandoned(marker.owner, nowSeconds - marker.createdAt);
}

/** Whether something that a process owns is a leftover. */
function isAbandoned(owner: ProcessIdentity, ageSeconds: number): boolean {
  const liveness = livenessOf(owner);
  return liveness === 'dead' || (liveness === 'elsewhere' && ageSeconds > FOREIGN_DATABASE_LIFE_SECONDS);
}
