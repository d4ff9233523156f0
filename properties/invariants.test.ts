/** Invariants: when they are checked, in which order they are told, and what is said where one of them fails itself. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  DEFAULT_LIMITS,
  explainFailure,
  type Invariant,
  makeCounterexample,
  type Operation,
  openServer,
  PostgresEngine,
  type PostgresServer,
} from '../src/index.js';
import { brokenBy } from '../src/report/broken.js';
import { outcomeOf, planOf, seatsScenario } from './small-scenarios.js';

let server: PostgresServer;
let postgres: PostgresEngine;
beforeAll(async () => {
  server = await openServer('embedded');
  postgres = new PostgresEngine(server);
});
afterAll(async () => {
  await postgres?.close();
  await server?.close();
});

const sell: Operation = async ({ client }) => {
  await client.query('UPDATE seats SET free = free - 1 WHERE id = 1');
  return {};
};
const inSql: Invariant = { name: 'in-sql', sql: `SELECT 'seat 1' AS resource, 'is sold' AS message FROM seats WHERE free < 1` };
const inCode: Invariant = {
  name: 'in-code',
  check: ({ tables }) => (Number(tables.seats![0]!.free) < 1 ? [{ resource: 'seat 1', message: 'is sold' }] : []),
};

describe('what one step breaks', () => {
  test.each([
    ['SQL first', [inSql, inCode]],
    ['TypeScript first', [inCode, inSql]],
  ])('is told whole, in the order of the scenario, on both engines: %s', async (_, invariants) => {
    const scenario = seatsScenario({ sell }, { invariants, monitors: [soldMonitor] });
    const { verdict, plans } = await outcomeOf(scenario, [planOf(scenario, 'sell')], { postgres });
    expect(verdict).toBe('violated');
    const counterexample = await makeCounterexample(scenario, plans[0]!.failure!, { limits: DEFAULT_LIMITS, postgres });
    expect(brokenBy(counterexample).map(({ invariant }) => invariant)).toEqual([...invariants.map(({ name }) => name), 'past']);
    expect(counterexample.replays).toEqual({ matched: 10, of: 10 });
  });

  test('is told in one order where an invariant in SQL returns several rows without an order', async () => {
    const rows: Invariant = { name: 'rows', sql: `SELECT 'seat ' || id::text AS resource, 'is sold' AS message FROM seats WHERE free < 1` };
    const scenario = seatsScenario(
      {
        sell: async ({ client }) => {
          await client.query('UPDATE seats SET free = 0 WHERE id > 0');
          return {};
        },
      },
      { invariants: [rows], seed: () => 'INSERT INTO seats VALUES (3, 1), (1, 1), (2, 1);' },
    );
    const { verdict, plans } = await outcomeOf(scenario, [planOf(scenario, 'sell')], { postgres });
    expect(verdict).toBe('violated');
    const counterexample = await makeCounterexample(scenario, plans[0]!.failure!, { limits: DEFAULT_LIMITS, postgres });
    expect(brokenBy(counterexample).map(({ resource }) => resource)).toEqual(['seat 1', 'seat 2', 'seat 3']);
  });
});

const soldMonitor = {
  name: 'past',
  initial: () => false,
  observe: (_state: boolean, { committed }: { committed: { tables: Readonly<Record<string, readonly { free?: unknown }[]>> } }) =>
    Number(committed.tables.seats![0]!.free) < 1,
  violations: (sold: boolean) => (sold ? [{ resource: 'seat 1', message: 'was sold' }] : []),
};

describe('an invariant for the end of a run', () => {
  /** Takes the seat and gives it back. */
  const passing: Operation = async ({ client }) => {
    await client.query('UPDATE seats SET free = free - 1 WHERE id = 1');
    await client.query('UPDATE seats SET free = free + 1 WHERE id = 1');
    return {};
  };
  const atEnd = [inSql, inCode].map((invariant): Invariant => ({ ...invariant, at: 'end' }));

  test('holds where it is broken on the way only', async () => {
    const scenario = seatsScenario({ passing }, { invariants: atEnd });
    expect(await outcomeOf(scenario, [planOf(scenario, 'passing', 'passing')], { postgres })).toMatchObject({ verdict: 'proved' });
    const always = seatsScenario({ passing }, { invariants: [inSql] });
    expect(await outcomeOf(always, [planOf(always, 'passing', 'passing')])).toMatchObject({ verdict: 'violated' });
  });

  test.each([
    ['both engines', true],
    ['the server alone', false],
  ])('is broken by the last step, on %s', async (_, model) => {
    const scenario = seatsScenario({ sell, passing }, { invariants: atEnd });
    const plan = planOf(scenario, 'sell', 'passing');
    const { verdict, plans } = await outcomeOf(scenario, [plan], { postgres, model, limits: { ...DEFAULT_LIMITS, runs: 10 } });
    expect(verdict).toBe('violated');
    const { history, ...found } = await makeCounterexample(scenario, plans[0]!.failure!, { limits: DEFAULT_LIMITS, postgres });
    expect(brokenBy({ history, ...found })).toEqual(
      ['in-sql', 'in-code'].map((invariant) => ({ invariant, resource: 'seat 1', message: 'is sold', atEnd: true })),
    );
    expect(history.violations.every(({ step }) => step === history.steps.length - 1)).toBe(true);
  });
});

