/** Parameters of a statement: `pg` must send for what the harness keeps of them what it would have sent for what the operation gave. */
import fc from 'fast-check';
import utils from 'pg/lib/utils.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ModelEngine } from '../src/engine/model/engine.js';
import { PostgresEngine } from '../src/engine/postgres/engine.js';
import type { PostgresServer } from '../src/engine/postgres/providers/server.js';
import { Coverage } from '../src/explore/coverage.js';
import { search } from '../src/explore/search.js';
import { compare } from '../src/fuzz/compare.js';
import { Machine } from '../src/machine.js';
import { parametersKey, plainParameters } from '../src/parameters.js';
import type { Plan } from '../src/plan/plan.js';
import { show } from '../src/report/statement.js';
import type { Scenario } from '../src/scenario.js';
import { openPinnedServer } from './pinned-server.js';

class Money {
  constructor(readonly cents: number) {}
  toPostgres(): string {
    return (this.cents / 100).toFixed(2);
  }
}

class Label {
  constructor(readonly text: string) {}
  toJSON(): string {
    return this.text;
  }
}

const value = fc.oneof(
  fc.string(),
  fc.double(),
  fc.integer(),
  fc.bigInt(),
  fc.boolean(),
  fc.constantFrom(null, undefined),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  fc.uint8Array(),
  fc.json().map((text) => JSON.parse(text) as unknown),
  fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.constant(undefined))),
  fc.array(fc.oneof(fc.string(), fc.bigInt(), fc.constantFrom(null, undefined, Number.NaN), fc.uint8Array(), fc.array(fc.integer()))),
  fc.integer().map((cents) => new Money(cents)),
  fc.string().map((text) => new Label(text)),
);
/** What `pg` sends; no two texts of it are bytes. */
const sent = (item: unknown): unknown => utils.prepareValue(item) ?? null;

describe('what is kept of a parameter', () => {
  test('is sent as the parameter would have been', () => {
    fc.assert(
      fc.property(value, (item) => {
        expect(sent(plainParameters([item])[0])).toEqual(sent(item));
      }),
      { seed: 42 },
    );
  });

  test('does not change when the operation changes what it gave', () => {
    const [day, bytes, list] = [new Date(0), Buffer.from('a'), ['a']];
    const kept = plainParameters([day, bytes, list]);
    day.setTime(1);
    bytes[0] = 0;
    list.push('b');
    expect(kept).toEqual([new Date(0), Buffer.from('a'), ['a']]);
  });

  test('can be written as JSON', () => {
    fc.assert(
      fc.property(value, (item) => typeof JSON.stringify(plainParameters([item])) === 'string'),
      { seed: 42 },
    );
  });

  test('has a key of its own for each kind of value', () => {
    const day = new Date(0);
    const alike = [
      [day],
      [day.toISOString()],
      [Buffer.from('a')],
      ['\\x61'],
      [1],
      ['1'],
      [['1']],
      ['{"1"}'],
      [{ a: 1 }],
      ['{"a":1}'],
      [null],
    ];
    expect(new Set(alike.map((values) => parametersKey(plainParameters(values)))).size).toBe(alike.length);
  });
});

test('bytes are shown as PostgreSQL writes them', () => {
  expect(show(Buffer.from('abc'))).toBe("'\\x616263'");
});

