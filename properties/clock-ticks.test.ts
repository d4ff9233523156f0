/** Clock ticks as steps: every interleaving on the model, every transition on a real server, and what actors read of the clock. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { count } from '../src/explore/graph.js';
import { search } from '../src/explore/search.js';
import {
  always,
  DEFAULT_LIMITS,
  decodeToken,
  encodeToken,
  explorePlan,
  ModelEngine,
  makeCounterexample,
  type Operation,
  type Plan,
  type PlanOptions,
  readScheduleFile,
  replayOn,
  type Scenario,
  scheduleFile,
  storyLines,
  type Workload,
} from '../src/index.js';
import { Machine } from '../src/machine.js';
import { drawPlans } from '../src/plan/draw.js';
import { run } from '../src/run.js';
import { delayed } from '../src/schedule/bounded.js';
import { BOTH, block, onServer, RC } from './model-cases.js';

const { conforms, postgres } = onServer();
const plain = () => new ModelEngine();

const MINUTE = 60_000;
const ticks = (...minutes: number[]): Plan['faults'] => minutes.map((each) => ({ kind: 'tick', advanceMs: each * MINUTE }));

const schema = `
  CREATE TABLE holds (id int PRIMARY KEY, expires timestamptz NOT NULL, status text NOT NULL, made timestamptz NOT NULL DEFAULT now());
  CREATE TABLE days (id serial PRIMARY KEY, day date NOT NULL DEFAULT current_date);
`;
const seed = "INSERT INTO holds (id, expires, status) VALUES (1, '2026-01-01 00:10:00+00', 'active');";
const timed = { schema, seed, faults: ticks(15) };
const sweep = "UPDATE holds SET status = 'expired' WHERE status = 'active' AND expires <= now()";
const confirm = "UPDATE holds SET status = 'confirmed' WHERE id = 1 AND status = 'active' AND expires > now()";

describe('now() on both engines', () => {
  conforms([
    {
      ...timed,
      name: 'stands still in a transaction from its BEGIN on',
      scripts: [block('SELECT now() AS a', 'SELECT now() AS b, transaction_timestamp() AS c'), 'SELECT now() AS d'],
    },
    {
      ...timed,
      name: 'its kin, and what is reckoned from it',
      scripts: [
        block(
          'SELECT current_timestamp AS a, localtimestamp AS b',
          "SELECT now() + interval '90 min' AS a, current_date - 1 AS b, date_trunc('hour', now()) AS c",
        ),
        "SELECT age(timestamptz '2025-12-24') AS a, current_timestamp(0) AS b",
      ],
      faults: ticks(15, 60 * 24),
    },
    {
      ...timed,
      name: 'a default, and a statement that is a transaction of its own',
      scripts: [
        block(
          "INSERT INTO holds (id, expires, status) VALUES (2, now(), 'active')",
          'INSERT INTO days DEFAULT VALUES',
          'SELECT * FROM holds ORDER BY id',
        ),
        "INSERT INTO holds (id, expires, status) VALUES (3, now(), 'active')",
      ],
      at: RC,
    },
    {
      ...timed,
      name: 'a hold is confirmed or swept, and never both; who waits keeps the time of his BEGIN',
      scripts: [block(confirm), sweep],
      sees: ['waits', 'UPDATE 0', 'UPDATE 1'],
      at: BOTH,
    },
    {
      ...timed,
      name: 'after an error and a savepoint',
      scripts: [block('SAVEPOINT s', 'SELECT 1 / 0', 'ROLLBACK TO s', 'SELECT now() AS a')],
      sees: ['22012'],
      stubborn: true,
    },
  ]);
});

/** One room; a hold on it that expires; a sweeper that gives it back; somebody else who takes a room that is free. */
const confirmHold = (guard: string): Operation => {
  return async ({ client, clock }) => {
    await client.query('BEGIN');
    const { rows } = await client.query<{ expires: Date }>(`SELECT expires FROM holds WHERE id = 1 ${guard}`);
    const expired = rows.length === 0 || rows[0]!.expires <= clock.now();
    if (!expired) await client.query("UPDATE holds SET status = 'confirmed' WHERE id = 1");
    await client.query(expired ? 'ROLLBACK' : 'COMMIT');
  };
};
const expireHolds: Operation = async ({ client, clock }) => {
  await client.query("UPDATE holds SET status = 'expired' WHERE status = 'active' AND expires <= $1", [clock.now()]);
};
const takeRoom: Operation = async ({ client, clock }) => {
  const { rows } = await client.query("SELECT id FROM holds WHERE status <> 'expired'");
  if (rows.length === 0) await client.query("INSERT INTO holds VALUES (2, $1, 'active')", [clock.now()]);
};
const workload: Workload = {
  name: 'rooms',
  capacity: always(1),
  roles: [
    { operation: 'confirmHold', input: always(null), name: 'guest' },
    { operation: 'expireHolds', input: always(null), name: 'sweeper' },
    { operation: 'takeRoom', input: always(null), name: 'other' },
  ],
  faults: ticks(15)!,
};
const hotel = (guard: string): Scenario => ({
  name: 'rooms/holds',
  description: 'A hold that expires.',
  schema: 'CREATE TABLE holds (id int PRIMARY KEY, expires timestamptz NOT NULL, status text NOT NULL);',
  seed: () => seed,
  operations: { confirmHold: confirmHold(guard), expireHolds, takeRoom },
  workloads: [workload],
  invariants: [
    {
      name: 'capacity',
      check: ({ tables }) => {
        const usage = tables.holds!.filter((hold) => hold.status !== 'expired').length;
        return usage > 1 ? [{ resource: 'room', message: 'taken twice', usage, capacity: 1 }] : [];
      },
    },
  ],
  requires: ['tick'],
  expect: {},
});
const unguarded = hotel('');
const guarded = hotel("AND status = 'active' FOR UPDATE");
const planOf = (scenario: Scenario): Plan => drawPlans(scenario, workload, 'READ COMMITTED', {}, '1', 1)[0]!;
const limits = { ...DEFAULT_LIMITS, runs: 300, serverRuns: 300 };
const explore = (scenario: Scenario, options: Partial<PlanOptions> = {}, faults: Plan['faults'] = undefined) =>
  explorePlan(
    scenario,
    { ...planOf(scenario), ...(faults && { faults }) },
    { strategy: 'auto', limits, postgres: null, model: true, ...options },
  );

