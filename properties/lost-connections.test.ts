/** Lost connections and dead processes as steps: every interleaving on the model, every transition on a real server, and what operations make of it. */
import { describe, expect, test } from 'vitest';
import { conditional } from '../sim/systems/events/variants/conditional.js';
import { count } from '../src/explore/graph.js';
import { search } from '../src/explore/search.js';
import {
  always,
  type Client,
  DEFAULT_LIMITS,
  decodeToken,
  drawPlans,
  explorePlan,
  type Fault,
  ModelEngine,
  makeCounterexample,
  type Operation,
  type OperationContext,
  type Plan,
  replayOn,
  type Scenario,
  storyLines,
} from '../src/index.js';
import { Machine } from '../src/machine.js';
import { expectNoLossByMerging } from './merging.js';
import { addOne, BOTH, block, lockOne, onServer, RC, SR } from './model-cases.js';

const { conforms, postgres } = onServer();

const LOST: readonly Fault[] = [{ kind: 'connection-lost' }];
const DEAD: readonly Fault[] = [{ kind: 'process-dies' }];

describe('what a lost connection leaves behind', () => {
  conforms([
    {
      name: 'nothing of an open transaction, and whoever waited for its row locks goes on',
      scripts: [block(addOne(), lockOne('UPDATE', 2)), block(addOne())],
      sees: ['waits', '08006', '08003', 'UPDATE 1'],
      faults: LOST,
      at: BOTH,
    },
    {
      name: 'what was committed, with or without an answer, and nothing else',
      scripts: [addOne(), block(addOne(), addOne(2))],
      sees: ['waits', '08006'],
      faults: LOST,
      at: RC,
    },
    {
      name: 'a key that was being inserted is free, one that was committed is taken',
      scripts: [block('INSERT INTO items VALUES (5, 1)'), 'INSERT INTO items VALUES (5, 2)'],
      sees: ['waits', 'INSERT 1', '23505', '08006'],
      faults: LOST,
      at: RC,
    },
    {
      name: "no advisory lock, of a session's or of a transaction's",
      scripts: [
        'SELECT pg_advisory_lock(1); BEGIN; SELECT pg_advisory_xact_lock(2); COMMIT',
        'SELECT pg_try_advisory_lock(2); SELECT pg_advisory_lock(1)',
      ],
      sees: ['waits', '08006'],
      stubborn: true,
      faults: LOST,
      at: RC,
    },
    {
      name: 'no table lock, and numbers drawn from sequences',
      scripts: [
        block('LOCK TABLE items', "SELECT nextval('tickets')", 'INSERT INTO numbered (v) VALUES (1)'),
        block(addOne(), "SELECT nextval('tickets')"),
      ],
      sees: ['waits', '08006'],
      faults: LOST,
      at: RC,
    },
    {
      name: 'nothing since a savepoint or before it, also after an error',
      scripts: [block(addOne(), 'SAVEPOINT s', 'SELECT 1 / 0', 'ROLLBACK TO s'), addOne()],
      sees: ['waits', '22012', '08006'],
      stubborn: true,
      faults: LOST,
      at: RC,
    },
    {
      name: 'no part in what SERIALIZABLE refuses',
      scripts: [
        block('SELECT sum(v) FROM items', 'UPDATE items SET v = 3 WHERE id = 1'),
        block('SELECT sum(v) FROM items', 'UPDATE items SET v = 4 WHERE id = 2'),
      ],
      sees: ['40001', '08006'],
      faults: LOST,
      at: SR,
    },
    {
      name: 'one connection after the other',
      scripts: [block(addOne()), addOne()],
      sees: ['waits', '08006'],
      faults: [...LOST, ...LOST],
      at: RC,
    },
    { name: 'with a clock tick', scripts: [block(addOne())], sees: ['08006'], faults: [...LOST, { kind: 'tick', advanceMs: 1 }], at: RC },
  ]);
});

