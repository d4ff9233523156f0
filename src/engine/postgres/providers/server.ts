/**
 * A real PostgreSQL, wherever it comes from. What a provider allows (freezing waiters, choosing a deadlock's victim) decides
 * which schedules can be forced on it; see "Real PostgreSQL under a scheduler" in docs/architecture.md.
 */
import type { ConnectionOptions } from 'node:tls';

export type ProviderKind = 'embedded' | 'testcontainers' | 'url';

/** `auto`, the name of a provider, or a `postgres://` URL. */
export type ProviderChoice = 'auto' | 'embedded' | 'testcontainers' | (string & {});

/** What `pg`'s Client takes. `host` may be the directory of a Unix socket. `ssl: false` keeps PGSSLMODE from having a say. */
export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password?: string;
  readonly database: string;
  readonly ssl?: false | ConnectionOptions;
}

/** An empty database of our own. */
export interface ScratchDatabase {
  readonly connection: Connection;
  /**
   * Ends the sessions in it and drops it; dropping twice is no error. Thaw first: DROP DATABASE waits for every backend of the
   * server to pass a barrier, also for those in other databases, and a frozen one never does.
   */
  drop(): Promise<void>;
}

/** A running server that we may make databases on, and what can be done with it. */
export interface PostgresServer {
  readonly kind: ProviderKind;
  /** As the server says it, without the packager's suffix: `18.4`. */
  readonly version: string;
  readonly major: number;
  /** Backends are processes of this machine that we may SIGSTOP and SIGCONT. */
  readonly canFreeze: boolean;
  /** The role may set `deadlock_timeout`: a superuser, or one that was granted SET on it. */
  readonly canSetDeadlockTimeout: boolean;
  /** What follows where it may not do one of these, a sentence each. */
  readonly limitations: readonly string[];
  /**
   * Kills the server and its processes, as `pg_stat_activity` lists them, frozen ones too, and connects again and again until it has recovered from what it had
   * written. Absent where the server is not ours to kill.
   */
  crash?<T>(pids: readonly number[], connect: () => Promise<T>): Promise<T>;
  /** A database made from template0, with the C locale and UTF8, so that sorting is the same on every server. */
  createDatabase(): Promise<ScratchDatabase>;
  /** Drops what it made and stops what it started; nothing is left, also where backends are frozen. Closing twice is no error. */
  close(): Promise<void>;
}

/** Something that the user can put right: what happened, and (`hint`) its usual cause and the next command. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError';
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}
