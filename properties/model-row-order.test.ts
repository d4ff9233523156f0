import { describe, expect, test } from 'vitest';
import { UnmodelledError } from '../src/engine/contract.js';
import { search } from '../src/explore/search.js';
import { run } from '../src/run.js';
import type { IsolationLevel } from '../src/scenario.js';
import type { Choice } from '../src/schedule/choice.js';
import { following } from '../src/schedule/replay.js';
import { block, onServer, RC, RR } from './model-cases.js';
import { modelOf } from './model-scripts.js';

/** Statements over several rows, judged row by row: answered where the order of the rows decides nothing, refused where it does. */

const schema = `
  CREATE EXTENSION IF NOT EXISTS btree_gist;
  CREATE TABLE seats (id int PRIMARY KEY, code int UNIQUE, place int UNIQUE, v int NOT NULL, CONSTRAINT small CHECK (v < 9));
  CREATE TABLE stays (id int PRIMARY KEY, room int, during daterange, EXCLUDE USING gist (room WITH =, during WITH &&));
  CREATE TABLE wishes (id int PRIMARY KEY, code int UNIQUE);
  CREATE TABLE halls (id int PRIMARY KEY, v int);
  CREATE TABLE chairs (id int PRIMARY KEY, hall int REFERENCES halls ON DELETE CASCADE, v int);
  CREATE TABLE numbered (id serial PRIMARY KEY, code int);
`;
const seed = `
  INSERT INTO seats VALUES (1, 10, 1, 0), (2, 11, 2, 0), (3, 20, 3, 0);
  INSERT INTO stays VALUES (1, 1, '[2026-01-01,2026-01-03)'), (2, 1, '[2026-01-03,2026-01-05)');
  INSERT INTO wishes VALUES (1, 10), (2, 30), (3, 40);
  INSERT INTO halls VALUES (1, 0), (2, 0);
  INSERT INTO chairs VALUES (1, 1, 0), (2, 2, 0);
`;
const { conforms } = onServer(schema, seed);

describe('whatever the order, it comes to the same', () => {
  conforms([
    { name: 'keys that nobody has', scripts: [block('UPDATE seats SET code = code + 100'), block('UPDATE seats SET v = 1 WHERE id = 2')] },
    { name: 'a key that somebody keeps', scripts: ['UPDATE seats SET code = code + 9 WHERE id IN (1, 2)'], sees: ['23505'], at: RC },
    { name: 'one key for all', scripts: ['UPDATE seats SET code = 50'], sees: ['23505'], at: RC },
    {
      name: 'keys in a circle',
      scripts: ['UPDATE seats SET code = CASE id WHEN 1 THEN 11 WHEN 2 THEN 20 ELSE 10 END'],
      sees: ['23505'],
      at: RC,
    },
    { name: 'keys that stay as they are', scripts: ['UPDATE seats SET code = code, v = v + 1'], sees: ['UPDATE 3'], at: RC },
    { name: 'one error for several rows', scripts: ['UPDATE seats SET v = 9, code = code + 100'], sees: ['23514'], at: RC },
    {
      name: 'days that nobody has, and days that two have',
      scripts: [
        'UPDATE stays SET during = daterange(lower(during) + 31, upper(during) + 31)',
        "UPDATE stays SET during = '[2026-03-01,2026-03-02)'",
      ],
      sees: ['UPDATE 2', '23P01'],
      at: RC,
    },
    {
      name: 'a row that turns out to be elsewhere',
      scripts: [block('UPDATE seats SET code = 60 WHERE id = 2'), block('UPDATE seats SET code = code + 100, v = 1 WHERE code < 50')],
      sees: ['waits'],
    },
    {
      name: 'rows that a query gives, one of which is a duplicate',
      scripts: [block('INSERT INTO wishes SELECT id + 10, code FROM seats'), 'DELETE FROM wishes WHERE id = 1'],
      sees: ['waits', '23505', 'INSERT 3'],
    },
    {
      name: 'rows that a query gives, and ON CONFLICT leaves out',
      scripts: ['INSERT INTO wishes SELECT id, code FROM seats ON CONFLICT DO NOTHING'],
      sees: ['INSERT 0'],
      at: RC,
    },
  ]);
});

