/** How operations end is counted, and a pass in which nothing was tested is vacuous. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { activityIn, SampledActivity } from '../src/explore/operations.js';
import { search } from '../src/explore/search.js';
import { DEFAULT_LIMITS, ModelEngine, type Operation, openServer, PostgresEngine, type PostgresServer } from '../src/index.js';
import { Machine } from '../src/machine.js';
import { operationLines } from '../src/report/operations.js';
import { run } from '../src/run.js';
import { following } from '../src/schedule/replay.js';
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

const refusal = (code: string) => ({ rejected: true, code, status: 409, message: `no: ${code}` });

/** Takes the seat where it is free; at REPEATABLE READ it may throw 40001. */
const sell: Operation = async ({ client }) => {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
  try {
    const { rows } = await client.query<{ free: number }>('SELECT free FROM seats WHERE id = 1');
    if (rows[0]!.free < 1) {
      await client.query('ROLLBACK');
      return refusal('SOLD_OUT');
    }
    await client.query('UPDATE seats SET free = free - 1 WHERE id = 1');
    await client.query('COMMIT');
    return { sold: true };
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
};
const look: Operation = async ({ client }) => (await client.query('SELECT free FROM seats')).rows;

/** With three servers: the whole engine, the model alone, the server alone. */
const ENGINES: readonly (readonly [string, () => Parameters<typeof outcomeOf>[2]])[] = [
  ['both engines', () => ({ postgres })],
  ['the model', () => ({})],
  ['the server', () => ({ postgres, model: false, limits: { ...DEFAULT_LIMITS, runs: 30 } })],
];

describe('operations are counted', () => {
  test('over all interleavings, as a walk of each of them counts', async () => {
    const scenario = seatsScenario({ sell, look });
    const plan = planOf(scenario, 'sell', 'sell', 'look');
    const engine = new ModelEngine();
    const machine = new Machine(scenario, plan, engine);
    const { graph } = await search(machine, engine, { maxStates: 10_000 });
    const merged = activityIn(machine, graph);

    const { graph: tree } = await search(machine, engine, { maxStates: 200_000, unmerged: true });
    const walked = new SampledActivity(machine);
    const walk = async (node: typeof tree.root, schedule: (typeof tree.root.edges)[number]['choice'][]): Promise<void> => {
      if (node.edges.length === 0) walked.note(await run(machine, following(schedule)));
      for (const edge of node.edges) await walk(edge.to, [...schedule, edge.choice]);
    };
    await walk(tree.root, []);

    expect(merged.figures).toEqual(walked.activity.figures);
    expect(merged.activity).toEqual(walked.activity.activity);
    const { sell: sold } = merged.figures;
    expect([Object.keys(sold!.refused), Object.keys(sold!.threw)]).toEqual([['SOLD_OUT'], ['40001']]);
  });

  test('by what they returned, were refused and threw, in words', () => {
    const figures = { returned: '1200', refused: { FULL: '4' }, threw: { '42P01': '20', TypeError: '1' }, unended: '2' };
    expect(operationLines({ transfer: figures, look: { returned: '3', refused: {}, threw: {} } })).toEqual([
      'transfer: 1,200 returned, 4 refused FULL, 20 threw 42P01, 1 threw TypeError, 2 did not end',
      'look: 3 returned',
    ]);
  });

  test('over the plans of a scenario', async () => {
    const scenario = seatsScenario({ sell, look });
    const { operations, plans } = await outcomeOf(scenario, [planOf(scenario, 'sell', 'look'), planOf(scenario, 'look', 'sell')]);
    const [first, second] = plans.map((plan) => BigInt(plan.operations.look!.returned));
    expect(operations.look).toEqual({ returned: String(first! + second!), refused: {}, threw: {} });
  });
});

describe.each(ENGINES)('a pass is vacuous, on %s,', (_, options) => {
  const verdictOf = async (operations: Readonly<Record<string, Operation>>, ...names: string[]) => {
    const scenario = seatsScenario(operations);
    return outcomeOf(scenario, [planOf(scenario, ...names)], options());
  };
  const update = 'UPDATE seats SET free = free WHERE id = 1';

  test('where every call fails with a slip in its SQL: the error is told whole', async () => {
    const column = `a_column_with_a_name_that_is_rather_long_and_is_told_whole`;
    const book: Operation = async ({ client }) => {
      await client.query('BEGIN');
      try {
        await client.query(`UPDATE seats SET ${column} = 1 WHERE id = 1`);
        await client.query('COMMIT');
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      }
    };
    const { verdict, reason, operations } = await verdictOf({ book }, 'book', 'book');
    expect(verdict).toBe('vacuous');
    expect(reason).toContain(
      `"book" met an error that is a slip in the code or in its SQL, in every order. The first time: 42703 column "${column}" of relation "seats" does not exist, in: UPDATE seats SET ${column} = 1 WHERE id = 1`,
    );
    expect(Object.keys(operations.book!.threw)).toEqual(['42703']);
  });

  test('where the slip is caught, and the operation says that all is well', async () => {
    const book: Operation = async ({ client }) => {
      await client.query(update);
      await client.query('INSERT INTO audit VALUES (1)').catch(() => undefined);
      return { done: true };
    };
    expect(await verdictOf({ book }, 'book', 'book')).toMatchObject({ verdict: 'vacuous', reason: expect.stringContaining('42P01') });
  });

  test('where the code throws a TypeError in every order, with its place', async () => {
    const book: Operation = async ({ client }) => {
      const { rows } = await client.query<{ free: { left: number } }>('SELECT id FROM seats');
      await client.query(update);
      return rows[0]!.free.left;
    };
    expect(await verdictOf({ book }, 'book', 'book')).toMatchObject({
      verdict: 'vacuous',
      reason: expect.stringMatching(/TypeError: Cannot read properties of undefined .* \(properties\/operation-outcomes\.test\.ts:\d+\)/),
    });
  });

  test('where an operation is refused in every order', async () => {
    const book: Operation = async ({ client }) => {
      await client.query(update);
      return refusal('FULL');
    };
    expect(await verdictOf({ book, look }, 'book', 'look')).toMatchObject({
      verdict: 'vacuous',
      reason: '"book" never once succeeded: it was refused FULL in every order. The first time: FULL no: FULL',
    });
  });

  test('where an actor sends no statement', async () => {
    const elsewhere: Operation = async () => ({ booked: true });
    expect(await verdictOf({ elsewhere, look }, 'elsewhere', 'look')).toMatchObject({
      verdict: 'vacuous',
      reason: expect.stringContaining('"elsewhere" sent no statement in any order'),
    });
  });

  test('where nobody is under way while another takes a step', async () => {
    expect(await verdictOf({ look }, 'look', 'look')).toMatchObject({
      verdict: 'vacuous',
      reason: expect.stringContaining('no two operations were ever under way at once'),
    });
  });
});

describe('a pass is not vacuous', () => {
  const update: Operation = async ({ client }) => {
    await client.query('UPDATE seats SET free = 0 WHERE id = 1');
    return {};
  };
  const verdictOf = async (operations: Readonly<Record<string, Operation>>, ...plans: string[][]) => {
    const scenario = seatsScenario(operations);
    const outcome = await outcomeOf(
      scenario,
      plans.map((names) => planOf(scenario, ...names)),
    );
    return { verdict: outcome.verdict, empty: outcome.empty };
  };
  const full = { verdict: 'explored', empty: [] };

  test('where there is one actor, who cannot overlap with anybody', async () => {
    expect(await verdictOf({ look }, ['look'])).toEqual(full);
  });

  test('where an operation is refused in most orders, and succeeds in one plan', async () => {
    const book: Operation = async ({ client }) => {
      const { rowCount } = await client.query('UPDATE seats SET free = 0 WHERE id = 1 AND free = 1');
      return rowCount === 1 ? { booked: true } : refusal('FULL');
    };
    expect(await verdictOf({ book, update }, ['book', 'book', 'book'], ['book', 'update'])).toEqual(full);
  });

  test('where a TypeError comes in some orders only: the count tells of it', async () => {
    const book: Operation = async ({ client }) => {
      const { rows } = await client.query<{ free: number }>('SELECT free FROM seats WHERE free = 1');
      await client.query('UPDATE seats SET free = 0 WHERE id = 1');
      return rows[0]!.free;
    };
    expect(await verdictOf({ book }, ['book', 'book'])).toEqual(full);
    const scenario = seatsScenario({ book });
    const { operations } = await outcomeOf(scenario, [planOf(scenario, 'book', 'book')]);
    expect(Object.keys(operations.book!.threw)).toEqual(['TypeError']);
  });

  test('where an operation touches the store and nothing else', async () => {
    const save: Operation = async ({ store }) => store.write('backup', '');
    expect(await verdictOf({ save, update }, ['save', 'update'])).toEqual(full);
  });

  test('where it is violated: that stays, and the report says what was not tested', async () => {
    const scenario = seatsScenario(
      { update, elsewhere: async () => ({}) },
      { invariants: [{ name: 'free', sql: `SELECT 'seat' AS resource, 'gone' AS message FROM seats WHERE free < 1` }] },
    );
    expect(await outcomeOf(scenario, [planOf(scenario, 'update', 'elsewhere')])).toMatchObject({
      verdict: 'violated',
      empty: expect.arrayContaining([expect.stringContaining('"elsewhere" sent no statement')]),
    });
  });
});

describe('first rows that break something are to blame, and no order is', () => {
  const invariants = [{ name: 'free', sql: `SELECT 'seat ' || id::text AS resource, 'too few' AS message FROM seats WHERE free < 2` }];

  test.each(ENGINES)('on %s', async (_, options) => {
    const scenario = seatsScenario({ sell }, { invariants });
    const { verdict, reason, plans } = await outcomeOf(scenario, [planOf(scenario, 'sell', 'sell')], options());
    expect({ verdict, reason }).toEqual({
      verdict: 'violated',
      reason: 'the first rows break the invariant "free" (seat 1: too few) before anybody has taken a step',
    });
    expect(plans[0]!.failure).toBeNull();
  });

  test('and not where a step breaks it', async () => {
    const scenario = seatsScenario({ sell }, { invariants, seed: () => 'INSERT INTO seats VALUES (1, 2);' });
    const { verdict, reason, plans } = await outcomeOf(scenario, [planOf(scenario, 'sell', 'sell')]);
    expect({ verdict, reason }).toEqual({ verdict: 'violated', reason: null });
    expect(plans[0]!.failure).not.toBeNull();
  });
});
