/** Deadlock checks on a machine that is too busy to freeze a waiter before its own check comes. */
import { afterEach, expect, test, vi } from 'vitest';
import { Freezer } from '../src/engine/postgres/freezer.js';
import { always, DEFAULT_LIMITS, explorePlan, type Operation, type Scenario } from '../src/index.js';
import { onServer } from './model-cases.js';

const { postgres } = onServer();

afterEach(() => void vi.restoreAllMocks());

const crosswise =
  (first: number, second: number): Operation =>
  async ({ client }) => {
    await client.query('BEGIN');
    try {
      await client.query('UPDATE rows SET v = v + 1 WHERE id = $1', [first]);
      await client.query('UPDATE rows SET v = v + 1 WHERE id = $1', [second]);
      await client.query('COMMIT');
    } catch {
      await client.query('ROLLBACK');
    }
  };

const scenario: Scenario = {
  name: 'rows/crosswise',
  description: 'Two lock two rows in opposite orders.',
  schema: 'CREATE TABLE rows (id int PRIMARY KEY, v int NOT NULL)',
  seed: () => 'INSERT INTO rows VALUES (1, 0), (2, 0)',
  operations: { alice: crosswise(1, 2), bob: crosswise(2, 1) },
  workloads: [{ name: 'both', capacity: always(1), roles: [] }],
  invariants: [],
  requires: ['deadlock'],
  expect: {},
};

test('a check that came before its step is given more time, and the run is made again', async () => {
  const freeze = Freezer.prototype.freeze;
  let late = 0;
  vi.spyOn(Freezer.prototype, 'freeze').mockImplementation(function (this: Freezer, pid) {
    // Longer than the first check waits, for as long as that has not been noticed.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, late < 4 ? 30 : 0);
    late += 1;
    freeze.call(this, pid);
  });
  const outcome = await explorePlan(
    scenario,
    {
      scenario: scenario.name,
      workload: 'both',
      isolation: 'READ COMMITTED',
      capacity: 1,
      seed: '1',
      actors: ['alice', 'bob'].map((name) => ({ name, operation: name, input: null })),
    },
    { strategy: 'auto', limits: DEFAULT_LIMITS, postgres: postgres(), model: true },
  );
  expect(outcome).toMatchObject({ verdict: 'proved', postgres: { transitionsUnforceable: 0 } });
  expect(Number(outcome.witnesses.deadlock)).toBeGreaterThan(0);
  expect(late).toBeGreaterThan(4);
});
