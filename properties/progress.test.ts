/** The invariant that needs no declaration: nobody ends before its calls do, and nobody goes on for ever. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  DEFAULT_LIMITS,
  makeCounterexample,
  type Operation,
  openServer,
  type Plan,
  PostgresEngine,
  type PostgresServer,
  type Scenario,
} from '../src/index.js';
import { ACTOR_LIMITS } from '../src/limits.js';
import { lanesOf } from '../src/report/lanes.js';
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

const ENGINES: readonly (readonly [string, () => Parameters<typeof outcomeOf>[2]])[] = [
  ['both engines', () => ({ postgres })],
  ['the model', () => ({})],
  ['the server', () => ({ postgres, model: false, limits: { ...DEFAULT_LIMITS, runs: 30 } })],
];

/** The counterexample of a plan's failure, and the message of its first violation. */
async function storyOf(scenario: Scenario, plan: Plan, options: Parameters<typeof outcomeOf>[2] = {}) {
  const { verdict, plans } = await outcomeOf(scenario, [plan], options);
  expect(verdict).toBe('violated');
  const failure = plans[0]!.failure!;
  const counterexample = await makeCounterexample(scenario, failure, {
    limits: DEFAULT_LIMITS,
    postgres: (await options?.postgres) ?? null,
  });
  expect(counterexample.replays).toEqual({ matched: 10, of: 10 });
  const [first] = counterexample.history.violations;
  return { counterexample, invariant: failure.invariant, step: first!.step, message: first!.message };
}

const update = 'UPDATE seats SET free = free - 1 WHERE id = 1';

describe.each(ENGINES)('on %s, progress is violated', (_, options) => {
  test('by an operation that does not await its last call, which is named with its place', async () => {
    const book: Operation = async ({ client }) => {
      void client.query(update);
      return { done: true };
    };
    const scenario = seatsScenario({ book });
    expect(await storyOf(scenario, planOf(scenario, 'book', 'book'), options())).toMatchObject({
      invariant: 'progress',
      step: 0,
      message: expect.stringMatching(
        /^\w+ has ended "book" while a call of its was under way, since nobody awaits it: at properties\/progress\.test\.ts:\d+, UPDATE seats SET free = free - 1 WHERE id = 1$/,
      ),
    });
  });

  test('by a call that is left behind when another fails', async () => {
    const book: Operation = async ({ client }) => {
      await client.query('SELECT 1');
      await Promise.all([client.query('SELECT nothing'), client.query(update)]);
    };
    const scenario = seatsScenario({ book });
    expect(await storyOf(scenario, planOf(scenario, 'book', 'book'), options())).toMatchObject({
      message: expect.stringContaining(update),
    });
  });

  test('by a failure of a call that nobody awaits, which brings nobody down', async () => {
    const book: Operation = async ({ client }) => {
      await client.query('SELECT 1');
      void client.query('SELECT nothing');
      return {};
    };
    const scenario = seatsScenario({ book });
    expect(await storyOf(scenario, planOf(scenario, 'book', 'book'), options())).toMatchObject({ invariant: 'progress' });
  });

  test('by an operation that tries a stale version again and again: the steps that repeat are named', async () => {
    const stale: Operation = async ({ client }) => {
      const { rows } = await client.query<{ free: number }>('SELECT free FROM seats WHERE id = 1');
      for (;;) {
        await client.query('BEGIN');
        const { rowCount } = await client.query('UPDATE seats SET free = $1 WHERE id = 1 AND free = $2', [
          rows[0]!.free + 1,
          rows[0]!.free,
        ]);
        await client.query(rowCount === 1 ? 'COMMIT' : 'ROLLBACK');
        if (rowCount === 1) return { done: true };
      }
    };
    const scenario = seatsScenario({ stale });
    const { counterexample, invariant, message } = await storyOf(scenario, planOf(scenario, 'stale', 'stale'), options());
    expect(invariant).toBe('progress');
    expect(message).toMatch(
      /^"stale" of \w+ does not end: it goes round in a circle, 50 times the same with the same answers: BEGIN; UPDATE seats SET free = \$1 WHERE id = 1 AND free = \$2 with \[2,1\] -> 0 rows; ROLLBACK$/,
    );
    // Nobody wants to read fifty rounds.
    const shown = lanesOf(counterexample.history, 'progress');
    expect(shown.length).toBeLessThan(15);
    expect(shown.flatMap(({ lines }) => lines.map(({ text }) => text)).join('\n')).toMatch(/<the same 2 steps, 4\d times more>/);
  });

  test('by a transaction that is begun and left open, with nothing in it', async () => {
    const begin: Operation = async ({ client }) => {
      await client.query(update);
      await client.query('BEGIN');
      return {};
    };
    const scenario = seatsScenario({ begin });
    expect(await storyOf(scenario, planOf(scenario, 'begin', 'begin'), options())).toMatchObject({
      message: expect.stringContaining('has finished inside a transaction'),
    });
  });
});