describe('an invariant that fails itself is named, and is bad input', () => {
  const failing = async (invariant: Partial<Invariant>, options: Parameters<typeof outcomeOf>[2] = {}) => {
    const scenario = seatsScenario({ sell }, { invariants: [{ name: 'mine', ...invariant }] });
    const failure = await outcomeOf(scenario, [planOf(scenario, 'sell')], options).then(
      ({ verdict }) => verdict,
      (error: unknown) => explainFailure(error, scenario.name, null),
    );
    return failure;
  };

  test.each([true, false])('SQL with a slip, with the words of PostgreSQL: model %s', async (model) => {
    expect(await failing({ sql: 'SELECT id FROM seats WHERE fre < 0' }, model ? {} : { postgres, model })).toMatchObject({
      kind: 'scenario',
      message: 'own/seats: the invariant "mine" fails: 42703 column "fre" does not exist, in: SELECT id FROM seats WHERE fre < 0',
    });
  });

  test('code that throws, with its place', async () => {
    expect(await failing({ check: ({ tables }) => tables.Seats!.map(() => ({ resource: '', message: '' })) })).toMatchObject({
      kind: 'scenario',
      message: expect.stringMatching(/^own\/seats: the invariant "mine" throws TypeError: /),
      trace: [expect.stringContaining('invariants.test.ts')],
    });
  });

  test('SQL that changes something', async () => {
    expect(await failing({ sql: 'UPDATE seats SET free = 0' }, { postgres, model: false })).toMatchObject({
      message: expect.stringContaining('the invariant "mine" must be a query'),
    });
  });

  test('SQL that the model does not answer, which is no slip', async () => {
    const scenario = seatsScenario({ sell }, { invariants: [{ name: 'mine', sql: 'SELECT id FROM seats WHERE xmin IS NULL' }] });
    expect(await outcomeOf(scenario, [planOf(scenario, 'sell')])).toMatchObject({
      verdict: 'unmodelled',
      reason: expect.stringMatching(/^the model does not answer the invariant "mine": /),
    });
  });
});

test('a monitor and a witness that throw are named', async () => {
  const scenario = (rest: object) => seatsScenario({ sell }, rest);
  const broken = () => {
    throw new RangeError('no such day');
  };
  const monitored = scenario({ monitors: [{ name: 'mine', initial: () => null, observe: broken, violations: () => [] }] });
  await expect(outcomeOf(monitored, [planOf(monitored, 'sell')])).rejects.toThrow('the monitor "mine" throws RangeError: no such day');
  const witnessed = scenario({ witnesses: [{ name: 'mine', seen: broken }] });
  await expect(outcomeOf(witnessed, [planOf(witnessed, 'sell')])).rejects.toThrow('the witness "mine" throws RangeError: no such day');
});
