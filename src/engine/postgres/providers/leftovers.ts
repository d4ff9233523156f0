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
import { identifyProcess, livenessOf, ownIdentity, parseIdentity } from './process-identity.js';
import type { User } from './run-as.js';
import type { Connection } from './server.js';
import { removeAbandoned } from './supervisor.js';

/** Owners on other hosts cannot be seen: their databases are left alone for this long. */
const FOREIGN_DATABASE_LIFE_SECONDS = 24 * 3600;

/** No machine boots and works again within so short a time; a database this young, of what looks like an earlier boot, is another host's. */
const REBOOT_SECONDS = 60;

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

/**
 * Drops databases of ours whose owner is dead. Where that is certain, sessions of the dead may still be in it: a backend that waits for a
 * lock does not see that its client is gone. Never one in which there is anybody else. Never throws: what cannot be swept is left.
 */
export async function sweepDatabases(admin: Connection): Promise<void> {
  try {
    await withSession(admin, async (client) => {
      const { rows } = await client.query<Found>(`
        SELECT datname AS name, shobj_description(oid, 'pg_database') AS comment, extract(epoch FROM now())::int8::text AS now,
               (SELECT count(*)::int FROM pg_stat_activity WHERE datid = d.oid) AS sessions,
               (SELECT count(*)::int FROM pg_stat_activity WHERE datid = d.oid AND usename = current_user AND application_name LIKE 'lastseat%') AS ours
        FROM pg_database AS d
        WHERE datname LIKE 'lastseat\\_%' AND datdba = (SELECT oid FROM pg_roles WHERE rolname = current_user)`);
      await client.query(`SET statement_timeout = ${DROP_TIMEOUT_MS}`);
      for (const { name, comment, now, sessions, ours } of rows) {
        const leftover = judgeDatabase(name, comment, Number(now));
        if (leftover === null || sessions > (leftover === 'certain' ? ours : 0)) continue;
        await client.query(`DROP DATABASE ${client.escapeIdentifier(name)}${sessions > 0 ? ' WITH (FORCE)' : ''}`).catch(() => {});
      }
    });
  } catch {}
}

interface Found {
  readonly name: string;
  readonly comment: string | null;
  readonly now: string;
  readonly sessions: number;
  readonly ours: number;
}

/**
 * Whether a database is a leftover. `certain`: its process was one of this host since it booted, and is gone; without a comment of ours the
 * name, too, must be one that we made here. `likely`: its host has booted since, or is another one and a day has passed; another host of the
 * same name looks as if this one had booted.
 */
export function judgeDatabase(name: string, comment: string | null, nowSeconds: number): 'certain' | 'likely' | null {
  const named = parseDatabaseName(name);
  if (named === null) return null;
  if (comment === null) return named.here && identifyProcess(named.pid) === null ? 'certain' : null;
  const marker = parseMarker(comment);
  if (marker === null) return null;
  const liveness = livenessOf(marker.owner);
  if (liveness === 'dead' && marker.owner.boot === ownIdentity().boot) return 'certain';
  const ageSeconds = nowSeconds - marker.createdAt;
  return ageSeconds > (liveness === 'elsewhere' ? FOREIGN_DATABASE_LIFE_SECONDS : REBOOT_SECONDS) && liveness !== 'alive' ? 'likely' : null;
}
