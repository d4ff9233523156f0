/** The engine over a real server: that it can be left at any moment, and what it does where waiters cannot be frozen. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Action, ActorAction, Applied, EngineSetup, Outcome } from '../src/engine/contract.js';
import { PostgresEngine, type ServerState } from '../src/engine/postgres/engine.js';
import { Inspector } from '../src/engine/postgres/inspector.js';
import { withSession } from '../src/engine/postgres/providers/admin.js';
import { openServer } from '../src/engine/postgres/providers/open.js';
import { identifyProcess } from '../src/engine/postgres/providers/process-identity.js';
import type { Connection, PostgresServer } from '../src/engine/postgres/providers/server.js';
import { explorePlan } from '../src/explore/plan.js';
import { scenarioOf } from '../src/fuzz/scripted.js';
import { DEFAULT_LIMITS, makeCounterexample } from '../src/index.js';
import { readStatement } from '../src/sql/text.js';
import { exploreOn, oneKey, opposite, queue, severalRows, swallowed } from './unheld-cases.js';

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

function statement(actor: number, text: string): ActorAction {
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
    // Three actors, the inspector, and the session that runs scripts.
    expect(pids).toHaveLength(5);
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

it('who has come before others in a queue is seen to be in their way', async () => {
  const engine = new PostgresEngine(local);
  let state = await engine.open(SEATS);
  const actions = [
    statement(1, 'BEGIN; SELECT free FROM seats'),
    statement(0, 'BEGIN; LOCK TABLE seats IN ACCESS EXCLUSIVE MODE'),
    statement(2, 'BEGIN; LOCK TABLE seats IN SHARE ROW EXCLUSIVE MODE'),
    statement(1, first),
  ];
  for (const action of actions) state = (await engine.apply(state, action)).state;
  await engine.close();
  expect(state.actors.map(({ waitsFor }) => [...waitsFor].sort())).toEqual([[1], [], [0, 1]]);
});

// Node and the server share a core: questions without a pause keep a backend that needs to run from it, for seconds.
describe('a backend that only takes its time gets the core between two questions', () => {
  afterEach(() => vi.restoreAllMocks());

  it('while a statement runs', async () => {
    const engine = new PostgresEngine(local);
    const state = await engine.open(SEATS);
    const questions = vi.spyOn(Inspector.prototype, 'blocking');
    const { outcome } = await engine.apply(state, statement(0, 'SELECT pg_sleep(0.6)'));
    await engine.close();
    expect(outcome.kind).toBe('executed');
    expect(questions.mock.calls.length).toBeGreaterThan(0);
    // A pause of two milliseconds, which a timer may cut by one.
    expect(questions.mock.calls.length).toBeLessThan(600);
  });

  it('while a session ends', async () => {
    const engine = new PostgresEngine(local);
    const state = await engine.open(SEATS);
    const gone = performance.now() + 300;
    const questions = vi.spyOn(Inspector.prototype, 'isListed').mockImplementation(async () => performance.now() < gone);
    await engine.apply(state, { kind: 'disconnect', actor: 0 });
    await engine.close();
    expect(questions.mock.calls.length).toBeGreaterThan(1);
    expect(questions.mock.calls.length).toBeLessThan(310);
  });
});

describe('a session', () => {
  afterEach(() => vi.unstubAllEnvs());

  /** Everything that can be set, as an actor's session and the one that looks on have it. PL/pgSQL brings its own once it is loaded. */
  async function settings(server: PostgresServer): Promise<unknown[]> {
    const engine = new PostgresEngine(server);
    const state = await engine.open(SEATS);
    const sql = `SELECT name, setting FROM pg_settings WHERE name NOT IN ('is_superuser', 'application_name') AND name NOT LIKE 'plpgsql.%' ORDER BY name`;
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

describe('where waiters cannot be frozen', () => {
  let engine: PostgresEngine;

  beforeAll(() => {
    engine = new PostgresEngine(remote);
  });

  afterAll(async () => {
    await engine?.close();
  });

  it.each([
    ['a deadlock, with each victim', opposite, 'deadlock'],
    ['a deadlock of a statement of several rows', severalRows, 'deadlock'],
    ['a queue for one row', queue, 'lock-wait'],
    ['a key that three want', oneKey, 'lock-wait'],
  ])('all that can be forced of %s is seen, and the rest is counted', async (_, scripted, witness) => {
    const outcome = await exploreOn(engine, scripted);
    expect(outcome).toMatchObject({ verdict: 'proved', reason: null, limits: [], postgres: { divergences: 0 } });
    const { transitionsConfirmed, transitionsUnforceable } = outcome.postgres!;
    expect(transitionsConfirmed + transitionsUnforceable).toBe(outcome.model!.transitions);
    expect(Math.min(transitionsConfirmed, transitionsUnforceable)).toBeGreaterThan(0);
    expect(Number(outcome.witnesses[witness])).toBeGreaterThan(0);
  });

  it('what follows a deadlock is not forced where its victim cannot be chosen, and that is counted', async () => {
    await column('CREATE ROLE maker LOGIN CREATEDB');
    const plain = new PostgresEngine(await openServer(urlAs('maker')));
    const outcome = await exploreOn(plain, opposite);
    await plain.close();
    const chosen = (await exploreOn(engine, opposite)).postgres!;
    expect(outcome.verdict).toBe('proved');
    expect(outcome.postgres!.transitionsConfirmed).toBeLessThan(chosen.transitionsConfirmed);
    expect(outcome.postgres!.transitionsConfirmed + outcome.postgres!.transitionsUnforceable).toBe(outcome.model!.transitions);
  });

  it('a step ends when those whom it has freed have ended or wait again', async () => {
    // Both rows are looked at slowly: who asks at once finds it neither answered nor waiting.
    const slowly = 'BEGIN; UPDATE seats SET free = 0 WHERE pg_sleep(0.05) IS NOT NULL';
    let state = await engine.open(SEATS);
    for (const action of [statement(0, first), statement(2, `BEGIN; ${second}`), statement(1, slowly)])
      state = (await engine.apply(state, action)).state;
    expect(engine.status(state, 1)).toEqual({ phase: 'waiting', waitsFor: [0], inTransaction: true });
    state = (await engine.apply(state, { kind: 'commit', actor: 0 })).state;
    expect(engine.status(state, 1)).toEqual({ phase: 'waiting', waitsFor: [2], inTransaction: true });
  });

  it('one who has failed already is still to be resumed, and till then in his transaction', async () => {
    const insert = (actor: number) => statement(actor, 'INSERT INTO seats VALUES (3, 1)');
    let state = await engine.open(SEATS);
    for (const action of [insert(0), insert(1), { kind: 'commit', actor: 0 } as const]) state = (await engine.apply(state, action)).state;
    expect(engine.status(state, 1)).toEqual({ phase: 'freed', waitsFor: [], inTransaction: true });
    const resumed = await engine.apply(state, { kind: 'resume', actor: 1 });
    expect(resumed.outcome).toMatchObject({ kind: 'done', reply: { kind: 'error', code: '23505' } });
    expect(engine.status(resumed.state, 1)).toEqual({ phase: 'idle', waitsFor: [], inTransaction: false });
  });

  it("a victim's short deadlock timeout ends with its run", async () => {
    const timeout = async () => {
      const state = await engine.open(SEATS);
      await engine.expect(0, { waits: false, victim: false });
      const { outcome } = await engine.apply(state, statement(0, "SELECT current_setting('deadlock_timeout')"));
      return outcome.kind === 'done' && outcome.reply.kind === 'result' ? outcome.reply.rows : outcome;
    };
    expect(await timeout()).toEqual([['1h']]);
    await engine.open(SEATS);
    await engine.expect(0, { waits: true, victim: true });
    expect(await timeout()).toEqual([['1h']]);
  });

  it('a cycle that closed too late for the check of its victim is given more time', async () => {
    const attempt = async () => {
      let state = await engine.open(SEATS);
      const steps: [ActorAction, boolean][] = [
        [statement(0, `BEGIN; ${first}`), false],
        [statement(1, `BEGIN; ${second}`), false],
        [statement(0, second), true],
        [statement(2, 'SELECT pg_sleep(0.3)'), false],
        [statement(1, first), false],
      ];
      for (const [action, victim] of steps) {
        await engine.expect(action.actor, { waits: null, victim });
        state = (await engine.apply(state, action)).state;
      }
      return engine.apply(state, { kind: 'break-deadlock', actor: 0 });
    };
    await expect(attempt()).rejects.toThrow('the deadlock check of the victim did not come');
    expect((await attempt()).outcome).toMatchObject({ reply: { code: '40P01' } });
  });

  it('a deadlock is broken by the server where nobody foresees it', async () => {
    const { scenario, plan } = scenarioOf(opposite);
    const limits = { ...DEFAULT_LIMITS, runs: 12 };
    const outcome = await explorePlan(scenario, plan, { strategy: 'uniform', limits, postgres: engine, model: false });
    expect(outcome).toMatchObject({ verdict: 'passed', postgres: { runs: 12 } });
    expect(Number(outcome.witnesses.deadlock)).toBeGreaterThan(0);
  });

  it('sampled schedules are compared too, and only such as can be forced', async () => {
    const { scenario, plan } = scenarioOf(queue);
    const limits = { ...DEFAULT_LIMITS, runs: 30, sampledServerRuns: 30 };
    const outcome = await explorePlan(scenario, plan, { strategy: 'uniform', limits, postgres: engine, model: true });
    expect(outcome).toMatchObject({ verdict: 'passed', postgres: { runs: 30, divergences: 0 } });
  });

  it('a counterexample with a deadlock is one that the server can be made to show', async () => {
    const { scenario, plan } = scenarioOf(swallowed);
    const limits = { ...DEFAULT_LIMITS, replays: 2 };
    const { failure } = await explorePlan(scenario, plan, { strategy: 'auto', limits, postgres: null, model: true });
    const small = await makeCounterexample(scenario, failure!, { limits, postgres: engine });
    expect(small.schedule.map((choice) => choice.kind)).toContain('victim');
    expect(small).toMatchObject({ confirmedOnPostgres: true, replays: { matched: 2, of: 2 } });
  });

  describe('a difference', () => {
    /** Shows another outcome of resumptions behind which somebody queues, or of first statements, as often as it is told to. */
    class Unruly extends PostgresEngine {
      readonly #spoils: (action: Action) => boolean;
      readonly #messages: string[];

      constructor(spoils: (action: Action) => boolean, messages: readonly string[]) {
        super(remote);
        this.#spoils = spoils;
        this.#messages = [...messages];
      }

      override async apply(state: ServerState, action: Action): Promise<Applied<ServerState>> {
        const applied = await super.apply(state, action);
        if (!this.#spoils(action)) return applied;
        const message = this.#messages.shift();
        if (message === undefined) return applied;
        return { ...applied, outcome: { kind: 'done', reply: { kind: 'error', code: 'XX000', message, constraint: null, table: null } } };
      }
    }

    const resumes = (action: Action) => action.kind === 'resume';
    const begins = (action: Action) => action.kind === 'statement';
    const distinct = Array.from({ length: 99 }, (_, index) => `e${index}`);
    const same = distinct.map(() => 'e');

    it.each([
      ['that comes once where waiters race is none', resumes, ['e'], 'proved'],
      ['that comes again and again where waiters race is one', resumes, same, 'diverged'],
      ['that comes once where all is ours to order is a race', begins, ['e'], 'racy'],
      ['that comes again there is one', begins, same, 'diverged'],
    ])('%s', async (_, spoils, messages, verdict) => {
      const unruly = new Unruly(spoils, messages);
      expect((await exploreOn(unruly, queue)).verdict).toBe(verdict);
      await unruly.close();
    });

    it('of another kind each time means that the server does not go on as scheduled: what it hides counts as not forced', async () => {
      const unruly = new Unruly(resumes, distinct.slice(0, 11));
      const outcome = await exploreOn(unruly, queue);
      await unruly.close();
      const plain = await exploreOn(engine, queue);
      expect(outcome).toMatchObject({ verdict: 'proved', postgres: { divergences: 0 } });
      expect(outcome.postgres!.transitionsUnforceable).toBeGreaterThan(plain.postgres!.transitionsUnforceable);
      expect(outcome.postgres!.transitionsConfirmed + outcome.postgres!.transitionsUnforceable).toBe(outcome.model!.transitions);
    });
  });
});
