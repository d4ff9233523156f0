/** The engine over a real server: that it can be left at any moment, and what it does where waiters cannot be frozen. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Action, EngineSetup, Outcome } from '../src/engine/contract.js';
import { PostgresEngine } from '../src/engine/postgres/engine.js';
import { withSession } from '../src/engine/postgres/providers/admin.js';
import { openServer } from '../src/engine/postgres/providers/open.js';
import { identifyProcess } from '../src/engine/postgres/providers/process-identity.js';
import type { Connection, PostgresServer } from '../src/engine/postgres/providers/server.js';
import { readStatement } from '../src/engine/sql-text.js';

/** A server whose waiters we freeze, and the same one by URL, where we cannot. */
let local: PostgresServer;
let remote: PostgresServer;
let admin: Connection;

beforeAll(async () => {
  local = await openServer('embedded');
  const { connection, drop } = await local.createDatabase();
  await drop();
  admin = { ...connection, database: 'postgres' };
  remote = await openServer(urlAs('postgres'));
}, 60_000);

afterAll(async () => {
  await remote?.close();
  await local?.close();
});

function urlAs(user: string): string {
  return `postgres://${user}@/postgres?host=${encodeURIComponent(admin.host)}`;
}

async function column(text: string): Promise<unknown[]> {
  return withSession(admin, async (client) => (await client.query({ text, rowMode: 'array' })).rows.map((row: unknown[]) => row[0]));
}

const backends = async () => (await column("SELECT pid FROM pg_stat_activity WHERE datname LIKE 'lastseat%'")) as number[];
const databases = () => column("SELECT datname FROM pg_database WHERE datname LIKE 'lastseat%'");

const SEATS: EngineSetup = {
  schema: 'CREATE TABLE seats (id int PRIMARY KEY, free int NOT NULL);',
  seed: 'INSERT INTO seats VALUES (1, 1), (2, 1)',
  actors: 3,
  isolation: 'READ COMMITTED',
  clockMs: 0,
};

function statement(actor: number, text: string): Action {
  const prelude = /^BEGIN; /.test(text) ? [{ text: 'BEGIN', begins: true, modes: readStatement('BEGIN').modes }] : [];
  return { kind: 'statement', actor, statement: { text: text.replace(/^BEGIN; /, ''), values: [], prelude } };
}

async function take(engine: PostgresEngine, actions: readonly Action[]): Promise<Outcome['kind'][]> {
  let state = await engine.open(SEATS);
  const outcomes: Outcome['kind'][] = [];
  for (const action of actions) {
    const applied = await engine.apply(state, action);
    state = applied.state;
    outcomes.push(applied.outcome.kind);
  }
  return outcomes;
}

const first = 'UPDATE seats SET free = 0 WHERE id = 1';
const second = 'UPDATE seats SET free = 0 WHERE id = 2';

