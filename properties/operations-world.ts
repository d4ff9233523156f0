/** What tests of a system's operations need around them: a database with sessions of `pg`, a context in memory, clients that fail, nasty inputs. */
import fc from 'fast-check';
import pg from 'pg';
import { sha256 } from '../sim/systems/shared/canonical-json.js';
import { openServer } from '../src/engine/postgres/providers/open.js';
import type { Cache, Client, EmittedEvent, Operation, OperationContext, Store } from '../src/index.js';

export interface TestDatabase {
  readonly session: pg.Client;
  /** One more session. */
  readonly connect: () => Promise<pg.Client>;
  /** Sessions in this database that are inside a transaction; the one that asks does not count. */
  readonly openTransactions: () => Promise<number>;
  readonly close: () => Promise<void>;
}

export async function openTestDatabase(schema: string): Promise<TestDatabase> {
  const server = await openServer('embedded');
  const { connection } = await server.createDatabase();
  const connect = async () => {
    const client = new pg.Client(connection);
    await client.connect();
    return client;
  };
  const session = await connect();
  await session.query(schema);
  return {
    session,
    connect,
    openTransactions: async () => {
      const { rows } = await session.query<{ open: boolean }>(
        'SELECT now() <> statement_timestamp() AS open UNION ALL SELECT true FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL',
      );
      return rows.filter(({ open }) => open).length;
    },
    close: async () => {
      await session.end();
      await server.close();
    },
  };
}

/** A context around a session, with a store in memory and a clock that stands. */
export function worldAround(session: pg.Client) {
  const files = new Map<string, string>();
  const events: EmittedEvent[] = [];
  const cached = new Map<string, { readonly value: string; readonly expires: number }>();
  let now = Date.parse('2026-01-01T00:00:00.000Z');
  let drawn = 0;
  const store: Store = {
    read: async (name) => files.get(name) ?? null,
    write: async (name, content) => void files.set(name, content),
    rename: async (from, to) => {
      files.set(to, files.get(from)!);
      files.delete(from);
    },
    remove: async (name) => void files.delete(name),
    list: async () => [...files.keys()].sort(),
  };
  const cache: Cache = {
    get: async (key) => {
      const entry = cached.get(key);
      return entry !== undefined && entry.expires > now ? entry.value : null;
    },
    set: async (key, value, ttlMs) => void cached.set(key, { value, expires: now + ttlMs }),
    delete: async (key) => void cached.delete(key),
  };
  const context: OperationContext = {
    client: asClient(session),
    connect: async () => asClient(session),
    clock: { now: () => new Date(now) },
    random: {
      float: () => 0,
      integer: (min) => min,
      uuid: () => `${String(drawn++).padStart(8, '0')}-0000-4000-8000-000000000000`,
    },
    store,
    cache,
    emit: (event) => events.push(event),
  };
  return {
    files,
    events,
    context,
    passTime: (ms: number) => {
      now += ms;
    },
    run: (operation: Operation, input: unknown, client = context.client) => operation({ ...context, client }, input),
  };
}

export function asClient(client: pg.Client): Client {
  return client as unknown as Client;
}

export const forbiddenClient: Client = {
  query: () => {
    throw new Error('no SQL was to be issued');
  },
};

/** Answers every query with one row, until something is to be written: then fails with the given error. */
export function failingClient(
  error: { readonly code: string; readonly constraint?: string },
  row: Readonly<Record<string, unknown>>,
): Client & { readonly texts: string[] } {
  const texts: string[] = [];
  return {
    texts,
    query: async (text: unknown) => {
      texts.push(String(text));
      if (/^(UPDATE|INSERT|DELETE)/.test(String(text))) throw Object.assign(new Error('as arranged'), error);
      return { command: '', rowCount: 1, rows: [row] as never[] };
    },
  };
}

/** Returns when somebody waits for somebody. */
export async function untilBlocked(observer: pg.Client): Promise<void> {
  for (;;) {
    const { rows } = await observer.query('SELECT 1 FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0');
    if (rows.length > 0) return;
  }
}

/** A backup file with something else in it, and the checksum that goes with it. */
export function reseal(text: string, change: Record<string, unknown>): string {
  const { checksum: _checksum, ...body } = { ...JSON.parse(text), ...change };
  return JSON.stringify({ ...body, checksum: sha256(body) });
}

/** Whether two texts are the same JSON. */
export function means(left: string, right: string): boolean {
  try {
    return sha256(JSON.parse(left)) === sha256(JSON.parse(right));
  } catch {
    return false;
  }
}

/** No field of these can be right: every operation needs at least one of them. */
export function nastyInput(...fields: readonly string[]): fc.Arbitrary<unknown> {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  const throwing = {
    get userId(): never {
      throw new Error('gotcha');
    },
  };
  return fc.oneof(
    fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withNullPrototype: true, withSparseArray: true }),
    fc.record(Object.fromEntries(fields.map((field) => [field, nastyValue()]))),
    fc.constantFrom<unknown>(
      cycle,
      throwing,
      () => 1,
      Symbol('s'),
      { userId: 1n },
      { toJSON: () => undefined },
      { userId: 1, toJSON: () => null },
    ),
  );
}

export function nastyValue(): fc.Arbitrary<unknown> {
  return fc.oneof(
    fc.constantFrom<unknown>(
      0,
      -0,
      -1,
      1.5,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      2 ** 31,
      2 ** 53,
      1e308,
      '',
      '1',
      "'; --",
      '\0',
      '\ud800',
      [],
      {},
      [1],
    ),
    fc.constantFrom<unknown>(null, undefined, true, 1n, new Date(Number.NaN), { valueOf: () => 1 }, 'x'.repeat(20_000)),
    fc.double({ max: 0 }),
    fc.string(),
  );
}
