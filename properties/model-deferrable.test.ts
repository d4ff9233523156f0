import { describe, expect, test } from 'vitest';
import { search } from '../src/explore/search.js';
import { block, onServer, RC, RR, SR } from './model-cases.js';
import { modelOf } from './model-scripts.js';

/** Constraints that are checked at the end of the statement, or at COMMIT, which then may wait: every interleaving, every transition on a real server. */

const schema = `
  CREATE EXTENSION IF NOT EXISTS btree_gist;
  CREATE TABLE seats (
    id int PRIMARY KEY,
    place int UNIQUE DEFERRABLE,
    code int CONSTRAINT one_code UNIQUE DEFERRABLE INITIALLY DEFERRED,
    v int NOT NULL DEFAULT 0
  );
  CREATE TABLE ranks (id int PRIMARY KEY DEFERRABLE, v int NOT NULL DEFAULT 0);
  CREATE TABLE parents (id int PRIMARY KEY, code int UNIQUE);
  CREATE TABLE children (
    id int PRIMARY KEY,
    parent_id int CONSTRAINT later REFERENCES parents DEFERRABLE INITIALLY DEFERRED,
    code int CONSTRAINT sooner REFERENCES parents (code) DEFERRABLE,
    strict int REFERENCES parents ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED
  );
  CREATE TABLE stays (id int PRIMARY KEY, room int, during daterange,
    CONSTRAINT no_overlap EXCLUDE USING gist (room WITH =, during WITH &&) DEFERRABLE INITIALLY DEFERRED);
`;
const seed = `
  INSERT INTO seats VALUES (1, 1, 10), (2, 2, 20);
  INSERT INTO ranks VALUES (1), (2), (3);
  INSERT INTO parents VALUES (1, 10), (2, 20);
  INSERT INTO children VALUES (1, 1, 20, NULL);
  INSERT INTO stays VALUES (1, 1, '[2026-01-01,2026-01-03)'), (2, 1, '[2026-01-03,2026-01-05)');
`;
const { conforms } = onServer(schema, seed);

const place = (id: number, at: number) => `UPDATE seats SET place = ${at} WHERE id = ${id}`;
const code = (id: number, to: number) => `UPDATE seats SET code = ${to} WHERE id = ${id}`;
const child = (id: number, parent: number) => `INSERT INTO children (id, parent_id) VALUES (${id}, ${parent})`;
const stay = (id: number, from: number, to: number) => `INSERT INTO stays VALUES (${id}, 1, '[2026-01-0${from},2026-01-0${to})')`;

describe('a unique key at the end of the statement', () => {
  conforms([
    {
      name: 'moves along',
      scripts: [block('UPDATE ranks SET id = id + 1', 'SELECT id FROM ranks'), block('INSERT INTO ranks VALUES (4)')],
      sees: ['UPDATE 3', 'waits', '23505'],
    },
    { name: 'two trade places', scripts: ['UPDATE seats SET place = 3 - place'], sees: ['UPDATE 2'], at: RC },
    { name: 'a place that is taken', scripts: [block(place(1, 2), 'SELECT 1')], sees: ['23505'], at: RC },
    { name: 'a place that somebody wants too', scripts: [block(place(1, 5)), block(place(2, 5))], sees: ['waits', '23505'] },
    {
      name: 'a row is entered before it is judged: two that have waited for a third wait for one another',
      scripts: [
        block('INSERT INTO ranks VALUES (7)').replace('COMMIT', 'ROLLBACK'),
        block('INSERT INTO ranks VALUES (7)'),
        block('INSERT INTO ranks VALUES (7)'),
      ],
      sees: ['waits', '40P01', 'INSERT 1', '23505'],
      at: RC,
    },
    {
      name: 'a key that somebody leaves',
      scripts: [block(place(1, 5)), block('INSERT INTO seats VALUES (3, 1)')],
      sees: ['waits', '23505', 'INSERT 1'],
    },
    {
      name: 'its owner locks as any key does',
      scripts: [block(place(1, 5)), block('SELECT v FROM seats WHERE id = 1 FOR KEY SHARE')],
      sees: ['waits'],
      at: RC,
    },
    {
      name: 'deferred by hand',
      scripts: [block('SET CONSTRAINTS seats_place_key DEFERRED', place(1, 2), place(2, 1)), block(place(2, 7))],
      sees: ['waits', 'COMMIT'],
      at: RC,
    },
  ]);
});