describe('what a dead process leaves behind', () => {
  conforms([
    {
      name: 'nothing of its open transaction, and it is not heard of again',
      scripts: [block(addOne(), addOne(2)), block(addOne())],
      sees: ['waits', 'UPDATE 1'],
      faults: DEAD,
      at: BOTH,
    },
    { name: 'a statement whose commit is owed', scripts: [addOne(), addOne()], sees: ['waits'], faults: [...DEAD, ...LOST], at: RC },
  ]);
});

const schema =
  'CREATE TABLE bookings (id serial PRIMARY KEY, key text UNIQUE, seat int NOT NULL); CREATE TABLE paid (key text PRIMARY KEY);';

function scenarioOf(operations: Scenario['operations'], faults: readonly Fault[], invariants: Scenario['invariants'] = []) {
  const scenario: Scenario = {
    name: 'seats/lost',
    description: 'Bookings over connections that get lost.',
    schema,
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
    invariants,
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
}

/** Books once more, over a new connection, where the first one was lost. */
const bookWithRetry =
  (insert: string): Operation =>
  async ({ client, connect }) => {
    const book = async (session: Client) => {
      await session.query('BEGIN');
      await session.query(insert);
      await session.query('COMMIT');
    };
    try {
      await book(client);
      return 'booked';
    } catch (error) {
      if (!/terminated/.test((error as Error).message)) throw error;
    }
    await book(await connect());
    return 'booked again';
  };
const oneSeat: Scenario['invariants'] = [
  {
    name: 'one seat',
    check: ({ tables }) =>
      tables.bookings!.length > 1 ? [{ resource: 'alice', message: 'booked twice', usage: tables.bookings!.length, capacity: 1 }] : [],
  },
];
const twice = () => scenarioOf({ alice: bookWithRetry('INSERT INTO bookings (seat) VALUES (1)') }, [...LOST, ...DEAD], oneSeat);
const once = () =>
  scenarioOf(
    { alice: bookWithRetry("INSERT INTO bookings (seat, key) VALUES (1, 'a') ON CONFLICT (key) DO NOTHING") },
    [...LOST, ...DEAD],
    oneSeat,
  );
const limits = DEFAULT_LIMITS;
const explore = ({ scenario, plan }: ReturnType<typeof twice>) =>
  explorePlan(scenario, plan, { strategy: 'auto', limits, postgres: postgres(), model: true });

describe('a retry over a new connection', () => {
  test('books twice where the COMMIT was carried out and the answer was lost', async () => {
    const { scenario, plan } = twice();
    const { verdict, failure, witnesses } = await explore({ scenario, plan });
    expect({ verdict, fault: Number(witnesses.fault) > 0 }).toEqual({ verdict: 'violated', fault: true });
    const found = await makeCounterexample(scenario, failure!, { limits, postgres: postgres() });
    expect(found).toMatchObject({ actors: 1, switches: 0, minimal: true, confirmedOnPostgres: true, plan: { faults: LOST } });
    const recording = decodeToken(found.token);
    expect(recording.schedule.map(({ kind }) => kind)).toEqual(['step', 'step', 'unanswered', 'step', 'step', 'step']);
    const model = new ModelEngine();
    expect(await replayOn(scenario, recording, model)).toMatchObject({ matches: true, violated: true });
    const story = storyLines(scenario.name, found, '', { width: 100, color: false }).join('\n');
    expect(story).toContain('<committed; connection lost before the answer>');
    expect(story).toContain('· 1 actor · connection lost');
  });

  test('is harmless with a key of its own', async () => {
    expect(await explore(once())).toMatchObject({ verdict: 'proved' });
  });
});

/** What operations have come to in all interleavings, with the kinds of steps, as text. */
async function outcomes(operation: Operation, faults: readonly Fault[]): Promise<string[]> {
  const { scenario, plan } = scenarioOf({ alice: operation }, faults);
  const engine = new ModelEngine();
  const machine = new Machine(scenario, plan, engine);
  const seen = new Set<string>();
  const apply = machine.apply.bind(machine);
  machine.apply = async (...given) => {
    const step = await apply(...given);
    if (step.finished !== null) seen.add(JSON.stringify(Object.values(step.finished)[0]));
    if (step.kind === 'dies')
      seen.add(`dead, ${step.after.committed.tables.bookings!.length} and ${step.after.committed.tables.paid!.length}`);
    return step;
  };
  await search(machine, engine, { maxStates: 1_000 });
  return [...seen].sort();
}

describe('an operation', () => {
  test('of the shipped systems answers with a typed refusal, whenever its connection is lost, and keeps what must hold', async () => {
    const plan: Plan = {
      ...drawPlans(conditional, conditional.workloads[0]!, 'READ COMMITTED', { actors: 2 }, '1', 1)[0]!,
      faults: LOST,
    };
    const engine = new ModelEngine();
    const machine = new Machine(conditional, plan, engine);
    const codes = new Set<unknown>();
    const apply = machine.apply.bind(machine);
    machine.apply = async (...given) => {
      const step = await apply(...given);
      if (step.finished !== null && 'error' in step.finished) codes.add(step.finished.error);
      else if (step.finished !== null) codes.add((step.finished.value as { code?: string }).code);
      return step;
    };
    const { graph, complete } = await search(machine, engine, { maxStates: 5_000 });
    expect({ complete, violating: count(graph, 0).violating }).toEqual({ complete: true, violating: 0n });
    expect([...codes].sort()).toEqual(['AVAILABILITY_CONFLICT', 'DATABASE_UNAVAILABLE', undefined]);
  });

  const attempt = async (work: () => Promise<unknown>) => {
    try {
      await work();
      return 'fine';
    } catch (error) {
      return [(error as Error).message, (error as { code?: string }).code ?? null];
    }
  };
  const terminated = '["Connection terminated unexpectedly",null]';
  const notQueryable = '["Client has encountered a connection error and is not queryable",null]';

  test('hears of a lost connection as pg tells it, and every later query on that client fails', async () => {
    const twoReads: Operation = async ({ client }) => [
      await attempt(() => client.query('SELECT 1')),
      await attempt(() => client.query('SELECT 2')),
    ];
    expect(await outcomes(twoReads, LOST)).toEqual([`["fine","fine"]`, `["fine",${terminated}]`, `[${terminated},${notQueryable}]`]);
  });

  test('that does something else meanwhile hears of it later', async () => {
    const reads: Operation = async ({ client, cache }) => {
      await cache.get('k');
      return attempt(() => client.query('SELECT 1'));
    };
    expect(await outcomes(reads, LOST)).toEqual(['"fine"', notQueryable, terminated]);
  });

  test('may die between two transactions, and not without the first', async () => {
    const two: Operation = async ({ client }) => {
      await client.query("INSERT INTO paid VALUES ('a')");
      await client.query('INSERT INTO bookings (seat) VALUES (1)');
    };
    expect(await outcomes(two, DEAD)).toEqual(['dead, 0 and 0', 'dead, 0 and 1', 'null']);
  });

  test('that is not concerned is spared', async () => {
    const reads: Operation = async ({ client }) => attempt(() => client.query('SELECT 1'));
    expect(await outcomes(reads, [{ kind: 'connection-lost', operation: 'bob' }])).toEqual(['"fine"']);
    expect(await outcomes(reads, [{ kind: 'connection-lost', operation: 'alice' }])).toEqual(['"fine"', terminated]);
  });

  test('that wants a second session beside its first is refused by name', async () => {
    const two: Operation = async ({ connect }: OperationContext) => connect();
    await expect(outcomes(two, LOST)).rejects.toThrow('a second session beside the one that an operation has');
  });
});

describe('equal states', () => {
  test('are merged without a loss', async () => {
    const { scenario, plan } = scenarioOf(
      {
        alice: bookWithRetry('INSERT INTO bookings (seat) VALUES (1)'),
        bob: async ({ client }) => client.query('SELECT * FROM bookings ORDER BY id'),
      },
      [...LOST, ...DEAD],
      oneSeat,
    );
    expect(await expectNoLossByMerging(scenario, plan, 30_000)).toBeGreaterThan(0n);
  });
});
