import { lstat, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';

/**
 * An empty data directory, as PGlite's initdb has made it, kept between processes in a directory that is ours alone: with it PGlite starts in a
 * third of the time and in half the memory. Nothing depends on it; where it cannot be read or written, initdb runs again.
 */
export async function keptDirectory(): Promise<Blob | null> {
  try {
    const directory = await ownDirectory();
    const packed = await readFile(join(directory, FILE));
    return new Blob([new Uint8Array(gunzipSync(packed))]);
  } catch {
    return null;
  }
}

export async function keepDirectory(dump: () => Promise<Blob>): Promise<void> {
  try {
    const directory = await ownDirectory();
    const packed = gzipSync(new Uint8Array(await (await dump()).arrayBuffer()));
    const unfinished = join(directory, `${process.pid}.part`);
    await writeFile(unfinished, packed, { mode: 0o600 });
    await rename(unfinished, join(directory, FILE));
  } catch {
    // The next process tries again.
  }
}

const FILE = 'data.tar.gz';

async function ownDirectory(): Promise<string> {
  const { uid } = userInfo();
  const directory = join(tmpdir(), `lastseat-pglite-${await version()}-${uid}`);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const found = await lstat(directory);
  // On systems that have users, somebody else's directory is not to be trusted.
  if (!found.isDirectory() || (uid >= 0 && found.uid !== uid)) throw new Error(`${directory} is not ours`);
  return directory;
}

async function version(): Promise<string> {
  const entry = fileURLToPath(import.meta.resolve('@electric-sql/pglite'));
  const description = await readFile(join(entry, '..', '..', 'package.json'), 'utf8');
  return (JSON.parse(description) as { version: string }).version;
}
