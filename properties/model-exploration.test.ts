import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KeyPart } from '../src/engine/model/canonical.js';
import { ModelEngine } from '../src/engine/model/engine.js';
import { childrenFirst, count, type StateGraph } from '../src/explore/graph.js';
import { type SearchOptions, search } from '../src/explore/search.js';
import type { ScriptedCase } from '../src/fuzz/scripted.js';
import type { Operation } from '../src/index.js';
import { Machine, type MachineOptions } from '../src/machine.js';
import type { Invariant, Scenario } from '../src/scenario.js';
import { program, schemaWith } from './model-programs.js';
import { modelOf } from './model-scripts.js';

const SEED = Number(process.env.LASTSEAT_FUZZ_SEED ?? 42);
const LIMITS = { maxStates: 500_000 };

describe('counts known from outside: read the capacity, read the sum, insert if it fits', () => {
  const book =
    (clause: string): Operation =>
    async ({ client }, id: number) => {
      await client.query('BEGIN');
      const { rows: slots } = await client.query<{ capacity: number }>(`SELECT capacity FROM slots WHERE id = 1${clause}`);
      const { rows: sums } = await client.query<{ taken: string }>(
        'SELECT coalesce(sum(quantity), 0) AS taken FROM bookings WHERE slot_id = 1',
      );
      if (Number(sums[0]!.taken) < slots[0]!.capacity)
        await client.query('INSERT INTO bookings (id, slot_id, quantity) VALUES ($1, 1, 1)', [id]);
      else await client.query('SELECT 1');
      await client.query('COMMIT');
    };
  const capacity: Invariant = {
    name: 'capacity',
    check: ({ tables }) => {
      const usage = tables.bookings!.length;
      return usage > 1 ? [{ resource: 'slot 1', usage, capacity: 1, message: 'overbooked' }] : [];
    },
  };
  const counted = async (actors: number, clause: string, options: MachineOptions) => {
    const scenario: Scenario = {
      name: 'calibration/book',
      description: 'Known counts.',
      schema:
        'CREATE TABLE slots (id int PRIMARY KEY, capacity int NOT NULL); CREATE TABLE bookings (id int PRIMARY KEY, slot_id int NOT NULL, quantity int NOT NULL)',
      seed: () => 'INSERT INTO slots VALUES (1, 1)',
      operations: { book: book(clause) },
      workloads: [],
      invariants: [capacity],
      expect: {},
    };
    const names = ['alice', 'bob', 'carol', 'dave'].slice(0, actors);
    const plan = {
      scenario: scenario.name,
      workload: 'calibration',
      isolation: 'READ COMMITTED' as const,
      capacity: 1,
      actors: names.map((name, index) => ({ name, operation: 'book', input: index + 1 })),
      seed: 'calibration',
    };
    const engine = new ModelEngine();
    const { graph, complete } = await search(new Machine(scenario, plan, engine, options), engine, LIMITS);
    const { interleavings, violating } = count(graph, 0);
    return { complete, interleavings, violating };
  };

  test.each([
    [2, true, 252n, 210n],
    [3, true, 756_756n, 693_630n],
    [4, true, 11_732_745_024n, 11_089_703_520n],
    [2, false, 70n, 60n],
    [3, false, 34_650n, 32_400n],
  ])('%i actors, BEGIN a step of its own: %s', async (actors, beginIsStep, interleavings, violating) => {
    expect(await counted(actors, '', { beginIsStep })).toEqual({ complete: true, interleavings, violating });
  });

  test.each([2, 3, 4])('%i actors that lock the capacity row FOR UPDATE never overbook', async (actors) => {
    expect((await counted(actors, ' FOR UPDATE', {})).violating).toBe(0n);
  });
});

/** How many interleavings end in each final state, as text. */
async function endings(scripted: ScriptedCase, options: Partial<SearchOptions>): Promise<Map<string, bigint>> {
  const told: Invariant = {
    name: 'told',
    check: (committed) => [{ resource: JSON.stringify(committed.tables), message: '' }],
  };
  const { engine, machine } = modelOf({ ...scripted, invariants: [told] });
  const { graph, complete } = await search(machine, engine, { ...LIMITS, ...options });
  if (!complete) throw new TooMany();
  return waysByEnding(graph);
}

class TooMany extends Error {}

function waysByEnding(graph: StateGraph): Map<string, bigint> {
  const ways = new Map([[graph.root.id, 1n]]);
  const found = new Map<string, bigint>();
  for (const node of childrenFirst(graph).reverse()) {
    const here = ways.get(node.id)!;
    for (const edge of node.edges) ways.set(edge.to.id, (ways.get(edge.to.id) ?? 0n) + here);
    if (node.edges.length > 0) continue;
    const text = node.violations.map((violation) => violation.resource).join();
    found.set(text, (found.get(text) ?? 0n) + here);
  }
  return new Map([...found].sort(([left], [right]) => (left < right ? -1 : 1)));
}

describe('merging equal states', () => {
  const small = program(schemaWith(' ON DELETE CASCADE')).filter(({ scripts }) => interleavingsAtMost(scripts) <= 1_000);

  test(`changes no count, on random small plans (seed ${SEED})`, async () => {
    const property = fc.asyncProperty(small, async (scripted) => {
      const witnesses = async (unmerged: boolean) => {
        const { engine, machine } = modelOf(scripted);
        const { graph } = await search(machine, engine, { ...LIMITS, unmerged });
        return count(graph, machine.witnesses.length);
      };
      expect(await endings(scripted, {})).toEqual(await endings(scripted, { unmerged: true }));
      expect(await witnesses(false)).toEqual(await witnesses(true));
    });
    await fc.assert(property, { seed: SEED, numRuns: Number(process.env.LASTSEAT_MERGE_PROGRAMS ?? 30) });
  }, 3_600_000);
});

