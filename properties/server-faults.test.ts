/** What happens to sessions and servers, as steps: ended sessions, statements that are given up, crashes. Every transition of the model's is seen on a real server. */
import { describe, expect, test, vi } from 'vitest';
import { withSession } from '../src/engine/postgres/providers/admin.js';
import {
  always,
  DEFAULT_LIMITS,
  decodeToken,
  encodeToken,
  explorePlan,
  type Fault,
  ModelEngine,
  makeCounterexample,
  type Operation,
  type Plan,
  replayOn,
  type Scenario,
  storyLines,
} from '../src/index.js';
import { cancelled } from '../src/reply.js';
import { expectNoLossByMerging } from './merging.js';
import { addOne, BOTH, block, lockOne, onServer, RC, RR, SR } from './model-cases.js';

const { conforms, postgres, server } = onServer();

const TERMINATED: readonly Fault[] = [{ kind: 'backend-terminated' }];
const CANCELLED: readonly Fault[] = [{ kind: 'statement-cancelled' }];
const LOCK_TIMEOUT: readonly Fault[] = [{ kind: 'lock-timeout' }];
const CRASH: readonly Fault[] = [{ kind: 'server-crash' }];

describe('a session that is ended', () => {
  conforms([
    {
      name: 'leaves nothing of its transaction, whether it waits or not; who has a statement under way is told why',
      scripts: [block(addOne(), lockOne('UPDATE', 2)), block(addOne())],
      sees: ['waits', '57P01', '08003', 'UPDATE 1'],
      faults: TERMINATED,
      at: BOTH,
    },
    {
      name: 'while its commit is owed: nothing is committed',
      scripts: [addOne(), addOne()],
      sees: ['waits', '57P01'],
      faults: TERMINATED,
      at: RC,
    },
    {
      name: 'in a queue for a row: the next in the queue takes its place',
      scripts: [block(addOne()), addOne(), addOne()],
      sees: ['waits', 'waits again', '57P01'],
      faults: TERMINATED,
      at: RC,
    },
    {
      name: "in a queue for a table or an advisory lock, a session's too",
      scripts: [
        block('LOCK TABLE items', 'SELECT pg_advisory_xact_lock(1)'),
        'SELECT pg_advisory_lock(1); SELECT v FROM items WHERE id = 1',
      ],
      sees: ['waits', '57P01'],
      stubborn: true,
      faults: TERMINATED,
      at: RC,
    },
  ]);
});