describe('the order decides, and the model says so', () => {
  test.each<[string, string | readonly string[]]>([
    ['a key moves on from row to row', 'UPDATE seats SET code = code + 1 WHERE id IN (1, 2)'],
    ['a primary key', 'UPDATE seats SET id = id + 1'],
    ['days', 'UPDATE stays SET during = daterange(lower(during) + 2, upper(during) + 2)'],
    ['one error or another', 'UPDATE seats SET code = 50, v = CASE id WHEN 1 THEN 9 ELSE v END'],
    ['one constraint or another', 'UPDATE seats SET code = CASE id WHEN 3 THEN 20 ELSE 50 END, place = CASE id WHEN 1 THEN 1 ELSE 7 END'],
    ['a joined update', 'UPDATE seats SET code = seats.code + 1 FROM wishes WHERE wishes.id = seats.id AND wishes.id < 3'],
    [
      'a row that turns out to be in the way',
      [block('UPDATE seats SET code = 109 WHERE id = 1'), block('UPDATE seats SET code = code + 1 WHERE id IN (1, 3)', 'SELECT 1')],
    ],
    ['which row ON CONFLICT leaves out', 'INSERT INTO wishes SELECT id + 10, 99 FROM seats ON CONFLICT (code) DO NOTHING'],
    ['which row has which number', 'INSERT INTO numbered (code) SELECT code FROM seats'],
  ])('%s', async (_name, scripts) => {
    const isolation = 'READ COMMITTED';
    const more = typeof scripts === 'string' ? '' : 'UPDATE seats SET code = 110 WHERE id = 3; UPDATE seats SET code = 108 WHERE id = 2;';
    const { machine, engine } = modelOf({
      schema,
      seed: seed + more,
      scripts: typeof scripts === 'string' ? [scripts] : scripts,
      isolation,
    });
    await expect(search(machine, engine, { maxStates: 1_000 })).rejects.toThrow(UnmodelledError);
    await expect(search(machine, engine, { maxStates: 1_000 })).rejects.toThrow(/order/);
  });
});

describe('which of several rows is met first, where one has to be waited for', () => {
  const add = (id: number) => `UPDATE seats SET v = v + 1 WHERE id = ${id}`;
  const search3 = 'SELECT id FROM seats WHERE id = ANY (ARRAY[1, 2, 3]) FOR UPDATE';
  conforms([
    {
      name: 'a sequential scan meets them as they lie',
      scripts: [add(1), block(add(2)), block('UPDATE seats SET v = v + 1 WHERE v < 5'), 'DELETE FROM seats WHERE id = 3'],
      sees: ['waits'],
      at: RC,
    },
    { name: 'rows that lie as their keys go', scripts: [block(add(3)), block(search3)], sees: ['waits'] },
    {
      name: 'rows that are asked for in an order',
      scripts: [add(1), block(add(2)), block('SELECT id FROM seats WHERE id > 0 ORDER BY id DESC FOR UPDATE')],
      sees: ['waits'],
      at: RC,
    },
  ]);

  test.each<[string, readonly string[]]>([
    ['a row that lies behind the others, though its index entry does not', [add(1), block(add(1)), block(search3), add(2)]],
    ['an update', [add(1), block(add(1)), 'UPDATE seats SET v = 2 WHERE id IN (1, 2)']],
    ['an error at one, a wait at another', [add(1), block(add(2)), 'UPDATE seats SET v = CASE id WHEN 1 THEN 9 ELSE v END WHERE id < 3']],
    ['a join with a subquery', [block(add(2)), 'DELETE FROM seats s WHERE EXISTS (SELECT 1 FROM wishes w WHERE w.id = s.id)']],
    ['another index', ['UPDATE seats SET code = 99 WHERE id = 1', block(add(2)), 'DELETE FROM seats WHERE code > 5 AND id < 3']],
  ])('%s', async (_name, scripts) => {
    const { machine, engine } = modelOf({ schema, seed, scripts, isolation: 'READ COMMITTED' });
    await expect(search(machine, engine, { maxStates: 10_000 })).rejects.toThrow(/which comes first is up to the server/);
  });
});

