/**
 * What an operation is given. Nothing here knows of the harness: the same shapes are served by `pg`, a clock, a directory and a
 * cache in production, and by recorded, scheduled stand-ins under lastseat.
 */

/** A row as `pg` returns it: one property a column. */
export type Row = Record<string, unknown>;

/** The part of `pg`'s result that operations may rely on. `rowCount` is null for statements that have none (BEGIN, COMMIT). */
export interface QueryResult<R = Row> {
  readonly rows: R[];
  readonly rowCount: number | null;
  readonly command: string;
}

/** A statement as one object, the other form that `pg` takes: `query({ text, values })`. Other options of `pg`'s are refused by name. */
export interface QueryConfig {
  readonly text: string;
  readonly values?: readonly unknown[];
  /** Rows as lists of values instead of objects. */
  readonly rowMode?: 'array';
  /** Of a prepared statement. Changes nothing here. */
  readonly name?: string;
}

/** A `pg`-shaped client: one session. Errors carry `code` (SQLSTATE), `message`, and `constraint` where there is one. */
export interface Client {
  query<R = Row>(text: string, values?: readonly unknown[]): Promise<QueryResult<R>>;
  query<R = Row>(config: QueryConfig, values?: readonly unknown[]): Promise<QueryResult<R>>;
}

/** The time that an operation goes by. Under lastseat it stands still but for clock ticks in the schedule. */
export interface Clock {
  now(): Date;
}

/** A stream of random values that belongs to one actor. */
export interface Random {
  /** In [0, 1). */
  float(): number;
  /** A whole number, both ends included. */
  integer(min: number, max: number): number;
  /** A version 4 UUID. */
  uuid(): string;
}

/** Where backup files live: a flat directory of text files. Every call is a scheduling point. */
export interface Store {
  /** The file's text, or null where there is none. */
  read(name: string): Promise<string | null>;
  write(name: string, content: string): Promise<void>;
  /** Replaces `to` in one step; fails with `ENOENT` where `from` is missing. */
  rename(from: string, to: string): Promise<void>;
  /** Removing what is not there is no error. */
  remove(name: string): Promise<void>;
  /** File names, sorted. */
  list(): Promise<string[]>;
}

/** A key-value cache. Every call is a scheduling point. */
export interface Cache {
  get(key: string): Promise<string | null>;
  set(key: string, value: string, ttlMs: number): Promise<void>;
  delete(key: string): Promise<void>;
}

/** A structured event: one flat JSON object with a `type`. */
export type EmittedEvent = { readonly type: string } & Readonly<Record<string, string | number | boolean | null>>;

/** What an operation is called with: everything that it may touch besides its input. */
export interface OperationContext {
  readonly client: Client;
  /**
   * A new session, for an operation that wants to go on after its client's connection was lost: every later query on that client fails. In
   * production `() => pool.connect()`. A scheduling point.
   */
  readonly connect: () => Promise<Client>;
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly cache: Cache;
  readonly emit: (event: EmittedEvent) => void;
}

/**
 * One operation of a booking system: opens and closes its own transactions, returns a JSON value. A refusal is a value, not an
 * exception; see {@link Rejection}.
 */
// biome-ignore lint/suspicious/noExplicitAny: operations of one system take different inputs; each checks its own.
export type Operation = (context: OperationContext, input: any) => Promise<unknown>;

/** A refusal that the caller can act on. `rejected` tells it from every successful result. */
export interface Rejection {
  readonly rejected: true;
  readonly code: string;
  readonly status: number;
  readonly message: string;
}

/** Whether the result of an operation is a refusal. */
export function isRejection(value: unknown): value is Rejection {
  return typeof value === 'object' && value !== null && (value as { rejected?: unknown }).rejected === true;
}