describe('a hold that expires while it is confirmed', () => {
  test('is given away twice without a guard: one tick of two is enough, and it is told between the lanes', async () => {
    const { verdict, failure, witnesses } = await explore(unguarded, { postgres: postgres() }, ticks(15, 15));
    expect({ verdict, ticked: Number(witnesses.tick) > 0 }).toEqual({ verdict: 'violated', ticked: true });
    const found = await makeCounterexample(unguarded, failure!, { limits, postgres: postgres() });
    expect(found).toMatchObject({ actors: 3, minimal: true, confirmedOnPostgres: true, replays: { matched: 10, of: 10 } });
    expect(found.plan.faults).toEqual(ticks(15));
    const recording = decodeToken(found.token);
    expect(recording.plan).toEqual(found.plan);
    expect(await replayOn(unguarded, recording, plain())).toMatchObject({ matches: true, violated: true });
    expect(await replayOn(unguarded, recording, postgres())).toMatchObject({ matches: true, violated: true });
    const file = scheduleFile(recording, found.history, '0');
    expect(readScheduleFile(file)).toEqual(recording);
    expect((JSON.parse(file) as { schedule: string[] }).schedule).toContain('clock+');
    expect(storyLines(unguarded.name, found, '', { width: 120, color: false })).toContainEqual(
      expect.stringMatching(/^ {3}\d {2}~~ the clock moves on by 15 min, to 2026-01-01 00:15:00 ~~$/),
    );
  });

  test('is confirmed or given away where the row is locked and read again', async () => {
    expect(await explore(guarded, { postgres: postgres() })).toMatchObject({ verdict: 'proved' });
  });

  test('is found on the server alone, and made smaller there', async () => {
    const { failure } = await explore(unguarded, { postgres: postgres(), model: false });
    const found = await makeCounterexample(unguarded, failure!, { limits: { ...limits, replays: 1 }, postgres: postgres() });
    expect(found).toMatchObject({ actors: 3, confirmedOnPostgres: true, plan: { faults: ticks(15) } });
  });
});

const stateOf = (operations: Scenario['operations'], faults: Plan['faults']) => {
  const scenario: Scenario = { ...unguarded, operations, invariants: [] };
  const actors = Object.keys(operations).map((operation) => ({ name: operation, operation, input: null }));
  return { scenario, plan: { ...planOf(unguarded), actors, faults: faults! } };
};

/** Everything that operations have returned, in all interleavings, as text. */
async function results(operations: Scenario['operations'], faults: Plan['faults']): Promise<string[]> {
  const { scenario, plan } = stateOf(operations, faults);
  const engine = plain();
  const seen = new Set<string>();
  const machine = new Machine(scenario, plan, engine);
  const apply = machine.apply.bind(machine);
  machine.apply = async (...given) => {
    const step = await apply(...given);
    if (step.finished !== null) seen.add(JSON.stringify(step.finished));
    return step;
  };
  await search(machine, engine, { maxStates: 1_000 });
  return [...seen].sort();
}

