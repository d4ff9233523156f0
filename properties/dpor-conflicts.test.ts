import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Operation } from '../src/context.js';
import { PostgresEngine } from '../src/engine/postgres/engine.js';
import { PAIR_NAMES, withoutPair } from '../src/explore/dpor/conflicts.js';
import type { ScriptedCase } from '../src/fuzz/scripted.js';
import type { PostgresServer } from '../src/index.js';
import type { Plan } from '../src/plan/plan.js';
import type { IsolationLevel, Monitor, Scenario } from '../src/scenario.js';
import { bothOf, bothOfPlan, bothOnServer, type Shown } from './dpor-checks.js';
import { openPinnedServer } from './pinned-server.js';

/** Each pair of effects that conflicts is needed: a program from whose orders something is lost, or counted wrongly, where it is left out. */

const schema = `
  CREATE TABLE items (id int PRIMARY KEY, v int NOT NULL);
  CREATE TABLE notes (id int PRIMARY KEY, item int REFERENCES items, v int);
  CREATE SEQUENCE tickets;
`;
const seed = 'INSERT INTO items VALUES (1, 1), (2, 2)';
const block = (...statements: string[]) => ['BEGIN', ...statements, 'COMMIT'].join('; ');
const repeatable = (...statements: string[]) => ['BEGIN ISOLATION LEVEL REPEATABLE READ', ...statements, 'COMMIT'].join('; ');

const serializable = (...statements: string[]) => ['BEGIN ISOLATION LEVEL SERIALIZABLE', ...statements, 'COMMIT'].join('; ');

const cases: Readonly<Record<string, readonly string[]>> = {
  'reads/publishes': ['SELECT v FROM items WHERE id = 1', 'UPDATE items SET v = 5 WHERE id = 1'],
  'snapshot/publishes': [repeatable('SELECT v FROM items WHERE id = 2', 'SELECT count(*) FROM items'), 'INSERT INTO items VALUES (3, 1)'],
  'snapshot/renews': [
    repeatable('SELECT v FROM items WHERE id = 2', 'UPDATE items SET v = 9 WHERE id = 1'),
    block('UPDATE items SET v = v WHERE id = 1', 'SELECT v FROM items WHERE id = 2 FOR UPDATE'),
    block('UPDATE items SET v = v WHERE id = 1'),
  ],
  'locks/renews': [
    'UPDATE items SET v = v WHERE id = 2',
    serializable('DELETE FROM items WHERE id = 2', 'SELECT v FROM items WHERE id = 1'),
    'SELECT v FROM items WHERE id = 2 FOR KEY SHARE',
  ],
  'locks/locks': [
    block('SELECT v FROM items WHERE id = 1 FOR UPDATE', 'SELECT 1'),
    block('SELECT v FROM items WHERE id = 1 FOR UPDATE NOWAIT', 'SELECT 1'),
  ],
  'locks/writes': [
    block('SELECT v FROM items WHERE id = 1 FOR UPDATE NOWAIT', 'SELECT 1'),
    block('UPDATE items SET v = v WHERE id = 1', 'SELECT 1'),
  ],
  'writes/writes': [
    block('UPDATE items SET v = 2 * v WHERE id = 1', 'SELECT 1'),
    block('UPDATE items SET v = v + 3 WHERE id = 1', 'SELECT 1'),
  ],
  'inserts/inserts': [block('INSERT INTO items VALUES (3, 1)', 'SELECT 1'), block('INSERT INTO items VALUES (3, 2)', 'SELECT 1')],
  'inserts/writes': [block('INSERT INTO items VALUES (1, 7)', 'SELECT 1'), block('DELETE FROM items WHERE id = 1', 'SELECT 1')],
  'draws/draws': ["SELECT nextval('tickets')", "SELECT nextval('tickets')"],
  'advisory/advisory': [block('SELECT pg_try_advisory_xact_lock(1)', 'SELECT 1'), block('SELECT pg_try_advisory_xact_lock(1)', 'SELECT 1')],
  'releases/locks': [
    block('SELECT v FROM items WHERE id = 1 FOR UPDATE', 'SELECT 1'),
    block('SELECT v FROM items WHERE id = 1 FOR UPDATE NOWAIT'),
  ],
  'releases/writes': [
    block('SELECT v FROM items WHERE id = 1 FOR UPDATE', 'SELECT 1'),
    block('UPDATE items SET v = 4 WHERE id = 1', 'SELECT 1'),
  ],
  'releases/inserts': [
    block('INSERT INTO items VALUES (3, 1)', 'ROLLBACK TO nothing'),
    block('INSERT INTO items VALUES (3, 2)', 'SELECT 1'),
  ],
  'releases/advisory': [block('SELECT pg_advisory_xact_lock(1)', 'SELECT 1'), block('SELECT pg_try_advisory_xact_lock(1)', 'SELECT 1')],
  'remembers/changes': [
    serializable('SELECT v FROM items WHERE id = 1 FOR KEY SHARE', 'INSERT INTO items VALUES (1, 1)'),
    serializable('UPDATE items SET v = v + 1 WHERE id = 1'),
    serializable('DELETE FROM items WHERE id = 1'),
  ],
  'serializable/serializable-end': [
    serializable('UPDATE items SET v = v WHERE id = 1', 'INSERT INTO items VALUES (3, 1)'),
    serializable('DELETE FROM items WHERE id = 2', 'SELECT count(*) FROM items'),
  ],
  'serializable-end/serializable-end': [
    serializable('UPDATE items SET v = v WHERE id = 1'),
    serializable('UPDATE items SET v = v + 1 WHERE id = 2', 'INSERT INTO items VALUES (3, 1)'),
  ],
};

