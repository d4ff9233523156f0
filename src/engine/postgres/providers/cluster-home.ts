/** Where clusters live: in shared memory if there is room, since commits are ten times cheaper there than on a disk. */
import { randomBytes } from 'node:crypto';
import { statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canUseDirectory, type User } from './run-as.js';
import { ProviderError } from './server.js';

/** A cluster takes 31 MB, and 8 more for each database; the rest is for what runs write. */
const ROOM_BYTES = 150 * 1024 * 1024;

/** macOS ends the path of a socket at 103 bytes, Linux at 107. */
const SOCKET_PATH_LIMIT = 103;

/** `lastseat-<owner's pid>-<random>`: enough for a person to see whose it is; `owner.json` inside says it exactly. */
export const CLUSTER_NAME = /^lastseat-(\d+)-[0-9a-f]{8}$/;

/** Every directory that clusters may have been put in, best first. */
export function clusterHomes(): string[] {
  return [...new Set(['/dev/shm', tmpdir(), '/tmp'])];
}

export function newClusterDirectory(user: User | null): string {
  const name = `lastseat-${process.pid}-${randomBytes(4).toString('hex')}`;
  const homes = clusterHomes().filter((home) => canUseDirectory(home, user, 'write') && isShort(join(home, name)));
  const home = homes.find(hasRoom);
  if (home !== undefined) return join(home, name);
  throw new ProviderError(
    `no directory for a PostgreSQL cluster: looked in ${clusterHomes().join(', ')}`,
    `It takes ${ROOM_BYTES / 1024 / 1024} MB that ${user === null ? 'you' : `the user "${user.name}"`} can write: free some (df -h), or set TMPDIR to another directory`,
  );
}

function isShort(directory: string): boolean {
  return Buffer.byteLength(join(directory, '.s.PGSQL.5432')) <= SOCKET_PATH_LIMIT;
}

function hasRoom(directory: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize >= ROOM_BYTES;
  } catch {
    return false;
  }
}