describe('a unique key at COMMIT', () => {
  conforms([
    { name: 'is free by then', scripts: [block(code(1, 20), code(2, 10)), block(code(2, 30))], sees: ['COMMIT', 'waits'] },
    { name: 'is not: all is undone', scripts: [block(code(1, 20), 'SELECT code FROM seats'), 'SELECT * FROM seats'], sees: ['23505'] },
    { name: 'a statement of its own', scripts: [code(1, 20), code(2, 30)], sees: ['waits', '23505', 'UPDATE 1'], at: RC },
    {
      name: 'COMMIT waits for whoever has the key',
      scripts: [block(code(1, 50)), block(code(2, 50)), 'SELECT id FROM seats WHERE code = 50'],
      sees: ['waits', '23505', 'COMMIT'],
    },
    {
      name: 'and commits when that one does not',
      scripts: [block(code(1, 50)).replace('COMMIT', 'ROLLBACK'), block(code(2, 50))],
      sees: ['waits', 'COMMIT'],
      at: RC,
    },
    {
      name: 'two COMMITs that wait for one another',
      scripts: [
        block(code(1, 50), 'UPDATE seats SET v = 1 WHERE id = 1'),
        block(code(2, 50)),
        block('INSERT INTO seats VALUES (3, 3, 50)'),
      ],
      sees: ['waits', '23505'],
      at: RC,
    },
    {
      name: 'crosswise',
      scripts: [
        block('INSERT INTO seats VALUES (3, 3, 50)', 'INSERT INTO seats VALUES (4, 4, 60)'),
        block('INSERT INTO seats VALUES (5, 5, 60)', 'INSERT INTO seats VALUES (6, 6, 50)'),
      ],
      sees: ['waits', '23505', '40P01'],
      at: RC,
    },
    {
      name: 'the row is gone by then, or changed in another column',
      scripts: [
        block('INSERT INTO seats VALUES (3, 3, 10)', 'DELETE FROM seats WHERE id = 3'),
        block(code(1, 20), 'UPDATE seats SET v = 1'),
      ],
      sees: ['COMMIT', '23505'],
      at: RC,
    },
    {
      name: 'what is undone since a savepoint owes nothing',
      scripts: [block('SAVEPOINT s', code(1, 20), 'ROLLBACK TO s'), block(code(2, 30))],
      sees: ['COMMIT'],
    },
    {
      name: 'what is released into the transaction does',
      scripts: [block('SAVEPOINT s', code(1, 20), 'RELEASE s'), block('SAVEPOINT s', code(2, 30))],
      sees: ['waits', '23505', 'COMMIT'],
      at: RC,
    },
    {
      name: 'AND CHAIN',
      scripts: [['BEGIN', code(1, 20), 'COMMIT AND CHAIN', 'SELECT code FROM seats', 'COMMIT'].join('; '), block(code(2, 30))],
      sees: ['23505', 'waits'],
      at: RC,
    },
    {
      name: 'serializable',
      scripts: [block('SELECT count(*) FROM seats', code(1, 50)), block('SELECT count(*) FROM seats', code(2, 50))],
      sees: ['waits', '23505'],
      at: SR,
    },
  ]);
});

describe('SET CONSTRAINTS', () => {
  conforms([
    {
      name: 'IMMEDIATE checks what has been put off',
      scripts: [block(code(1, 20), 'SET CONSTRAINTS one_code IMMEDIATE'), block(code(2, 30))],
      sees: ['waits', '23505', 'SET'],
    },
    {
      name: 'ALL, and of names',
      scripts: [
        block('SET CONSTRAINTS ALL IMMEDIATE', 'SET CONSTRAINTS one_code, later DEFERRED', code(1, 20), child(2, 9)),
        block(code(1, 20)),
      ],
      sees: ['23505'],
      at: RC,
    },
    {
      name: 'is undone with a savepoint',
      scripts: [block('SAVEPOINT s', 'SET CONSTRAINTS ALL IMMEDIATE', 'ROLLBACK TO s', code(1, 20), code(2, 10))],
      sees: ['COMMIT'],
      at: RC,
    },
    {
      name: 'outside a transaction comes to nothing',
      scripts: ['SET CONSTRAINTS ALL IMMEDIATE', block(code(1, 20))],
      sees: ['SET', '23505'],
      at: RC,
    },
    { name: 'of a constraint that is not there', scripts: [block('SET CONSTRAINTS nothing DEFERRED')], sees: ['42704'], at: RC },
  ]);
});