test('an operation that does something new for ever is ended by a limit, which is named', async () => {
  const count: Operation = async ({ client }) => {
    for (let next = 0; ; next += 1) if ((await client.query('SELECT $1::int AS n', [next])).rowCount === 0) return {};
  };
  const scenario = seatsScenario({ count });
  const { message, step } = await storyOf(scenario, planOf(scenario, 'count'));
  expect(message).toBe(
    `"count" of alice does not end: it has made ${ACTOR_LIMITS.calls} calls, which is the limit of one operation (src/limits.ts)`,
  );
  expect(step).toBe(ACTOR_LIMITS.calls - 1);
});

describe('progress is not violated', () => {
  const verdictOf = async (operation: Operation) => {
    const scenario = seatsScenario({ operation });
    return (await outcomeOf(scenario, [planOf(scenario, 'operation', 'operation')])).verdict;
  };

  test('by calls that are made at once and awaited together', async () => {
    expect(await verdictOf(async ({ client }) => void (await Promise.all([client.query(update), client.query('SELECT 1')])))).toBe(
      'explored',
    );
  });

  test('by a call that is not awaited, where a later one of the same session is', async () => {
    expect(
      await verdictOf(async ({ client }) => {
        void client.query(update);
        await client.query('SELECT 1');
      }),
    ).toBe('explored');
  });

  test('by a retry that gives up', async () => {
    expect(
      await verdictOf(async ({ client }) => {
        for (let tries = 0; tries < 20; tries += 1)
          if ((await client.query('UPDATE seats SET free = 0 WHERE id = 1 AND free = 1')).rowCount === 1) return { done: true };
        return { rejected: true, code: 'RETRY_EXHAUSTED', status: 503, message: 'too often' };
      }),
    ).toBe('explored');
  });

  test('by a loop that writes each time, with the same answers', async () => {
    const rounds = ACTOR_LIMITS.rounds + 5;
    const add: Operation = async ({ client }) => {
      for (let round = 0; round < rounds; round += 1) await client.query(update);
    };
    const scenario = seatsScenario({ add });
    expect((await outcomeOf(scenario, [planOf(scenario, 'add')])).verdict).toBe('explored');
  });
});

describe('what an operation may not do is named', () => {
  const outcome = (operation: Operation) => {
    const scenario = seatsScenario({ operation });
    return outcomeOf(scenario, [planOf(scenario, 'operation', 'operation')]);
  };

  test('return what is no JSON', async () => {
    await expect(
      outcome(async ({ client }) => {
        await client.query(update);
        return { booking: { total: 1n } };
      }),
    ).rejects.toMatchObject({
      name: 'ScenarioError',
      message: expect.stringMatching(/^\w+: what an operation returns must be JSON\. .* at "booking\.total"$/),
    });
  });

  test.each([
    ['an option of query() that is not known here', { text: 'SELECT 1', types: {} }, 'the option "types" of query()'],
    ['another row mode', { text: 'SELECT 1', rowMode: 'map' }, 'the option rowMode: "map" of query()'],
    ['a cursor', { submit: () => undefined }, 'a call of query() without a text'],
  ])('call with %s, which is not ignored', async (_, config, named) => {
    expect(await outcome(async ({ client }) => client.query(config as never))).toMatchObject({
      verdict: 'unmodelled',
      reason: expect.stringContaining(named),
    });
  });

  test('release its client', async () => {
    const { reason } = await outcome(async ({ client }) => {
      await client.query(update);
      (client as unknown as { release(): void }).release();
    });
    expect(reason).toContain('client.release is not there: the client that lastseat gives to an operation has query() only');
  });
});

describe('query() reads its arguments as pg does', () => {
  const rowsOf = async (...given: readonly unknown[]) => {
    let rows: unknown;
    const ask: Operation = async ({ client }) => {
      ({ rows } = await (client.query as (...given: readonly unknown[]) => Promise<{ rows: unknown }>)(...given));
    };
    const scenario = seatsScenario({ ask });
    await outcomeOf(scenario, [planOf(scenario, 'ask')]);
    return rows;
  };

  test.each([
    ['rows as lists', [{ text: 'SELECT id, free FROM seats', rowMode: 'array', name: 'seats' }], [[1, 1]]],
    ['values beside an object', [{ text: 'SELECT free FROM seats WHERE id = $1' }, [1]], [{ free: 1 }]],
    ['values in an object', [{ text: 'SELECT free FROM seats WHERE id = $1', values: [1] }], [{ free: 1 }]],
  ])('%s', async (_, given, rows) => {
    expect(await rowsOf(...given)).toEqual(rows);
  });
});
