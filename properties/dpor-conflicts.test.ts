import { describe, expect, test } from 'vitest';
import { PAIR_NAMES, withoutPair } from '../src/explore/dpor/conflicts.js';
import type { ScriptedCase } from '../src/fuzz/scripted.js';
import type { IsolationLevel } from '../src/scenario.js';
import { bothOf } from './dpor-checks.js';

/** Each pair of effects that conflicts is needed: a program from whose orders something is lost, or counted wrongly, where it is left out. */

const schema = `
  CREATE TABLE items (id int PRIMARY KEY, v int NOT NULL);
  CREATE TABLE notes (id int PRIMARY KEY, item int REFERENCES items, v int);
  CREATE SEQUENCE tickets;
`;
const seed = 'INSERT INTO items VALUES (1, 1), (2, 2)';
const block = (...statements: string[]) => ['BEGIN', ...statements, 'COMMIT'].join('; ');
const repeatable = (...statements: string[]) => ['BEGIN ISOLATION LEVEL REPEATABLE READ', ...statements, 'COMMIT'].join('; ');

const cases: Readonly<Record<string, readonly string[]>> = {
  'reads/publishes': ['SELECT v FROM items WHERE id = 1', 'UPDATE items SET v = 5 WHERE id = 1'],
  'snapshot/publishes': [repeatable('SELECT v FROM items WHERE id = 2', 'SELECT count(*) FROM items'), 'INSERT INTO items VALUES (3, 1)'],
  'snapshot/renews': [
    repeatable('SELECT v FROM items WHERE id = 2', 'UPDATE items SET v = 9 WHERE id = 1'),
    block('UPDATE items SET v = v WHERE id = 1', 'SELECT v FROM items WHERE id = 2 FOR UPDATE'),
    block('UPDATE items SET v = v WHERE id = 1'),
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
  'releases/locks': [block('UPDATE items SET v = v WHERE id = 1', 'SELECT 1'), block('SELECT v FROM items WHERE id = 1 FOR UPDATE NOWAIT')],
  'releases/writes': [
    block('SELECT v FROM items WHERE id = 1 FOR UPDATE', 'SELECT 1'),
    block('UPDATE items SET v = 4 WHERE id = 1', 'SELECT 1'),
  ],
  'releases/inserts': [
    block('INSERT INTO items VALUES (3, 1)', 'ROLLBACK TO nothing'),
    block('INSERT INTO items VALUES (3, 2)', 'SELECT 1'),
  ],
  'releases/advisory': [block('SELECT pg_advisory_xact_lock(1)', 'SELECT 1'), block('SELECT pg_try_advisory_xact_lock(1)', 'SELECT 1')],
};

const explored = (scripts: readonly string[], isolation: IsolationLevel = 'READ COMMITTED') => {
  const scripted: ScriptedCase = { schema, seed, isolation, scripts };
  return bothOf(scripted, { delays: false });
};

/** What of the reduced search is as in all orders. */
async function isWhole(scripts: readonly string[]): Promise<boolean> {
  const { all, reduced } = (await explored(scripts))!;
  const same = (one: ReadonlySet<string>, other: ReadonlySet<string>) =>
    one.size === other.size && [...one].every((item) => other.has(item));
  return same(all.endings, reduced.endings) && same(all.committed, reduced.committed) && all.orders === reduced.orders;
}

describe('a pair that is left out costs orders', () => {
  test.each(Object.entries(cases))('%s', async (name, scripts) => {
    expect(PAIR_NAMES).toContain(name);
    expect(await isWhole(scripts)).toBe(true);
    const restore = withoutPair(name);
    try {
      expect(await isWhole(scripts).catch(() => false)).toBe(false);
    } finally {
      restore();
    }
  });
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
