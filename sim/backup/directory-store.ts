import { mkdirSync, readdirSync } from 'node:fs';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { livenessOfMark, ownMark, type Store } from '../../src/index.js';

/** A file that nobody has finished by now, of a process that we cannot see. */
const UNSEEN_LIFE_MS = 24 * 3600 * 1000;

const TEMPORARY = '.tmp';

/**
 * A directory in which files of one system live, each with the system's name before its own, so that no system takes another's for its own.
 *
 * `write` returns when the file is on the disk; what is written under a name that ends with `.tmp` has the writing process in its name there.
 * `rename` returns when the directory is on the disk, too: whoever is killed, or loses power, has the old file or the new.
 */
export class DirectoryStore implements Store {
  readonly directory: string;
  readonly #prefix: string;
  readonly #mark = ownMark();

  constructor(directory: string, system: string) {
    this.directory = directory;
    this.#prefix = `${system}-`;
  }

  /** What a file is called in the directory. */
  fileName(name: string): string {
    const own = name.endsWith(TEMPORARY) ? `${name.slice(0, -TEMPORARY.length)}.${this.#mark}${TEMPORARY}` : name;
    return `${this.#prefix}${own}`;
  }

  async read(name: string): Promise<string | null> {
    return orMissing(readFile(this.#path(name), 'utf8'));
  }

  async write(name: string, content: string): Promise<void> {
    mkdirSync(this.directory, { recursive: true });
    // Names and dates of guests are in it: for the owner's eyes only.
    const file = await open(this.#path(name), 'w', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  async rename(from: string, to: string): Promise<void> {
    await rename(this.#path(from), this.#path(to));
    const directory = await open(this.directory, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }

  async remove(name: string): Promise<void> {
    await rm(this.#path(name), { force: true });
  }

  async list(): Promise<string[]> {
    return this.#names()
      .map((name) => name.slice(this.#prefix.length))
      .sort();
  }

  /** Removes what processes that were killed while they wrote have left. */
  async sweep(): Promise<string[]> {
    const swept: string[] = [];
    for (const name of this.#names()) {
      const mark = name.endsWith(TEMPORARY) ? name.slice(0, -TEMPORARY.length).split('.').at(-1)! : '';
      const liveness = livenessOfMark(mark);
      if (liveness === null || liveness === 'alive') continue;
      const path = join(this.directory, name);
      const found = liveness === 'elsewhere' ? await orMissing(stat(path)) : null;
      if (found !== null && Date.now() - found.mtimeMs < UNSEEN_LIFE_MS) continue;
      await rm(path, { force: true });
      swept.push(name);
    }
    return swept;
  }

  #path(name: string): string {
    return join(this.directory, this.fileName(name));
  }

  #names(): string[] {
    try {
      return readdirSync(this.directory).filter((name) => name.startsWith(this.#prefix));
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }
}

async function orMissing<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';