describe('a statement that waits and is given up', () => {
  conforms([
    {
      name: 'aborts its transaction, which gives back its locks',
      scripts: [block(addOne(), addOne(2)), block(addOne(2), addOne())],
      sees: ['waits', '57014', '25P02', '40P01'],
      stubborn: true,
      faults: CANCELLED,
      at: BOTH,
    },
    {
      name: 'by a timeout of its own or for locks: the same, with other words',
      scripts: [block(addOne()), addOne()],
      sees: ['waits', '57014', '55P03'],
      faults: [...LOCK_TIMEOUT, { kind: 'statement-timeout' }],
      at: RC,
    },
    {
      name: 'costs what was done since the savepoint; the locks before it stay',
      scripts: [block(addOne(2), 'SAVEPOINT s', addOne(), 'ROLLBACK TO s', addOne(2)), block(addOne(), addOne(2))],
      sees: ['waits', '55P03'],
      stubborn: true,
      faults: LOCK_TIMEOUT,
      at: RC,
    },
    {
      name: 'leaves its place in the queue to the next',
      scripts: [block(addOne()), addOne(), addOne()],
      sees: ['waits', 'waits again', '57014'],
      faults: CANCELLED,
      at: RC,
    },
    {
      name: 'that waits for a table, an advisory lock of the session, or a key',
      scripts: [
        block('LOCK TABLE items', 'INSERT INTO numbered (id, v) VALUES (7, 1)', 'SELECT pg_advisory_xact_lock(1)'),
        'SELECT pg_advisory_lock(1); INSERT INTO numbered (id, v) VALUES (7, 2); SELECT v FROM items WHERE id = 1',
      ],
      sees: ['waits', '57014', '23505'],
      stubborn: true,
      faults: CANCELLED,
      at: RC,
    },
    {
      name: 'may be a COMMIT, which then has not happened; so may a session be ended in it',
      schema: 'CREATE TABLE seats (id int PRIMARY KEY, number int, UNIQUE (number) DEFERRABLE INITIALLY DEFERRED)',
      scripts: [block('INSERT INTO seats VALUES (1, 7)'), 'INSERT INTO seats VALUES (2, 7)'],
      sees: ['waits', '57014', '57P01', '23505', 'COMMIT'],
      stubborn: true,
      faults: [...CANCELLED, ...TERMINATED],
      at: RC,
    },
    {
      name: 'has no part in what SERIALIZABLE refuses',
      scripts: [block('SELECT sum(v) FROM items', addOne()), block('SELECT sum(v) FROM items', addOne())],
      sees: ['40001', '57014'],
      faults: CANCELLED,
      at: SR,
    },
  ]);

  test.each(['lock timeout', 'statement timeout'] as const)("has PostgreSQL's own words: %s", async (because) => {
    const database = await server().createDatabase();
    try {
      const setting = because.replace(' ', '_');
      const failure = await withSession(database.connection, async (holder) => {
        await holder.query('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)');
        await holder.query('BEGIN; SELECT * FROM t FOR UPDATE');
        return withSession(database.connection, async (waiter) => {
          await waiter.query(`SET ${setting} = '20ms'; BEGIN; INSERT INTO t VALUES (2)`);
          const error = await waiter.query('SELECT * FROM t WHERE id = 1 FOR UPDATE').catch((thrown: unknown) => thrown);
          const next = await waiter.query('SELECT 1').catch((thrown: { code: string }) => thrown.code);
          return { error: error as { code: string; message: string }, next };
        });
      });
      const { code, message } = cancelled(because);
      expect({ code: failure.error.code, message: failure.error.message, next: failure.next }).toEqual({ code, message, next: '25P02' });
    } finally {
      await database.drop();
    }
  });
});

describe('a crash of the server', () => {
  conforms([
    {
      name: 'leaves what was committed, and nothing else; all hear of it',
      scripts: [block(addOne(), addOne(2)), addOne()],
      sees: ['waits', '08003', '08006', 'UPDATE 1'],
      faults: CRASH,
      at: BOTH,
    },
    {
      name: 'sequences go on behind what they had logged ahead',
      scripts: [
        block("SELECT nextval('tickets')", 'INSERT INTO numbered (v) VALUES (1)', "SELECT nextval('tickets')"),
        "SELECT setval('tickets', 7)",
      ],
      sees: ['08003', '08006'],
      faults: CRASH,
      at: RC,
    },
    {
      name: "of locks nothing is left: a row's, a table's, a session's",
      scripts: [
        block('SELECT pg_advisory_lock(1)', lockOne('UPDATE'), 'LOCK TABLE notes'),
        block('SELECT pg_advisory_xact_lock(1)', lockOne('UPDATE')),
      ],
      sees: ['waits', '08003', '08006'],
      stubborn: true,
      faults: CRASH,
      at: RR,
    },
    {
      name: 'twice, with the clock moving on',
      scripts: [block(addOne())],
      sees: ['08003'],
      faults: [...CRASH, ...CRASH, { kind: 'tick', advanceMs: 1 }],
      at: RC,
    },
  ]);
});

