/** Statements that PostgreSQL may answer in several ways, or another version otherwise: the model refuses them and does not choose. */
import { expect, test } from 'vitest';
import { ModelEngine } from '../src/engine/model/engine.js';
import { search } from '../src/explore/search.js';
import { modelOf } from './model-scripts.js';

const schema = 'CREATE TABLE rooms (id int PRIMARY KEY, a int, meta jsonb); CREATE TABLE holds (id int PRIMARY KEY, a int);';
const seed = `INSERT INTO rooms VALUES (1, 1, '{"n": null}'), (2, 2, '{"n": 3}');`;

/** The reason for which the model of a major version refuses a script; null where it answers. */
async function refusal(script: string, major = 18): Promise<string | null> {
  const given = new ModelEngine({ major });
  const { engine, machine } = modelOf({ schema, seed, scripts: [script], isolation: 'READ COMMITTED', stubborn: true }, given);
  try {
    await search(machine, engine, { maxStates: 100 });
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

test('which row of a hashed join comes first is open, in whichever order the rows lie', async () => {
  const first = 'SELECT r.id FROM holds h FULL JOIN rooms r ON r.id = h.id LIMIT 1';
  expect(await refusal(first)).toContain('depends on the order in which the server meets the rows');
  expect(await refusal(first.replace('LIMIT', 'ORDER BY r.id LIMIT'))).toBeNull();
  for (const grouped of [
    'SELECT id, count(*) FROM rooms GROUP BY id',
    'SELECT DISTINCT a FROM rooms',
    'SELECT id FROM rooms UNION SELECT id FROM holds',
  ]) {
    expect(await refusal(`${grouped} LIMIT 1`)).toContain('depends on the order');
    expect(await refusal(`${grouped} ORDER BY 1 LIMIT 1`)).toBeNull();
  }
  expect(await refusal('SELECT count(*) FROM rooms LIMIT 1')).toBeNull();
});

test('a jsonb null is no number before PostgreSQL 18', async () => {
  const cast = "SELECT id, (meta -> 'n')::int AS n FROM rooms ORDER BY id";
  expect(await refusal(cast, 17)).toBe('the cast of jsonb to int4, which PostgreSQL 18 answers otherwise');
  expect(await refusal(cast, 18)).toBeNull();
  expect(await refusal(cast.replace('->', '->>'), 17)).toBeNull();
});

test('of constants date_trunc with a time zone is worked out while planning since PostgreSQL 16, where it may fail', async () => {
  const truncated = "SELECT min(date_trunc('a', '2026-01-01T00:00:00Z'::timestamptz, 'a')) FILTER (WHERE a = 99) AS at FROM rooms";
  expect(await refusal(truncated, 15)).toBe('date_trunc with a time zone, which PostgreSQL 16 answers otherwise');
  expect(await refusal(truncated, 16)).toBeNull();
});

test('the second part of INTERSECT and EXCEPT is always worked out before PostgreSQL 18', async () => {
  const empty = 'SELECT id FROM rooms WHERE id = 99 INTERSECT SELECT 1 / (id - id) FROM rooms';
  expect(await refusal(empty, 17)).toBe('INTERSECT or EXCEPT of parts that may fail, which PostgreSQL 18 answers otherwise');
  expect(await refusal(empty, 18)).toBeNull();
  expect(await refusal('SELECT id FROM rooms WHERE id = 99 EXCEPT SELECT id FROM holds', 17)).toBeNull();
});

test('how far apart two texts are is the C library’s to say', async () => {
  expect(await refusal("SELECT bttextcmp('a', 'j')")).toBe('the function bttextcmp, of whose answer only the sign is certain');
  expect(await refusal('SELECT btint4cmp(1, 5)')).toBeNull();
});

test('an error in a column of a joined subquery that nobody asks for is open', async () => {
  const locked = (column: string) =>
    `SELECT r.id FROM rooms r CROSS JOIN (SELECT ${column} AS c FROM holds) s WHERE r.id = 1 FOR UPDATE OF r`;
  expect(await refusal(locked("'{}'::jsonb::bool"))).toContain('where a subquery or a function is joined');
  expect(await refusal(locked('a'))).toBeNull();
});
