/** A server that we reach over a connection only: a user's, or one in a container. It remembers its databases and drops them. */
import type { ServerFacts } from './admin.js';
import { createDatabase } from './databases.js';
import { limitationsOf } from './limitations.js';
import { type Connection, type PostgresServer, ProviderError, type ProviderKind, type ScratchDatabase } from './server.js';

export class RemoteServer implements PostgresServer {
  readonly kind: ProviderKind;
  readonly version: string;
  readonly major: number;
  readonly canFreeze = false;
  readonly canSetDeadlockTimeout: boolean;
  readonly limitations: readonly string[];
  readonly #admin: Connection;
  readonly #stop: (() => Promise<void>) | null;
  readonly #databases = new Set<Promise<ScratchDatabase>>();
  #closed: Promise<void> | null = null;

  /** `stop` ends a server that is all ours, databases and all; null: the server stays, and our databases are dropped. */
  constructor(kind: ProviderKind, admin: Connection, facts: ServerFacts, stop: (() => Promise<void>) | null) {
    this.kind = kind;
    this.#admin = admin;
    this.version = facts.version;
    this.major = facts.major;
    this.canSetDeadlockTimeout = facts.canSetDeadlockTimeout;
    this.limitations = limitationsOf(this, facts.role);
    this.#stop = stop;
  }

  async createDatabase(): Promise<ScratchDatabase> {
    // One that is made while the others are dropped would stay.
    if (this.#closed !== null) throw new ProviderError('the server is closed', 'It was closed while somebody still worked with it');
    const database = createDatabase(this.#admin, this.#stop === null ? 'wal_log' : 'file_copy');
    this.#databases.add(database);
    return database;
  }

  close(): Promise<void> {
    this.#closed ??= this.#stop === null ? this.#dropAll() : this.#stop();
    return this.#closed;
  }

  /** Also those still being made. One that cannot be dropped (the server is gone) is left to the next run's sweep. */
  async #dropAll(): Promise<void> {
    const databases = await Promise.allSettled(this.#databases);
    await Promise.allSettled(databases.map((database) => (database.status === 'fulfilled' ? database.value.drop() : undefined)));
  }
}
