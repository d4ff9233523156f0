import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ownDirectory, pgliteVersion } from './own-directory.js';

/** JSON documents of one kind that are kept between processes. Nothing depends on them: one that cannot be read or written is made anew. */
export class KeptFiles {
  readonly #kind: string;
  readonly #format: string;

  /** `format` says what the documents hold: those of another format are not read. */
  constructor(kind: string, format: string) {
    this.#kind = kind;
    this.#format = format;
  }

  /** What was kept under a key; null where there is nothing, or nothing that can be read. */
  read(key: string): unknown {
    try {
      const path = join(this.#directory(), this.#fileName(key));
      if (statSync(path).size > MOST_BYTES) return null;
      const { key: found, value } = JSON.parse(readFileSync(path, 'utf8')) as { key?: unknown; value?: unknown };
      return found === key ? (value ?? null) : null;
    } catch {
      return null;
    }
  }

  /** Whoever reads sees the whole document or none. */
  write(key: string, value: unknown): void {
    try {
      const text = JSON.stringify({ key, value });
      if (text.length > MOST_BYTES) return;
      const directory = this.#directory();
      const name = this.#fileName(key);
      const unfinished = join(directory, `${name}.${process.pid}.part`);
      writeFileSync(unfinished, text, { mode: 0o600 });
      renameSync(unfinished, join(directory, name));
      forgetOldest(directory);
    } catch {
      // The next process tries again.
    }
  }

  #directory(): string {
    const directory = join(ownDirectory(), this.#kind);
    mkdirSync(directory, { mode: 0o700, recursive: true });
    return directory;
  }

  #fileName(key: string): string {
    return `${createHash('sha256').update([pgliteVersion(), this.#format, key].join('\0')).digest('hex')}.json`;
  }
}

const MOST_BYTES = 4_000_000;
const MOST_FILES = 500;

function forgetOldest(directory: string): void {
  const names = readdirSync(directory);
  if (names.length <= MOST_FILES) return;
  const aged = names.map((name) => ({ name, at: statSync(join(directory, name)).mtimeMs })).sort((left, right) => left.at - right.at);
  for (const { name } of aged.slice(0, names.length - MOST_FILES / 2)) rmSync(join(directory, name), { force: true });
}