describe('foreign keys', () => {
  conforms([
    {
      name: 'the parent may come later',
      scripts: [block(child(2, 5), 'INSERT INTO parents VALUES (5)'), block('DELETE FROM parents WHERE id = 2')],
      sees: ['COMMIT'],
      at: RC,
    },
    { name: 'or not at all', scripts: [block(child(2, 5), 'SELECT id FROM children'), child(3, 6)], sees: ['23503', 'SELECT 2'], at: RC },
    {
      name: 'COMMIT waits for a parent that is being deleted',
      scripts: [block(child(2, 3)), block('DELETE FROM parents WHERE id = 3')],
      seed: 'INSERT INTO parents VALUES (3)',
      sees: ['waits', '23503'],
    },
    {
      name: 'a parent that another has inserted meanwhile',
      scripts: [block(child(2, 5)), block('INSERT INTO parents VALUES (5)')],
      sees: ['23503', 'COMMIT'],
    },
    {
      name: 'a child that is elsewhere by then, and one that is gone',
      scripts: [block(child(2, 5), 'UPDATE children SET parent_id = 2 WHERE id = 2', child(3, 6), 'DELETE FROM children WHERE id = 3')],
      sees: ['COMMIT'],
      at: RC,
    },
    {
      name: 'a parent that goes is looked for at COMMIT',
      scripts: [block('DELETE FROM parents WHERE id = 1', 'UPDATE children SET parent_id = NULL WHERE id = 1'), block(child(2, 1))],
      sees: ['waits', 'COMMIT', '23503'],
      at: RC,
    },
    {
      name: 'and may come again',
      scripts: [block('DELETE FROM parents WHERE id = 1', 'INSERT INTO parents VALUES (1)'), block(child(2, 1))],
      sees: ['COMMIT', 'waits'],
      at: RC,
    },
    {
      name: 'immediately, unless put off',
      scripts: [
        block('DELETE FROM parents WHERE id = 2', 'SELECT 1'),
        block('SET CONSTRAINTS sooner DEFERRED', 'DELETE FROM parents WHERE id = 2', 'UPDATE children SET code = 10'),
      ],
      sees: ['23503', 'COMMIT'],
      at: RC,
    },
    {
      name: 'RESTRICT is not put off',
      scripts: [block('DELETE FROM parents WHERE id = 2', 'SELECT 1')],
      seed: 'UPDATE children SET code = NULL, strict = 2',
      sees: (major) => [major >= 18 ? '23001' : '23503'],
      at: RC,
    },
    {
      name: 'serializable',
      scripts: [block('SELECT id FROM parents', child(2, 2)), block('SELECT id FROM children', 'DELETE FROM parents WHERE id = 2')],
      sees: ['40001', '23503'],
      at: SR,
    },
    {
      name: 'a table that is owed something is not emptied',
      scripts: [block(child(2, 2), 'TRUNCATE children')],
      sees: ['55006'],
      at: RC,
    },
  ]);
});

describe('exclusion constraints', () => {
  conforms([
    {
      name: 'all move on',
      scripts: [block('UPDATE stays SET during = daterange(lower(during) + 2, upper(during) + 2)'), block(stay(3, 1, 3))],
      sees: ['UPDATE 2', 'waits', 'COMMIT', '23P01'],
      at: RC,
    },
    {
      name: 'COMMIT waits for whoever has the days, and fails',
      scripts: [block(stay(3, 5, 7)), block(stay(4, 6, 8))],
      sees: ['waits', '23P01'],
      at: [...RC, ...RR],
    },
  ]);
});

test.each([
  ['INSERT INTO seats VALUES (1, 1, 10) ON CONFLICT DO NOTHING', 'ON CONFLICT over a constraint that can be deferred'],
  ['UPDATE seats SET place = 7, code = CASE id WHEN 1 THEN 20 ELSE code END', 'which error they meet first'],
  ['BEGIN; SET CONSTRAINTS seats_pkey DEFERRED; COMMIT', 'seats_pkey, which cannot be deferred'],
  ['BEGIN; UPDATE seats SET code = 20 WHERE id = 1; TRUNCATE seats, ranks; COMMIT', 'TRUNCATE of several tables'],
])('refused: %s', async (script, reason) => {
  const { machine, engine } = modelOf({ schema, seed, scripts: [script], isolation: 'READ COMMITTED' });
  await expect(search(machine, engine, { maxStates: 100 })).rejects.toThrow(reason);
});
