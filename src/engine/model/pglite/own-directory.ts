import { lstatSync, mkdirSync, readFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The directory of ours alone in which things are kept between processes, one for each version of PGlite. */
export function ownDirectory(): string {
  const { uid } = userInfo();
  const directory = join(tmpdir(), `lastseat-pglite-${pgliteVersion()}-${uid}`);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const found = lstatSync(directory);
  // On systems that have users, somebody else's directory is not to be trusted.
  if (!found.isDirectory() || (uid >= 0 && found.uid !== uid)) throw new Error(`${directory} is not ours`);
  return directory;
}

let version: string | null = null;

export function pgliteVersion(): string {
  if (version === null) {
    const entry = fileURLToPath(import.meta.resolve('@electric-sql/pglite'));
    const description = readFileSync(join(entry, '..', '..', 'package.json'), 'utf8');
    version = (JSON.parse(description) as { version: string }).version;
  }
  return version;
}