/** What the model has no footprints for, and what it cannot be asked. */
const onServer: Readonly<Record<string, readonly string[]>> = {
  'table/reads': [block('LOCK TABLE items', 'UPDATE items SET v = 9 WHERE id = 1'), 'SELECT v FROM items WHERE id = 1'],
  'table/rereads': [
    repeatable('SELECT v FROM notes', 'SELECT v FROM items WHERE id = 1'),
    block('LOCK TABLE items IN ACCESS EXCLUSIVE MODE', 'SELECT 1'),
  ],
  'table/inserts': [block('LOCK TABLE items IN SHARE MODE', 'SELECT 1'), block('INSERT INTO items VALUES (3, 1)', 'SELECT 1')],
  'table/table': [block('LOCK TABLE items', 'SELECT 1'), block('LOCK TABLE items NOWAIT', 'SELECT 1')],
  'releases/table': [block('SELECT v FROM items WHERE id = 1', 'SELECT 1'), block('LOCK TABLE items NOWAIT', 'SELECT 1')],
  'releases/reads': [block('LOCK TABLE items', 'SELECT 1'), block('SELECT v FROM items WHERE id = 1', 'SELECT 1')],
  'releases/rereads': [
    block('LOCK TABLE items', 'SELECT 1'),
    repeatable('SELECT v FROM notes', 'SELECT v FROM items WHERE id = 1', 'SELECT 1'),
  ],
};

/** Steps without SQL: files, keys of the cache, and what a monitor has seen. */
const inTheWorld: Readonly<Record<string, Operation>> = {
  'store/store': async ({ store }, name: string) => [await store.write('last', name), await store.read('last')],
  'cache/cache': async ({ cache }, name: string) => [await cache.set('last', name, 1000), await cache.get('last')],
  'seen/seen': async ({ client, emit }, name: string) => {
    await client.query('SELECT 1');
    emit({ type: name });
    await client.query('SELECT 2');
  },
};

/** Knows the order of the events. */
const order: Monitor = {
  name: 'order',
  initial: () => [],
  observe: (state: readonly string[], { events }) => [...state, ...events.map(({ type }) => type)],
  violations: () => [],
};

const worldOf = (name: string): { scenario: Scenario; plan: Plan } => ({
  scenario: {
    name: 'world/world',
    description: 'Two actors that do the same.',
    schema,
    seed: () => seed,
    operations: { op: inTheWorld[name]! },
    workloads: [],
    invariants: [],
    monitors: name === 'seen/seen' ? [order] : [],
    expect: {},
  },
  plan: {
    scenario: 'world/world',
    workload: 'world',
    isolation: 'READ COMMITTED',
    capacity: 1,
    actors: ['alice', 'bob'].map((actor) => ({ name: actor, operation: 'op', input: actor })),
    seed: 'world',
  },
});