/** Ways to interleave the statements, waits left out. */
function interleavingsAtMost(scripts: readonly string[]): number {
  const steps = scripts.map((script) => {
    const statements = script.split(';').length;
    return script.startsWith('BEGIN') ? statements - 1 : statements * 2;
  });
  const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));
  return steps.reduce((ways, n) => ways / factorial(n), factorial(steps.reduce((sum, n) => sum + n, 0)));
}

describe('every part of the canonical state is needed: without it, states with different futures are taken for one', () => {
  const schema = 'CREATE TABLE items (id int PRIMARY KEY, v int NOT NULL); CREATE SEQUENCE tickets;';
  const seed = 'INSERT INTO items VALUES (1, 1), (2, 2)';
  const log = (id: number, what: string) => `INSERT INTO items SELECT ${id}, ${what} FROM items WHERE id = 1`;
  const block = (...statements: string[]) => ['BEGIN', ...statements, 'COMMIT'].join('; ');
  const swap = 'UPDATE items SET v = 3 - v';
  const needed: readonly (readonly [KeyPart, string, readonly string[]])[] = [
    ['rows', 'two updates that do not commute', ['UPDATE items SET v = v + 1 WHERE id = 1', 'UPDATE items SET v = v * 2 WHERE id = 1']],
    [
      'sequences',
      'two setvals, of which the last counts',
      [
        "SELECT setval('tickets', 3); INSERT INTO items VALUES (3, (SELECT last_value FROM tickets))",
        "BEGIN; SELECT setval('tickets', 5); ROLLBACK",
      ],
    ],
    [
      'transactions',
      'of two who share a row, the one who came first is waited for first',
      [
        block('SELECT id FROM items WHERE id = 1 FOR SHARE', 'SELECT 1'),
        block('SELECT id FROM items WHERE id = 1 FOR SHARE'),
        'UPDATE items SET v = 5 WHERE id = 1',
      ],
    ],
    [
      'snapshots',
      'a transaction-wide snapshot, taken before or after a commit',
      [`BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1; ${log(3, 'v')}; COMMIT`, 'UPDATE items SET v = 7 WHERE id = 1'],
    ],
    [
      'writes',
      'an uncommitted value that was computed before or after a commit',
      [block('UPDATE items SET v = (SELECT v FROM items WHERE id = 2) WHERE id = 1'), 'UPDATE items SET v = 7 WHERE id = 2'],
    ],
    [
      'deferred',
      'which of two must wait at its COMMIT: the one who met the other’s key',
      [
        block('INSERT INTO items VALUES (3, NULL)', 'INSERT INTO items VALUES (4, 5)'),
        block('INSERT INTO items VALUES (5, NULL)', 'INSERT INTO items VALUES (6, 5)'),
      ],
    ],
    [
      'row locks',
      'which of two rows has been locked, after the same reply',
      [
        block('SELECT 1 AS one FROM items WHERE v = 2 FOR KEY SHARE', 'SELECT 1'),
        swap,
        block('SELECT 1 AS one FROM items WHERE id = 2 FOR UPDATE'),
      ],
    ],
    [
      'heavy locks',
      'who stands first in the queue for a table',
      [
        block('LOCK TABLE items'),
        block('LOCK TABLE items', 'UPDATE items SET v = v + 1'),
        block('LOCK TABLE items', 'UPDATE items SET v = v * 2'),
      ],
    ],
    [
      'executions',
      'a waiting statement remembers its snapshot',
      [
        block('UPDATE items SET v = 5 WHERE id = 1'),
        block('UPDATE items SET v = (SELECT v FROM items WHERE id = 2) WHERE id = 1'),
        'UPDATE items SET v = 7 WHERE id = 2',
      ],
    ],
    [
      'savepoints',
      'what a value was before a savepoint, to which it goes back',
      [
        block(
          'UPDATE items SET v = (SELECT v FROM items WHERE id = 2) WHERE id = 1',
          'SAVEPOINT s',
          'UPDATE items SET v = 5 WHERE id = 1',
          'ROLLBACK TO s',
        ),
        'UPDATE items SET v = 7 WHERE id = 2',
      ],
    ],
    [
      'serializable',
      'whether a transaction was the pivot of a dangerous structure, whose other end is gone',
      [
        'BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1 AS one FROM items WHERE id = 2; UPDATE items SET v = 5 WHERE id = 1; COMMIT',
        'BEGIN ISOLATION LEVEL SERIALIZABLE; INSERT INTO items VALUES (3, 3); COMMIT',
        'BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1 AS one FROM items WHERE id = 1; ROLLBACK',
      ],
    ],
    [
      'order',
      'rows that were updated lie behind the others, and are locked after them',
      [
        'UPDATE items SET v = v WHERE id = 1',
        block('UPDATE items SET v = v + 10'),
        `UPDATE items SET v = v WHERE id = 2; ${block('SELECT 1 FROM items WHERE id = 2 FOR UPDATE', 'SELECT 1 FROM items WHERE id = 1 FOR UPDATE')}`,
      ],
    ],
  ];

  const deferrable = 'CREATE TABLE items (id int PRIMARY KEY, v int UNIQUE DEFERRABLE INITIALLY DEFERRED)';

  test.each(needed)('%s: %s', async (part, _why, scripts) => {
    const tables = part === 'deferred' ? deferrable : schema;
    const scripted: ScriptedCase = { schema: tables, seed, scripts, isolation: 'READ COMMITTED' };
    const truth = await endings(scripted, { unmerged: true });
    expect(await endings(scripted, {})).toEqual(truth);
    expect(await endings(scripted, { without: new Set([part]) })).not.toEqual(truth);
  });
});