describe('on the model and on the server', () => {
  let server: PostgresServer;
  let postgres: PostgresEngine;
  const engine = new ModelEngine();

  beforeAll(async () => {
    server = await openPinnedServer();
    postgres = new PostgresEngine(server, { looksAlways: true });
  }, 60_000);

  afterAll(async () => {
    await postgres.close();
    await server.close();
  });

  const schema = `
    CREATE TABLE things (id bigint PRIMARY KEY, flag boolean, name text, price numeric(10,2), at timestamptz, day date, bytes bytea, tags text[], data jsonb);
  `;

  /** Runs the statements one after the other, and gives what the operation has seen. */
  async function both(
    statements: readonly (readonly [string, readonly unknown[]])[],
  ): Promise<{ seen: unknown[]; difference: string | null }> {
    const scenario: Scenario = {
      name: 'parameters/parameters',
      description: '',
      schema,
      seed: () => "INSERT INTO things (id, name) VALUES (1, 'a')",
      operations: {
        run: async ({ client }) => {
          const seen: unknown[] = [];
          for (const [text, values] of statements)
            seen.push(
              await client.query(text, values).then(
                ({ rows }) => rows,
                (error: Error) => error.message,
              ),
            );
          return seen;
        },
      },
      workloads: [],
      invariants: [],
      expect: {},
    };
    const plan: Plan = {
      scenario: scenario.name,
      workload: 'run',
      isolation: 'READ COMMITTED',
      capacity: 1,
      actors: [{ name: 'a', operation: 'run', input: {} }],
      seed: 'parameters',
    };
    const machine = new Machine(scenario, plan, engine);
    const { graph } = await search(machine, engine, { maxStates: 100 });
    const [schedule] = new Coverage(graph).schedules(1);
    const { steps, difference } = await compare(machine, postgres, schedule!);
    const finished = steps.at(-1)!.finished as { value?: unknown[] };
    return { seen: finished.value!, difference };
  }

  const INSERT =
    'INSERT INTO things (id, flag, name, price, at, day, bytes, tags, data) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING *';

  test.each<[string, string, readonly unknown[]]>([
    [
      'values of all kinds',
      INSERT,
      [7n, true, 'x', 12.5, new Date(86_400_000), new Date(0), Buffer.from('abc'), ['a', 'b c', null], { a: [true, null] }],
    ],
    ['nothing at all', INSERT, [8, undefined, null, undefined, undefined, undefined, undefined, undefined, undefined]],
    ['a bigint that is stored', 'INSERT INTO things (id) VALUES ($1) RETURNING id', [2n ** 53n - 1n]],
    ['numbers that are none', 'SELECT $1::float8 AS a, $2::numeric AS b', [Number.NaN, Number.POSITIVE_INFINITY]],
    ['a bigint in a condition', 'SELECT name FROM things WHERE id = $1', [1n]],
    ['a list of bigints', 'SELECT name FROM things WHERE id = ANY($1)', [[1n, 2n]]],
    ['bytes in a condition', 'SELECT id FROM things WHERE bytes IS NULL OR bytes = $1', [Buffer.from('abc')]],
    ['a list of bytes', 'SELECT $1::bytea[] AS list', [[Buffer.from('abc'), null]]],
    ['bytes that are no Buffer', 'UPDATE things SET bytes = $1 WHERE id = 1 RETURNING bytes', [new Uint8Array([0, 255])]],
    ['objects with a form of their own', 'SELECT $1::numeric AS price, $2::jsonb AS label', [new Money(1250), new Label('x')]],
    ['a date as text', 'SELECT $1::text AS day', [new Date(0)]],
    ['a list as text', 'SELECT $1::text AS list', [[1, 2]]],
    ['an object as text', 'SELECT $1::text AS data', [{ a: 1 }]],
  ])('%s', async (_, text, values) => {
    expect((await both([[text, values]])).difference).toBeNull();
  });

  test('what pg cannot send fails where the operation called', async () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    const { seen, difference } = await both([
      ['SELECT $1::jsonb', [circle]],
      ['SELECT $1::jsonb', [{ a: 1n }]],
      ['SELECT 1 AS one', []],
    ]);
    expect(difference).toBeNull();
    expect(seen).toEqual([expect.stringContaining('circular'), expect.stringContaining('BigInt'), [{ one: 1 }]]);
  });

  test('bytes for another type than bytea are refused', async () => {
    await expect(both([['SELECT $1::text', [Buffer.from('abc')]]])).rejects.toThrow('a binary parameter of another type than bytea');
  });
});