const explored = (scripts: readonly string[], isolation: IsolationLevel = 'READ COMMITTED') => {
  const scripted: ScriptedCase = { schema, seed, isolation, scripts };
  return bothOf(scripted, { delays: false });
};

/** Whether the reduced search shows all that every order shows, and counts as many. */
function isWhole({ all, reduced }: { readonly all: Shown; readonly reduced: Shown }): boolean {
  const same = (one: ReadonlySet<string>, other: ReadonlySet<string>) =>
    one.size === other.size && [...one].every((item) => other.has(item));
  return same(all.endings, reduced.endings) && same(all.committed, reduced.committed) && all.orders === reduced.orders;
}

/** `both` explores a program in both ways. */
async function expectNeeded(name: string, both: () => Promise<{ readonly all: Shown; readonly reduced: Shown } | null>): Promise<void> {
  expect(PAIR_NAMES).toContain(name);
  expect(isWhole((await both())!)).toBe(true);
  const restore = withoutPair(name);
  try {
    expect(
      await both().then(
        (found) => isWhole(found!),
        () => false,
      ),
    ).toBe(false);
  } finally {
    restore();
  }
}

let server: PostgresServer;
let engine: PostgresEngine;
beforeAll(async () => {
  server = await openPinnedServer();
  engine = new PostgresEngine(server);
}, 60_000);
afterAll(async () => {
  await engine.close();
  await server.close();
});

describe('a pair that is left out costs orders', () => {
  test.each(Object.entries(cases))('%s', (name, scripts) => expectNeeded(name, () => explored(scripts)));

  test.each(Object.keys(inTheWorld))('%s', (name) => {
    const { scenario, plan } = worldOf(name);
    return expectNeeded(name, () => bothOfPlan(scenario, plan, { delays: false }));
  });

  test.each(Object.entries(onServer))('%s, on the server', (name, scripts) =>
    expectNeeded(name, () =>
      bothOnServer({ schema, seed, isolation: 'READ COMMITTED', scripts }, engine, { maxRuns: 2_000, delays: false }),
    ),
  );

  test('every pair is shown', () => {
    expect([...Object.keys(cases), ...Object.keys(inTheWorld), ...Object.keys(onServer)].sort()).toEqual([...PAIR_NAMES].sort());
  });
});

test.each([
  ['an advisory lock of an earlier transaction', 'SELECT pg_advisory_lock(1)'],
  ['one that a function has taken', 'SELECT keeps(1)'],
])('a wait is not left out while its session has %s', async (_, takes) => {
  const both = await bothOnServer(
    {
      schema: `${schema} CREATE FUNCTION keeps(k int) RETURNS void LANGUAGE sql AS 'SELECT pg_advisory_lock(k)';`,
      seed,
      isolation: 'READ COMMITTED',
      scripts: [
        [takes, 'UPDATE items SET v = 5 WHERE id = 1', 'SELECT pg_advisory_unlock_all()'].join('; '),
        block('UPDATE items SET v = 7 WHERE id = 1', 'SELECT pg_advisory_lock(1)'),
      ],
    },
    engine,
    { maxRuns: 2_000 },
  );
  expect(both!.reduced.endings).toEqual(both!.all.endings);
});

/** Known from elsewhere: how many orders there are, and how many have to be run at the most. */
test.each([
  [
    'that touch nothing of each other',
    [block('SELECT v FROM items WHERE id = 1', 'SELECT 1'), block('SELECT v FROM items WHERE id = 2', 'SELECT 1')],
    1,
  ],
  [
    'that read one row each and write the other',
    [
      block('SELECT v FROM items WHERE id = 1', 'UPDATE items SET v = 0 WHERE id = 2'),
      block('SELECT v FROM items WHERE id = 2', 'UPDATE items SET v = 0 WHERE id = 1'),
    ],
    4,
  ],
])('of the orders of two transactions %s as few are run', async (_, scripts, runs) => {
  const { all, reduced } = (await explored(scripts))!;
  expect(reduced.orders).toBe(all.orders);
  expect(reduced.runs).toBeLessThanOrEqual(runs);
});