describe('clock.now()', () => {
  const minute = (date: Date) => date.getUTCMinutes();

  test('may be read before a tick, after it, or on both sides of it', async () => {
    const reads: Operation = async ({ client, clock }) => {
      const before = minute(clock.now());
      await client.query('SELECT 1');
      return [before, minute(clock.now())];
    };
    expect(await results({ reads }, ticks(15))).toEqual(['{"value":[0,0]}', '{"value":[0,15]}', '{"value":[15,15]}']);
  });

  test('and now() of the same transaction differ where a tick falls after BEGIN', async () => {
    const reads: Operation = async ({ client, clock }) => {
      await client.query('BEGIN');
      const { rows } = await client.query<{ now: Date }>('SELECT now()');
      await client.query('COMMIT');
      return [minute(rows[0]!.now), minute(clock.now())];
    };
    expect(await results({ reads }, ticks(15))).toEqual(['{"value":[0,0]}', '{"value":[0,15]}', '{"value":[15,15]}']);
  });

  test('takes a cached value with it when its time is over', async () => {
    const reads: Operation = async ({ cache }) => {
      await cache.set('k', 'v', 10 * MINUTE);
      return cache.get('k');
    };
    expect(await results({ reads }, ticks(5, 5))).toEqual(['{"value":"v"}', '{"value":null}']);
  });

  test('is nothing that a finished run waits for: a tick that comes last comes never', async () => {
    const { scenario, plan } = stateOf({ reads: async ({ client }) => client.query('SELECT 1') }, ticks(5));
    const { steps } = await run(new Machine(scenario, plan, plain()), delayed([]));
    expect(steps.map(({ kind }) => kind)).toEqual(['statement']);
  });
});

/** An invariant that the clock alone can break. */
const lateSql = "SELECT 'hold' AS resource, 'late' AS message FROM holds WHERE status = 'confirmed' AND expires <= now()";
const late = () => {
  const { scenario, plan } = stateOf({ confirmHold: confirmHold(''), expireHolds }, ticks(5, 15));
  return { scenario: { ...scenario, invariants: [{ name: 'late', sql: lateSql }] }, plan };
};

describe('a tick in sampled schedules', () => {
  test.each(['uniform', 'pct', 'bounded', 'auto'] as const)('falls somewhere (%s)', async (strategy) => {
    const { scenario, plan } = late();
    const options = { strategy, limits: { ...limits, runs: 40, maxStates: 1 }, postgres: null, model: true };
    const { verdict, failure, model } = await explorePlan(scenario, plan, options);
    expect({ verdict, exhaustive: model!.exhaustive }).toEqual({ verdict: 'violated', exhaustive: false });
    expect(failure!.schedule.map(({ kind }) => kind)).toContain('tick');
  });
});

describe('equal states', () => {
  test('are merged without a loss: as many interleavings, violating ones and witnesses as without merging', async () => {
    const { scenario, plan } = late();
    const counts = async (unmerged: boolean) => {
      const engine = plain();
      const machine = new Machine(scenario, plan, engine);
      const { graph, complete } = await search(machine, engine, { maxStates: 20_000, unmerged });
      expect(complete).toBe(true);
      return { ...count(graph, machine.witnesses.length), nodes: graph.nodes.length };
    };
    const [merged, unmerged] = [await counts(false), await counts(true)];
    expect({ ...merged, nodes: 0 }).toEqual({ ...unmerged, nodes: 0 });
    expect(merged.violating).toBeGreaterThan(0n);
    expect(merged.nodes).toBeLessThan(unmerged.nodes);
  });
});

describe('what is not known', () => {
  test.each(['SELECT clock_timestamp()', 'SELECT Statement_Timestamp() AS a', 'COMMIT AND CHAIN'])(
    '%s is refused by name',
    async (text) => {
      const operations = { reads: (async ({ client }) => client.query(text)) satisfies Operation };
      const { scenario, plan } = stateOf(operations, ticks(5));
      for (const model of [true, false])
        expect(await explorePlan(scenario, plan, { strategy: 'auto', limits, postgres: postgres(), model })).toMatchObject({
          verdict: 'unmodelled',
          reason: expect.stringContaining('where the clock may move on'),
        });
    },
  );

  test.each([
    ['a mark that is none', (token: unknown[]) => token.with(6, '*')],
    ['a tick backwards', (token: unknown[]) => token.with(9, [{ kind: 'tick', advanceMs: -1 }])],
    ['no fault at all', (token: unknown[]) => token.with(9, [null])],
  ])('a token with %s is refused', async (_, spoil) => {
    const plan = planOf(unguarded);
    const token = encodeToken({ plan, schedule: [{ actor: -1, kind: 'tick' }], hashes: ['abcd'], violation: null });
    expect(decodeToken(token).schedule).toEqual([{ actor: -1, kind: 'tick' }]);
    const body = Buffer.from(JSON.stringify(spoil(JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()))), 'utf8').toString(
      'base64url',
    );
    const sum = createHash('sha256').update(body).digest('base64url').slice(0, 6);
    expect(() => decodeToken(`ls1.${body}.${sum}`)).toThrow('damaged');
  });
});