describe.each([
  ['where waiters are frozen', () => local],
  ['where they are not', () => remote],
])('closing in the middle, %s', { timeout: 20_000 }, (_, server) => {
  it.each<[string, Action[], Outcome['kind'][]]>([
    ['a step that waits', [statement(0, `BEGIN; ${first}`), statement(1, `BEGIN; ${first}`)], ['done', 'blocked']],
    ['a statement whose commit is owed, and one that waits for it', [statement(1, first), statement(0, first)], ['executed', 'blocked']],
    [
      'a deadlock',
      [statement(0, `BEGIN; ${first}`), statement(1, `BEGIN; ${second}`), statement(0, second), statement(1, first)],
      ['done', 'done', 'blocked', 'blocked'],
    ],
  ])('of %s leaves no backend and no database', async (_name, actions, outcomes) => {
    const engine = new PostgresEngine(server());
    expect(await take(engine, actions)).toEqual(outcomes);
    const pids = await backends();
    expect(pids).toHaveLength(4);
    await Promise.all([engine.close(), engine.close()]);
    expect(await databases()).toEqual([]);
    expect(await backends()).toEqual([]);
    expect(pids.filter((pid) => identifyProcess(pid) !== null)).toEqual([]);
  });

  it('of a step that begins to wait freezes nobody afterwards', async () => {
    const engine = new PostgresEngine(server());
    let state = await engine.open(SEATS);
    for (const action of [statement(0, `BEGIN; ${first}`), statement(1, `BEGIN; ${first}`)])
      state = (await engine.apply(state, action)).state;
    const pids = await backends();
    await engine.expect(2, { waits: true, victim: false });
    const step = engine.apply(state, statement(2, first)).catch(() => null);
    await engine.close();
    await step;
    expect(await databases()).toEqual([]);
    expect(pids.filter((pid) => identifyProcess(pid) !== null)).toEqual([]);
  });

  it('of a step that neither ends nor waits fails it, and the engine is not opened again', async () => {
    const engine = new PostgresEngine(server());
    const step = engine.apply(await engine.open(SEATS), statement(0, 'SELECT pg_sleep(60)'));
    const failure = step.catch((error: Error) => error.message);
    await engine.close();
    expect(await failure).toBe('the engine was closed in the middle of a step');
    expect(await backends()).toEqual([]);
    await expect(engine.open(SEATS)).rejects.toThrow('the engine is closed');
  });

  it('of opening leaves no database', async () => {
    const engine = new PostgresEngine(server());
    const opening = engine.open(SEATS).catch(() => null);
    await engine.close();
    await opening;
    expect(await databases()).toEqual([]);
  });
});

describe('a session', () => {
  afterEach(() => vi.unstubAllEnvs());

  /** Everything that can be set, as an actor's session and the one that looks on have it. */
  async function settings(server: PostgresServer): Promise<unknown[]> {
    const engine = new PostgresEngine(server);
    const state = await engine.open(SEATS);
    const sql = `SELECT name, setting FROM pg_settings WHERE name NOT IN ('is_superuser', 'application_name') ORDER BY name`;
    const { outcome } = await engine.apply(state, statement(0, sql));
    const own = outcome.kind === 'done' && outcome.reply.kind === 'result' ? outcome.reply.rows : [];
    const seen = [own, await engine.query(state, sql)];
    await engine.close();
    return seen;
  }

  it("is the same whatever the environment, the role or the server's file sets", async () => {
    const plain = await settings(remote);
    expect(plain[0]).toHaveLength((plain[1] as unknown[]).length);
    const strays = {
      search_path: 'pg_temp',
      statement_timeout: '60s',
      lock_timeout: '60s',
      idle_in_transaction_session_timeout: '60s',
      idle_session_timeout: '60s',
      transaction_timeout: '60s',
      default_transaction_isolation: 'serializable',
      default_transaction_read_only: 'on',
      default_transaction_deferrable: 'on',
      timezone: 'Asia/Tokyo',
      datestyle: 'SQL, DMY',
      intervalstyle: 'iso_8601',
      bytea_output: 'escape',
      extra_float_digits: '-2',
      plan_cache_mode: 'force_generic_plan',
    };
    await column('CREATE ROLE stray LOGIN SUPERUSER');
    for (const [name, value] of Object.entries(strays)) await column(`ALTER ROLE stray SET ${name} = '${value}'`);
    const variables = {
      PGOPTIONS: '-c enable_seqscan=off -c statement_timeout=1',
      PGBINARY: '1',
      PGREPLICATION: 'database',
      PGTZ: 'Asia/Tokyo',
    };
    for (const [name, value] of Object.entries({ ...variables, PGHOST: '/nowhere', PGPORT: '1', PGUSER: 'nobody', PGSSLMODE: 'require' }))
      vi.stubEnv(name, value);
    expect(await settings(await openServer(urlAs('stray')))).toEqual(plain);
    expect(process.env.PGOPTIONS).toBe(variables.PGOPTIONS);
  });
});