describe('an error at one of several rows, where another would end otherwise', () => {
  const add = (id: number) => `UPDATE seats SET v = v + 1 WHERE id = ${id}`;
  const isThere = 'EXISTS (SELECT 1 FROM wishes w WHERE w.id = s.id)';

  conforms([
    {
      name: 'rows that lie as their keys go',
      scripts: ['BEGIN; SELECT v FROM seats; UPDATE seats SET v = CASE id WHEN 2 THEN 9 ELSE v END WHERE id < 3; COMMIT', add(1)],
      sees: ['40001', '23514'],
      at: RR,
    },
  ]);

  test.each<[string, IsolationLevel, string, readonly string[]]>([
    [
      'a duplicate, or a row that was changed',
      'REPEATABLE READ',
      'a a a b b a',
      [`${block(add(1))}; BEGIN; SELECT v FROM seats; UPDATE seats SET code = code + 9 WHERE id IN (1, 2); COMMIT`, block(add(1))],
    ],
    [
      'a duplicate of a row that has not left its place yet, or that row, which was changed',
      'REPEATABLE READ',
      'a b b a',
      [`BEGIN; ${add(1)}; UPDATE seats SET code = CASE id WHEN 1 THEN 11 ELSE 20 END WHERE id IN (1, 2); COMMIT`, add(2)],
    ],
    [
      'a CHECK, or a row that was changed, in a join with a subquery',
      'REPEATABLE READ',
      'a b b a',
      [`BEGIN; SELECT v FROM seats; UPDATE seats s SET v = CASE id WHEN 2 THEN 9 ELSE v END WHERE ${isThere}; COMMIT`, add(1)],
    ],
    [
      'one serialization failure or another',
      'SERIALIZABLE',
      'a b b a a',
      [`BEGIN; SELECT v FROM seats; SAVEPOINT s; UPDATE seats s SET v = v + 1 WHERE ${isThere}; COMMIT`, block(add(1))],
    ],
    [
      'the triggers of one row, or of another',
      'READ COMMITTED',
      'a b c a',
      [
        'BEGIN; UPDATE halls SET v = 1 WHERE id = 1; DELETE FROM halls WHERE id IN (1, 2); COMMIT',
        block('UPDATE chairs SET v = 1 WHERE hall = 1'),
        block('UPDATE chairs SET v = 1 WHERE hall = 2'),
      ],
    ],
  ])('%s', async (_name, isolation, schedule, scripts) => {
    const { machine } = modelOf({ schema, seed, scripts, isolation });
    const choices = schedule.split(' ').map((name): Choice => ({ actor: 'abc'.indexOf(name), kind: 'step' }));
    await expect(run(machine, following(choices))).rejects.toThrow(/which comes first is up to the server/);
  });
});

test('statements over several rows are told as coarse, an INSERT among them', async () => {
  const scripts = ['INSERT INTO wishes VALUES (7, 70), (8, 80)', 'INSERT INTO seats VALUES (9, 90, 90, 0)', 'UPDATE seats SET v = 1'];
  const { machine, engine } = modelOf({ schema, seed, scripts, isolation: RR[0]! });
  await search(machine, engine, { maxStates: 1_000 });
  expect(engine.coarse).toEqual(['INSERT of wishes', 'UPDATE of seats']);
});