/** Two transactions that should be one. */
const inTwo: Operation = async ({ client }) => {
  await client.query("INSERT INTO paid VALUES ('a')");
  await client.query('INSERT INTO bookings VALUES (1)');
};
const payment = (operations: Scenario['operations'], faults: readonly Fault[]) => {
  const scenario: Scenario = {
    name: 'seats/paid',
    description: 'Pays, then books.',
    schema: 'CREATE TABLE bookings (id int PRIMARY KEY); CREATE TABLE paid (key text PRIMARY KEY);',
    seed: () => '',
    operations,
    workloads: [
      {
        name: 'one',
        capacity: always(1),
        roles: Object.keys(operations).map((operation) => ({ operation, input: always(null), name: operation })),
        faults,
      },
    ],
    invariants: [],
    monitors: [
      {
        name: 'paid and booked',
        initial: () => 'running',
        observe: (state, { kind, finished }) => (kind === 'crash' ? 'crashed' : state === 'crashed' && finished !== null ? 'over' : state),
        violations: (state, { tables }) =>
          state === 'over' && tables.paid!.length > tables.bookings!.length ? [{ resource: 'a', message: 'paid, and not booked' }] : [],
      },
    ],
    requires: ['fault'],
    expect: {},
  };
  const plan: Plan = {
    scenario: scenario.name,
    workload: 'one',
    isolation: 'READ COMMITTED',
    capacity: 1,
    actors: Object.keys(operations).map((operation) => ({ name: operation, operation, input: null })),
    seed: '1',
    faults,
  };
  return { scenario, plan };
};

describe('a counterexample with a crash', () => {
  test('is found, made small, confirmed on a server that was killed, told, and replayed from its token', async () => {
    const { scenario, plan } = payment({ alice: inTwo, bob: async ({ client }) => client.query('SELECT * FROM bookings') }, [
      ...CRASH,
      ...CANCELLED,
    ]);
    const limits = DEFAULT_LIMITS;
    const { verdict, failure } = await explorePlan(scenario, plan, { strategy: 'auto', limits, postgres: postgres(), model: true });
    expect(verdict).toBe('violated');
    const found = await makeCounterexample(scenario, failure!, { limits, postgres: postgres() });
    expect(found).toMatchObject({ actors: 1, minimal: true, confirmedOnPostgres: true, plan: { faults: CRASH } });
    const recording = decodeToken(found.token);
    expect(recording.schedule.map(({ actor, kind }) => [actor, kind])).toEqual([
      [0, 'step'],
      [0, 'step'],
      [-1, 'crash'],
      [0, 'step'],
    ]);
    expect(encodeToken(recording)).toBe(found.token);
    expect(await replayOn(scenario, recording, new ModelEngine())).toMatchObject({ matches: true, violated: true });
    expect(await replayOn(scenario, recording, postgres())).toMatchObject({ matches: true, violated: true });
    const story = storyLines(scenario.name, found, '', { width: 100, color: false }).join('\n');
    expect(story).toContain('## the server crashes, and recovers ##');
    expect(story).toContain('· 1 actor · server crash');
  }, 60_000);
});

describe('a server that we may not kill', () => {
  test('is never asked to crash: those transitions are counted as ones that cannot be forced', async () => {
    const { scenario, plan } = payment({ alice: async ({ client }) => client.query('SELECT * FROM bookings') }, CRASH);
    const engine = postgres();
    const crash = vi.spyOn(server(), 'crash');
    const capabilities = vi.spyOn(engine, 'capabilities', 'get').mockReturnValue({ ...engine.capabilities, crashes: false });
    try {
      const outcome = await explorePlan(scenario, plan, { strategy: 'auto', limits: DEFAULT_LIMITS, postgres: engine, model: true });
      expect(outcome.postgres!.transitionsUnforceable).toBeGreaterThan(0);
      expect(crash).not.toHaveBeenCalled();
    } finally {
      capabilities.mockRestore();
      crash.mockRestore();
    }
  });
});

describe('equal states', () => {
  test.each([
    ['a crash', [...CRASH, ...CANCELLED, ...TERMINATED]],
    ['two who die', [{ kind: 'process-dies' }, { kind: 'process-dies' }]],
  ] as const)('are merged without a loss: %s', async (_, faults) => {
    const bob: Operation = async ({ client }) => {
      await client.query("INSERT INTO paid VALUES ('b')");
      await client.query('SELECT * FROM bookings');
    };
    const { scenario, plan } = payment({ alice: inTwo, bob }, faults);
    await expectNoLossByMerging(scenario, plan, 200_000);
  });
});
