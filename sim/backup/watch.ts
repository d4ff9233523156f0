import type { Client, QueryResult, Store } from '../../src/index.js';

/** Thrown into an operation that was interrupted. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}

/** What became of the transaction that changes the database. `unknown`: COMMIT was sent, and no answer came. */
export type Commit = 'none' | 'unknown' | 'done';

/** Errors of a server that goes down, or of a connection: whether a COMMIT took effect, they do not tell. `pg` has no code for some. */
const isLost = (code: unknown): boolean => typeof code !== 'string' || /^(57P0|08|E[A-Z]+$)/.test(code);

/**
 * Stands between an operation and its client and store. It says what is being done, remembers what was done, and lets nothing begin
 * any more after an interruption but a ROLLBACK.
 */
export class Watch {
  readonly #say: (line: string) => void;
  #interrupted = false;
  #commit: Commit = 'none';
  #deleted: Record<string, number> = {};
  #lastError: Error | null = null;
  readonly #removed: string[] = [];
  #written: string | null = null;
  #bytes = 0;

  /** `say` gets a line for each thing that was done. */
  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  get interrupted(): boolean {
    return this.#interrupted;
  }

  get commit(): Commit {
    return this.#commit;
  }

  /** Rows that the last transaction deleted, by table. */
  get deleted(): Readonly<Record<string, number>> {
    return this.#deleted;
  }

  /** What the server, or the connection to it, said last. */
  get lastError(): Error | null {
    return this.#lastError;
  }

  /** Files that were removed from the store, temporary ones aside. */
  get removed(): readonly string[] {
    return this.#removed;
  }

  /** The file that is there under its final name; null until then. */
  get written(): string | null {
    return this.#written;
  }

  /** Size of the file that was written last. */
  get bytes(): number {
    return this.#bytes;
  }

  interrupt(): void {
    this.#interrupted = true;
  }

  client(inner: Client): Client {
    const query = async (text: string, values?: readonly unknown[]): Promise<QueryResult> => {
      if (text !== 'ROLLBACK') this.#goOn();
      this.#begins(text);
      try {
        const result = await inner.query(text, values);
        this.#ends(text, result);
        return result;
      } catch (error) {
        this.#fails(text, error as Error);
        throw error;
      }
    };
    return { query: query as Client['query'] };
  }

  /** `shown`: what a file is called where it lies; null where nothing is to be said, since nothing is written. */
  store(inner: Store, shown: ((name: string) => string) | null): Store {
    const say = (verb: string, name: string, how?: string) => shown !== null && this.#say(line(verb, shown(name), how));
    return {
      read: (name) => inner.read(name),
      list: () => inner.list(),
      write: async (name, content) => {
        this.#goOn();
        this.#bytes = Buffer.byteLength(content);
        await inner.write(name, content);
      },
      rename: async (from, to) => {
        this.#goOn();
        await inner.rename(from, to);
        this.#written = to;
        say('written', to, counted(this.#bytes, 'byte'));
      },
      remove: async (name) => {
        await inner.remove(name);
        if (name.endsWith('.tmp')) return;
        this.#removed.push(name);
        say('removed', name);
      },
    };
  }

  #goOn(): void {
    if (this.#interrupted) throw new InterruptedError('interrupted');
  }

  #begins(text: string): void {
    const [, tables] = /^LOCK TABLE (.+) IN /.exec(text) ?? [];
    if (tables !== undefined) this.#say(line('locking', tables));
    if (text.startsWith('BEGIN')) {
      if (Object.keys(this.#deleted).length > 0) this.#say(line('again', 'somebody changed the same rows'));
      this.#deleted = {};
    }
    if (text === 'COMMIT') this.#commit = 'unknown';
  }

  #ends(text: string, { rowCount }: QueryResult): void {
    if (text === 'COMMIT') {
      this.#commit = 'done';
      if (Object.keys(this.#deleted).length > 0) this.#say('committed');
    }
    const [, verb, table] = /^(SELECT|DELETE|INSERT) .*?(?:FROM|INTO) (\w+)/.exec(text) ?? [];
    if (table === undefined || text.startsWith('SELECT last_value')) return;
    if (verb === 'DELETE') this.#deleted[table] = rowCount ?? 0;
    this.#say(line(DONE[verb!]!, table, counted(rowCount ?? 0, 'row')));
  }

  #fails(text: string, error: Error): void {
    if (text === 'COMMIT' && !isLost((error as { code?: unknown }).code)) this.#commit = 'none';
    // After a connection is lost, ROLLBACK says no more than that it is.
    if (text !== 'ROLLBACK') this.#lastError = error;
  }
}

const DONE: Readonly<Record<string, string>> = { SELECT: 'read', DELETE: 'deleted', INSERT: 'inserted' };

const line = (verb: string, what: string, how = ''): string => `${verb.padEnd(10)} ${what.padEnd(how === '' ? 0 : 24)} ${how}`.trimEnd();

export function counted(count: number, unit: string): string {
  return `${grouped(count)} ${unit}${count === 1 ? '' : 's'}`;
}

export const grouped = (count: number): string => count.toLocaleString('en-US');
