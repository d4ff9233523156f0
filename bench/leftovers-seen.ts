/** Looks for what embedded servers of dead owners left: processes, directories, shared memory. Reads only; see kill-leftovers.ts. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const CLUSTER = /lastseat-(\d+)-[0-9a-f]{8}/;

/** One line for each thing that should not be there. */
export function leftoversSeen(): string[] {
  return [...directories(), ...processes(), ...segments(), ...dynamicSegments()];
}

/** Looks until nothing is left that was not there `before`, or until the deadline; returns what is left then. */
export async function leftoversAfter(limitMs: number, before: readonly string[]): Promise<string[]> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const seen = leftoversSeen().filter((line) => !before.includes(line));
    if (seen.length === 0 || performance.now() > deadline) return seen;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function directories(): string[] {
  return [...new Set(['/dev/shm', tmpdir(), '/tmp'])].flatMap((home) =>
    entriesOf(home)
      .filter((name) => name.startsWith('lastseat-') && isOwnerDead(name))
      .map((name) => `directory ${join(home, name)}`),
  );
}

/** Everything that runs in such a directory, the supervisor included. Only where there is a /proc. */
function processes(): string[] {
  return entriesOf('/proc').flatMap((pid) => {
    const directory = /^\d+$/.test(pid) ? workingDirectory(pid) : '';
    return isOwnerDead(directory) ? [`process ${pid} in ${directory}`] : [];
  });
}

/** PostgreSQL's interlock is a segment of 56 bytes; one whose maker is gone and that nobody holds is lost until the next boot. */
function segments(): string[] {
  const table = contentOf('/proc/sysvipc/shm').split('\n').slice(1);
  return table.flatMap((line) => {
    const [, id, , size, creator, , attached] = line.trim().split(/\s+/);
    return size === '56' && attached === '0' && !isAlive(Number(creator)) ? [`shared memory segment ${id}`] : [];
  });
}

/** Dynamic shared memory of any PostgreSQL that no process has mapped. */
function dynamicSegments(): string[] {
  const files = entriesOf('/dev/shm').filter((name) => name.startsWith('PostgreSQL.'));
  if (files.length === 0) return [];
  const maps = entriesOf('/proc').map((pid) => (/^\d+$/.test(pid) ? contentOf(`/proc/${pid}/maps`) : ''));
  return files
    .filter((name) => !maps.some((map) => map.includes(`/dev/shm/${name}`)))
    .map((name) => `dynamic shared memory /dev/shm/${name}`);
}

function isOwnerDead(text: string): boolean {
  const pid = CLUSTER.exec(text)?.[1];
  return pid !== undefined && !isAlive(Number(pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function workingDirectory(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
