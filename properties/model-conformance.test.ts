import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Action, type Applied, EngineError } from '../src/engine/contract.js';
import { ModelEngine } from '../src/engine/model/engine.js';
import type { ModelState } from '../src/engine/model/state.js';
import { PostgresEngine } from '../src/engine/postgres/engine.js';
import { Inspector } from '../src/engine/postgres/inspector.js';
import { openServer } from '../src/engine/postgres/providers/open.js';
import type { PostgresServer } from '../src/engine/postgres/providers/server.js';
import type { IsolationLevel } from '../src/scenario.js';
import { confirm, type Script } from './model-scripts.js';

/** Every interleaving of small scenarios on the model, every transition of them on a real server, and no difference. */

const schema = `
  CREATE SEQUENCE tickets;
  CREATE TABLE items (id int PRIMARY KEY, v int NOT NULL, code int UNIQUE, CONSTRAINT v_positive CHECK (v >= 0), CONSTRAINT v_below_ten CHECK (v < 10));
  CREATE TABLE parts (id int PRIMARY KEY, item_id int REFERENCES items (id), v int NOT NULL);
  CREATE TABLE notes (id int PRIMARY KEY, item_id int NOT NULL REFERENCES items (id) ON DELETE CASCADE);
  CREATE TABLE numbered (id serial PRIMARY KEY, v int NOT NULL);
`;
const seed = `
  INSERT INTO items (id, v, code) VALUES (1, 1, 10), (2, 2, 20);
  INSERT INTO parts (id, item_id, v) VALUES (1, 1, 1), (2, NULL, 2);
`;

const BOTH: readonly IsolationLevel[] = ['READ COMMITTED', 'REPEATABLE READ'];
const RC: readonly IsolationLevel[] = ['READ COMMITTED'];
const RR: readonly IsolationLevel[] = ['REPEATABLE READ'];
const SR: readonly IsolationLevel[] = ['SERIALIZABLE'];

interface Case {
  readonly name: string;
  readonly scripts: readonly Script[];
  /** What must have been seen, by level or at all of them: SQLSTATEs, `waits`, `waits again`, `UPDATE 0`, ... */
  readonly sees?: readonly string[];
  readonly at?: readonly IsolationLevel[];
  readonly stubborn?: boolean;
  readonly seed?: string;
}

let server: PostgresServer;
let postgres: PostgresEngine;
const engine = new ModelEngine();

beforeAll(async () => {
  server = await openServer('embedded');
  postgres = new PostgresEngine(server, { looksAlways: true });
}, 60_000);

afterAll(async () => {
  await postgres.close();
  await server.close();
});

function conforms(cases: readonly Case[]): void {
  const each = cases.flatMap((item) => (item.at ?? BOTH).map((isolation) => ({ ...item, isolation })));
  for (const { name, scripts, sees, isolation, stubborn, seed: more } of each)
    test(`${name} (${isolation})`, async () => {
      const scripted = { schema, seed: seed + (more ?? ''), scripts, isolation, stubborn: stubborn ?? false };
      const { difference, seen } = await confirm(scripted, engine, postgres);
      expect(difference).toBeNull();
      for (const what of sees ?? []) expect([...seen]).toContain(what);
    }, 20_000);
}

const block = (...statements: string[]): Script => ['BEGIN', ...statements, 'COMMIT'].join('; ');
const CLAUSES = ['KEY SHARE', 'SHARE', 'NO KEY UPDATE', 'UPDATE'] as const;
const lockOne = (clause: string, id = 1) => `SELECT v FROM items WHERE id = ${id} FOR ${clause}`;
const addOne = (id = 1) => `UPDATE items SET v = v + 1 WHERE id = ${id}`;

describe('row-locking clauses', () => {
  conforms(
    CLAUSES.flatMap((left, index) =>
      CLAUSES.slice(index).map((right) => ({
        name: `FOR ${left} meets FOR ${right}`,
        scripts: [block(lockOne(left)), block(lockOne(right))],
        sees: CLAUSES.indexOf(left) + CLAUSES.indexOf(right) >= 3 ? ['waits'] : ['SELECT 1'],
        at: RC,
      })),
    ),
  );
  conforms(
    CLAUSES.map((clause) => ({
      name: `FOR ${clause} meets an update that leaves the keys alone, and one that changes a key`,
      scripts: [block(lockOne(clause)), block(addOne()), block('UPDATE items SET code = 11 WHERE id = 1')],
      sees: ['waits'],
      at: clause === 'KEY SHARE' ? BOTH : RC,
    })),
  );
  conforms([
    {
      name: 'NOWAIT fails where another would wait',
      scripts: [block(addOne()), block(lockOne('UPDATE NOWAIT'))],
      sees: ['55P03', 'SELECT 1'],
    },
    {
      name: 'SKIP LOCKED leaves out what is locked',
      scripts: [block(addOne()), block('SELECT id FROM items FOR UPDATE SKIP LOCKED')],
      sees: ['SELECT 1', 'SELECT 2'],
    },
    {
      name: 'NOWAIT on a row that waiters queue for',
      scripts: [block(lockOne('SHARE')), block(addOne()), block(lockOne('KEY SHARE NOWAIT'))],
      sees: ['waits'],
    },
    {
      name: 'SKIP LOCKED takes turns with a queue',
      scripts: [block(addOne()), block(addOne()), block(lockOne('SHARE SKIP LOCKED'))],
      sees: ['waits', 'SELECT 0'],
    },
    {
      name: 'a newcomer shares a row past the queue of a writer',
      scripts: [block(lockOne('SHARE')), block(lockOne('SHARE')), block(addOne())],
      sees: ['waits'],
    },
    {
      name: 'an update that changes nothing still locks',
      scripts: [block('UPDATE items SET v = v WHERE id = 1'), block(addOne())],
      sees: ['waits'],
    },
    {
      name: 'an update that sets a key to the value it has locks as if it did not',
      scripts: [block('UPDATE items SET code = 10 WHERE id = 1'), block(lockOne('KEY SHARE'))],
      sees: ['SELECT 1'],
    },
    {
      name: 'NOWAIT waits all the same where the key was left alone first and deleted then',
      scripts: [
        block('UPDATE parts SET v = 5 WHERE id = 1', 'DELETE FROM parts WHERE id = 1'),
        block('SELECT v FROM parts WHERE id = 1 FOR KEY SHARE NOWAIT'),
      ],
      sees: ['waits', 'SELECT 1'],
    },
    {
      name: 'an update of a row that was locked FOR UPDATE before counts as one of its key',
      scripts: [block(lockOne('UPDATE'), addOne()), block(lockOne('KEY SHARE'))],
      sees: ['waits'],
    },
    {
      name: 'a locking clause without a row waits for nobody',
      scripts: [block('SELECT id FROM items WHERE id = 9 FOR UPDATE'), block('INSERT INTO items VALUES (9, 0)')],
    },
  ]);
});

describe('deadlocks', () => {
  conforms([
    {
      name: 'two share a row and both want to change it',
      scripts: [block(lockOne('SHARE'), addOne()), block(lockOne('SHARE'), addOne())],
      sees: ['40P01'],
    },
    { name: 'two rows in opposite order', scripts: [block(addOne(1), addOne(2)), block(addOne(2), addOne(1))], sees: ['40P01'] },
    {
      name: 'three rows in a ring',
      scripts: [block(lockOne('UPDATE', 1), addOne(2)), block(lockOne('UPDATE', 2), addOne(3)), block(lockOne('UPDATE', 3), addOne(1))],
      sees: ['40P01'],
      at: RC,
      seed: 'INSERT INTO items (id, v) VALUES (3, 3)',
    },
    {
      name: 'two unique keys in opposite order',
      scripts: [
        block('INSERT INTO items VALUES (5, 0)', 'INSERT INTO items VALUES (6, 0)'),
        block('INSERT INTO items VALUES (6, 1)', 'INSERT INTO items VALUES (5, 1)'),
      ],
      sees: ['40P01', '23505'],
      at: RC,
    },
    {
      name: 'a child and its parent',
      scripts: [
        block('INSERT INTO parts VALUES (3, 1, 0)', 'DELETE FROM items WHERE id = 1'),
        block('INSERT INTO parts VALUES (4, 1, 0)', 'DELETE FROM items WHERE id = 1'),
      ],
      sees: ['40P01'],
      at: RC,
    },
    {
      name: 'statements of several rows that meet from two ends',
      scripts: [block('UPDATE items SET v = v + 1'), block(addOne(2), addOne(1))],
      sees: ['40P01'],
    },
  ]);
});

describe('a row that was changed meanwhile', () => {
  conforms([
    {
      name: 'its value has changed',
      scripts: [addOne(), block('UPDATE items SET v = v + 1 WHERE id = 1 RETURNING v')],
      sees: ['waits', 'UPDATE 1'],
    },
    {
      name: 'the condition is no longer true',
      scripts: [block('UPDATE items SET v = 5 WHERE id = 1'), block('UPDATE items SET v = v + 1 WHERE v = 1')],
      sees: ['waits'],
    },
    {
      name: 'the condition has become true too late',
      scripts: [block('UPDATE items SET v = 2 WHERE id = 1'), block('UPDATE items SET v = v + 1 WHERE v = 2 RETURNING id')],
      sees: ['UPDATE 1', 'UPDATE 2'],
      at: RC,
    },
    {
      name: 'it was deleted',
      scripts: [block('DELETE FROM parts WHERE id = 1'), block('UPDATE parts SET v = 9 WHERE id = 1')],
      sees: ['waits', 'UPDATE 1'],
    },
    {
      name: 'it was deleted and inserted anew',
      scripts: [
        block('DELETE FROM parts WHERE id = 1', 'INSERT INTO parts VALUES (1, 1, 7)'),
        block('SELECT v FROM parts WHERE id = 1 FOR UPDATE'),
      ],
      sees: ['waits', 'SELECT 1'],
    },
    {
      name: 'it was updated twice, by one transaction',
      scripts: [block(addOne(), addOne()), block('UPDATE items SET v = v + 1 WHERE v = 1')],
      sees: ['waits'],
    },
    {
      name: 'it was updated by two transactions one after the other',
      scripts: [addOne(), addOne(), block('UPDATE items SET v = v + 1 WHERE id = 1 RETURNING v')],
      sees: ['waits', 'waits again'],
      at: RC,
    },
    {
      name: 'it was updated and deleted by another',
      scripts: [
        'UPDATE parts SET v = 5 WHERE id = 1',
        'DELETE FROM parts WHERE id = 1',
        block('SELECT v FROM parts WHERE id = 1 FOR SHARE'),
      ],
      sees: ['waits', 'SELECT 0'],
      at: RC,
    },
    {
      name: 'delete meets update',
      scripts: [block('UPDATE parts SET v = 5 WHERE id = 1'), block('DELETE FROM parts WHERE v = 1')],
      sees: ['waits', 'DELETE 1'],
    },
    {
      name: 'delete meets delete',
      scripts: [block('DELETE FROM parts WHERE id = 1'), block('DELETE FROM parts WHERE id = 1')],
      sees: ['waits'],
    },
    {
      name: 'a subquery in the update keeps the old snapshot',
      scripts: [
        block('UPDATE items SET v = 5 WHERE id = 2', addOne()),
        block('UPDATE items SET v = (SELECT v FROM items WHERE id = 2) WHERE id = 1 RETURNING v'),
      ],
      sees: ['waits'],
    },
    {
      name: 'a locking SELECT gives the newest values, and skips what does not match any more',
      scripts: [block('UPDATE items SET v = v + 1'), block('SELECT id, v FROM items WHERE v = 2 FOR UPDATE')],
      sees: ['waits', 'SELECT 0', 'SELECT 1'],
      at: RC,
    },
    {
      name: 'rolled back, it is as if nothing had been',
      scripts: ['BEGIN; UPDATE items SET v = 5 WHERE id = 1; ROLLBACK', block('UPDATE items SET v = v + 1 WHERE v = 1')],
      sees: ['waits', 'UPDATE 1'],
    },
    {
      name: 'a key share held through an update that leaves the key alone',
      scripts: [block(lockOne('KEY SHARE'), lockOne('UPDATE')), block(addOne()), block(addOne())],
      sees: ['waits'],
      at: RC,
    },
    {
      name: 'serialization failure comes before any wait',
      scripts: [addOne(), block('SELECT v FROM items WHERE id = 2', addOne()), block(addOne())],
      sees: ['40001'],
      at: RR,
    },
    {
      name: 'serialization failure comes before NOWAIT and SKIP LOCKED',
      scripts: [
        addOne(),
        block('SELECT v FROM items WHERE id = 2', lockOne('UPDATE NOWAIT')),
        block('SELECT v FROM items WHERE id = 2', lockOne('UPDATE SKIP LOCKED')),
      ],
      sees: ['40001', '55P03', 'SELECT 0'],
      at: RR,
    },
  ]);
});

describe('unique keys', () => {
  const insert = (id: number, v = 0, code = 'NULL') => `INSERT INTO items (id, v, code) VALUES (${id}, ${v}, ${code})`;
  conforms([
    { name: 'the second waits, and fails if the first commits', scripts: [block(insert(5)), block(insert(5))], sees: ['waits', '23505'] },
    {
      name: 'the second waits, and succeeds if the first rolls back',
      scripts: [`BEGIN; ${insert(5)}; ROLLBACK`, block(insert(5))],
      sees: ['waits', 'INSERT 1'],
    },
    {
      name: 'three come for one key',
      scripts: [`BEGIN; ${insert(5)}; ROLLBACK`, insert(5), block(insert(5))],
      sees: ['waits', 'waits again', '23505'],
      at: RC,
    },
    {
      name: 'an update into a key',
      scripts: [block('UPDATE items SET code = 30 WHERE id = 1'), block('UPDATE items SET code = 30 WHERE id = 2')],
      sees: ['waits', '23505'],
    },
    {
      name: 'an update out of a key lets others in once it is committed',
      scripts: [block('UPDATE items SET code = 30 WHERE id = 1'), block(insert(5, 0, '10'))],
      sees: ['waits', 'INSERT 1', '23505'],
    },
    {
      name: 'a key that was taken and left again within a transaction is waited for',
      scripts: [block('UPDATE items SET code = 30 WHERE id = 1', 'UPDATE items SET code = 10 WHERE id = 1'), block(insert(5, 0, '30'))],
      sees: ['waits'],
    },
    {
      name: 'a deleted key is free once the delete is committed',
      scripts: [block('DELETE FROM items WHERE id = 2'), block(insert(2))],
      sees: ['waits', 'INSERT 1', '23505'],
    },
    {
      name: 'a deleted and inserted key is taken',
      scripts: [block('DELETE FROM items WHERE id = 2', insert(2)), block(insert(2))],
      sees: ['waits', '23505'],
    },
    { name: 'NULLs are never equal', scripts: [block(insert(5)), block(insert(6))] },
    {
      name: 'several rows at once, one of them twice',
      scripts: [block(insert(5)), 'INSERT INTO items (id, v) VALUES (6, 0), (5, 0), (7, 0)'],
      sees: ['waits', '23505', 'INSERT 3'],
      at: RC,
    },
    {
      name: 'what the snapshot does not show is a duplicate all the same',
      scripts: [insert(5), block('SELECT count(*) FROM items', insert(5))],
      sees: ['23505'],
      at: RR,
    },
  ]);
});

describe('foreign keys', () => {
  const child = (id: number, parent: number | string) => `INSERT INTO parts (id, item_id, v) VALUES (${id}, ${parent}, 0)`;
  conforms([
    {
      name: 'a child while its parent is deleted',
      scripts: [block('DELETE FROM items WHERE id = 2'), block(child(3, 2))],
      sees: ['waits', '23503'],
    },
    { name: 'a child while its parent is updated', scripts: [block(addOne(2)), block(child(3, 2))], sees: ['INSERT 1'] },
    {
      name: 'a child while its parent is locked FOR UPDATE',
      scripts: [block(lockOne('UPDATE', 2)), block(child(3, 2))],
      sees: ['waits', 'INSERT 1'],
    },
    {
      name: 'a child of a parent that is not committed yet',
      scripts: [block('INSERT INTO items VALUES (5, 0)'), block('SELECT count(*) FROM items', child(3, 5))],
      sees: ['23503'],
    },
    {
      name: 'a parent with a child stays',
      scripts: [block('DELETE FROM items WHERE id = 1'), block('DELETE FROM parts WHERE id = 1')],
      sees: ['waits', '23503'],
    },
    {
      name: 'a parent whose child is being changed',
      scripts: [block('DELETE FROM items WHERE id = 1'), block('UPDATE parts SET v = 5 WHERE id = 1')],
      sees: ['23503'],
    },
    {
      name: 'a parent whose child is being moved away',
      scripts: [block('DELETE FROM items WHERE id = 1'), block('UPDATE parts SET item_id = 2 WHERE id = 1')],
      sees: ['23503'],
    },
    {
      name: 'a child moves to a parent that is being deleted',
      scripts: [block('DELETE FROM items WHERE id = 2'), block('UPDATE parts SET item_id = 2 WHERE id = 2')],
      sees: ['waits', '23503'],
    },
    {
      name: 'a second update of a child checks its parent again',
      scripts: [block('UPDATE parts SET v = 5 WHERE id = 1', 'UPDATE parts SET v = 6 WHERE id = 1'), block(lockOne('UPDATE'))],
      sees: ['waits'],
    },
    {
      name: 'the delete of a parent takes its children along',
      scripts: [block('DELETE FROM items WHERE id = 2'), block('DELETE FROM notes WHERE id = 1')],
      sees: ['waits'],
      seed: 'INSERT INTO notes VALUES (1, 2), (2, 2)',
    },
    {
      name: 'a child comes while the parent goes with its children',
      scripts: [block('SELECT count(*) FROM notes', 'DELETE FROM items WHERE id = 2'), block('INSERT INTO notes VALUES (3, 2)')],
      sees: ['waits', '23503'],
      seed: 'INSERT INTO notes VALUES (1, 2)',
    },
    {
      name: 'a child without a parent waits for a lock on the parents all the same',
      scripts: [block('LOCK TABLE items IN EXCLUSIVE MODE'), block(child(3, 'NULL'))],
      sees: ['waits'],
      at: RC,
    },
  ]);
});

describe('CHECK and NOT NULL', () => {
  conforms([
    {
      name: 'an insert that breaks a CHECK fails before it waits for a key',
      scripts: [block('INSERT INTO items VALUES (5, 0)'), block('INSERT INTO items VALUES (5, -1)')],
      sees: ['23514'],
    },
    { name: 'NOT NULL is complained about before CHECK', scripts: [block('INSERT INTO items VALUES (5, NULL)')], sees: ['23502'] },
    {
      name: 'CHECKs are looked at in the order of their names',
      scripts: [block('INSERT INTO items VALUES (5, 10)'), block('INSERT INTO items VALUES (1, -1)')],
      sees: ['23514'],
    },
    {
      name: 'an update that would break a CHECK fails before it waits for the row',
      scripts: [block('UPDATE items SET v = 5 WHERE id = 1'), block('UPDATE items SET v = v - 2 WHERE id = 1')],
      sees: ['23514'],
    },
    {
      name: 'after the wait the CHECK sees the newest values',
      scripts: [block('UPDATE items SET v = 0 WHERE id = 1'), block('UPDATE items SET v = v - 1 WHERE id = 1')],
      sees: ['waits', '23514'],
      at: RC,
    },
    {
      name: 'a NULL that would be written fails before it waits',
      scripts: [block(addOne()), block('UPDATE items SET v = NULL WHERE id = 1')],
      sees: ['23502'],
    },
  ]);
});

describe('errors and transactions', () => {
  conforms([
    {
      name: 'after an error everything is refused, and COMMIT rolls back',
      scripts: [block(addOne(), 'INSERT INTO items VALUES (1, 1)', 'SELECT v FROM items WHERE id = 1'), block(addOne())],
      sees: ['23505', '25P02', 'ROLLBACK', 'waits'],
      stubborn: true,
    },
    {
      name: 'an error gives back the locks before the ROLLBACK',
      scripts: [block(addOne(), 'INSERT INTO items VALUES (2, 1)'), block(addOne())],
      sees: ['23505', 'waits'],
      at: RC,
    },
    { name: 'autocommitted statements hold their locks until their second step', scripts: [addOne(), addOne()], sees: ['waits'] },
    {
      name: 'autocommitted statements that wait for one key',
      scripts: ['INSERT INTO items VALUES (5, 0)', 'INSERT INTO items VALUES (5, 1)'],
      sees: ['waits', '23505'],
    },
    { name: 'an autocommitted error is over at once', scripts: ['INSERT INTO items VALUES (1, 1)', addOne()], sees: ['23505'] },
    {
      name: 'COMMIT and ROLLBACK outside a transaction, BEGIN inside one',
      scripts: ['COMMIT; ROLLBACK; BEGIN; SELECT v FROM items WHERE id = 1; BEGIN; COMMIT', addOne()],
      sees: ['COMMIT', 'ROLLBACK'],
    },
    {
      name: 'each transaction has the level it names',
      scripts: [
        'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT v FROM items WHERE id = 1; SELECT v FROM items WHERE id = 1; COMMIT',
        'BEGIN ISOLATION LEVEL READ COMMITTED; SELECT v FROM items WHERE id = 1; SELECT v FROM items WHERE id = 1; COMMIT',
        addOne(),
      ],
      at: RC,
    },
    {
      name: 'SET TRANSACTION names the level too',
      scripts: [
        'BEGIN; SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT v FROM items WHERE id = 2; UPDATE items SET v = v + 1 WHERE id = 1; COMMIT',
        addOne(),
      ],
      sees: ['40001'],
      at: RC,
    },
    {
      name: 'a read-only transaction refuses to write',
      scripts: [
        'BEGIN READ ONLY; SELECT v FROM items; UPDATE items SET v = 1; COMMIT',
        'BEGIN READ ONLY; SELECT v FROM items WHERE id = 1 FOR SHARE; COMMIT',
        "BEGIN READ ONLY; SELECT nextval('tickets'); COMMIT",
      ],
      sees: ['25006'],
      at: RC,
    },
    {
      name: 'a read-only transaction may lock tables weakly',
      scripts: [
        'BEGIN READ ONLY; LOCK TABLE items IN ACCESS SHARE MODE; COMMIT',
        'BEGIN READ ONLY; LOCK TABLE items IN ROW EXCLUSIVE MODE; COMMIT',
        'BEGIN READ ONLY; LOCK TABLE items; COMMIT',
      ],
      at: RC,
    },
    { name: 'a transaction that never ends keeps its locks', scripts: [`BEGIN; ${addOne()}`, addOne()], sees: ['waits'], at: RC },
  ]);
});

describe('savepoints', () => {
  const undone = (...statements: string[]) => block('SAVEPOINT s', ...statements, 'ROLLBACK TO s', 'SELECT v FROM items WHERE id = 2');
  conforms([
    {
      name: 'what is rolled back to a savepoint is gone, and what was before it stays',
      scripts: [block(addOne(), 'SAVEPOINT s', addOne(), addOne(2), 'ROLLBACK TO s', 'SELECT * FROM items ORDER BY id'), addOne()],
      sees: ['SAVEPOINT', 'ROLLBACK', 'waits'],
    },
    {
      name: 'what is released stays',
      scripts: [block('SAVEPOINT s', addOne(), 'RELEASE SAVEPOINT s', 'SELECT * FROM items ORDER BY id'), addOne()],
      sees: ['RELEASE', 'waits', 'waits again'],
    },
    {
      name: 'what is released into a savepoint goes with it, and who waited for it waits for the whole transaction',
      scripts: [block('SAVEPOINT s', 'SAVEPOINT t', addOne(), 'RELEASE t', 'ROLLBACK TO s', addOne(2)), addOne()],
      sees: ['waits', 'waits again'],
    },
    ...CLAUSES.map((clause) => ({
      name: `a row locked FOR ${clause} since a savepoint is free again`,
      scripts: [undone(lockOne(clause)), block(addOne()), block(lockOne('UPDATE'))],
      sees: ['waits'],
      at: RC,
    })),
    ...['SHARE', 'NO KEY UPDATE', 'UPDATE'].map((stronger) => ({
      name: `a row locked FOR KEY SHARE before and FOR ${stronger} since a savepoint`,
      scripts: [block(lockOne('KEY SHARE'), 'SAVEPOINT s', lockOne(stronger), 'ROLLBACK TO s'), block(addOne()), block(lockOne('UPDATE'))],
      sees: ['waits'],
      at: RC,
    })),
    {
      name: 'a row locked FOR UPDATE before and updated since a savepoint',
      scripts: [block(lockOne('UPDATE'), 'SAVEPOINT s', addOne(), 'ROLLBACK TO s'), block(lockOne('KEY SHARE')), block(addOne())],
      sees: ['waits'],
      at: RC,
    },
    {
      name: 'a row shared before and updated since a savepoint',
      scripts: [block(lockOne('SHARE'), 'SAVEPOINT s', addOne(), 'ROLLBACK TO s'), block(lockOne('SHARE')), block(addOne())],
      sees: ['waits'],
      at: RC,
    },
    {
      name: 'a row updated before and since a savepoint',
      scripts: [block(addOne(), 'SAVEPOINT s', addOne(), 'ROLLBACK TO s', 'SELECT v FROM items'), block(addOne()), lockOne('KEY SHARE')],
      sees: ['waits'],
    },
    {
      name: 'an update rolled back after a savepoint, seen by who waited with an old snapshot',
      scripts: [undone(addOne()), block('SELECT v FROM items WHERE id = 2', addOne()), addOne()],
      sees: ['waits', 'UPDATE 1'],
    },
    {
      name: 'a delete that is rolled back, and one that is not',
      scripts: [
        block('SAVEPOINT s', 'DELETE FROM parts WHERE id = 1', 'ROLLBACK TO s', 'DELETE FROM parts WHERE id = 1'),
        block('UPDATE parts SET v = 7 WHERE id = 1'),
      ],
      sees: ['waits', 'UPDATE 1', 'UPDATE 0'],
      at: RC,
    },
    {
      name: 'a key inserted since a savepoint is free again',
      scripts: [undone('INSERT INTO items VALUES (5, 0)'), block('INSERT INTO items VALUES (5, 1)')],
      sees: ['waits', 'INSERT 1'],
    },
    {
      name: 'a key inserted and released is taken',
      scripts: [block('SAVEPOINT s', 'INSERT INTO items VALUES (5, 0)', 'RELEASE s'), block('INSERT INTO items VALUES (5, 1)')],
      sees: ['waits', 'waits again', '23505'],
    },
    {
      name: 'a key taken, left since a savepoint, and taken back by the rollback',
      scripts: [
        block('UPDATE items SET code = 30 WHERE id = 1', 'SAVEPOINT s', 'UPDATE items SET code = 40 WHERE id = 1', 'ROLLBACK TO s'),
        block('INSERT INTO items VALUES (5, 0, 40)'),
        block('INSERT INTO items VALUES (6, 0, 30)'),
      ],
      sees: ['waits', '23505', 'INSERT 1'],
      at: RC,
    },
    {
      name: 'a parent that was deleted and is back',
      scripts: [undone('DELETE FROM items WHERE id = 2'), block('INSERT INTO parts VALUES (3, 2, 0)')],
      sees: ['waits', 'INSERT 1'],
    },
    {
      name: 'an error costs what was done since the savepoint, and its locks at once',
      scripts: [
        block(addOne(), 'SAVEPOINT s', addOne(2), 'INSERT INTO items VALUES (1, 1)', 'SELECT 1', 'ROLLBACK TO s', 'SELECT v FROM items'),
        addOne(2),
        addOne(1),
      ],
      sees: ['23505', '25P02', 'waits'],
      stubborn: true,
      at: RC,
    },
    {
      name: 'after an error a savepoint further out may be gone back to',
      scripts: [
        block(
          'SAVEPOINT s',
          addOne(),
          'SAVEPOINT t',
          'UPDATE items SET v = -1 WHERE id = 2',
          'ROLLBACK TO s',
          'RELEASE s',
          'SELECT v FROM items WHERE id = 1',
        ),
        addOne(),
      ],
      sees: ['23514', 'waits'],
      stubborn: true,
    },
    {
      name: 'without going back, a COMMIT after an error rolls back all',
      scripts: [block(addOne(), 'SAVEPOINT s', 'UPDATE items SET v = -1 WHERE id = 2', 'SAVEPOINT t', 'RELEASE s'), addOne()],
      sees: ['23514', '25P02', 'ROLLBACK'],
      stubborn: true,
    },
    {
      name: 'a savepoint that is not there is an error like others',
      scripts: [block('SAVEPOINT s', addOne(), 'ROLLBACK TO t', 'ROLLBACK TO u', 'ROLLBACK TO s'), block('RELEASE s', addOne()), addOne()],
      sees: ['3B001', '25P02'],
      stubborn: true,
      at: RC,
    },
    {
      name: 'of two savepoints with one name the inner one is meant, until it is released',
      scripts: [
        block(
          ...['SAVEPOINT s', addOne(), 'SAVEPOINT s', addOne(), 'ROLLBACK TO s', 'SELECT v FROM items WHERE id = 1'],
          ...['RELEASE s', 'ROLLBACK TO "s"', 'SELECT v FROM items WHERE id = 1', 'RELEASE S', 'RELEASE s'],
        ),
        addOne(),
      ],
      sees: ['3B001', 'waits'],
      stubborn: true,
      at: RC,
    },
    {
      name: 'outside a transaction there are no savepoints',
      scripts: ['SAVEPOINT s; ROLLBACK TO s; RELEASE s; COMMIT AND CHAIN', addOne()],
      sees: ['25P01'],
      stubborn: true,
    },
    {
      name: 'AND CHAIN begins anew at the same level',
      scripts: [
        'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT v FROM items WHERE id = 1; COMMIT AND CHAIN; SELECT v FROM items WHERE id = 1; SELECT v FROM items WHERE id = 1; ROLLBACK AND CHAIN; SELECT v FROM items WHERE id = 1; COMMIT',
        addOne(),
      ],
      at: RC,
    },
    {
      name: 'the snapshot stays where a savepoint is gone back to',
      scripts: [block('SAVEPOINT s', 'SELECT v FROM items', 'ROLLBACK TO s', 'SELECT v FROM items WHERE id = 1'), addOne()],
      at: BOTH,
    },
    {
      name: 'a table locked since a savepoint is free again, one locked before is not',
      scripts: [
        block('LOCK TABLE parts IN SHARE MODE', 'SAVEPOINT s', 'LOCK TABLE parts IN SHARE MODE', 'LOCK TABLE items', 'ROLLBACK TO s'),
        'UPDATE items SET v = 5 WHERE id = 1',
        'UPDATE parts SET v = 5 WHERE id = 1',
      ],
      sees: ['waits'],
      at: RC,
    },
    {
      name: 'a table lock that is released with its savepoint is the transaction’s',
      scripts: [
        block('SAVEPOINT s', 'SAVEPOINT t', 'LOCK TABLE items', 'RELEASE t', 'SELECT 1', 'ROLLBACK TO s', 'SELECT 1'),
        'UPDATE items SET v = 5 WHERE id = 1',
      ],
      sees: ['waits'],
      at: RC,
    },
    {
      name: 'a number drawn since a savepoint stays drawn',
      scripts: [undone("SELECT nextval('tickets')"), block("SELECT nextval('tickets')")],
    },
    {
      name: 'ids are given out from the outside in: a number drawn after a savepoint is the transaction’s',
      scripts: [block(lockOne('SHARE')), block('SAVEPOINT s', "SELECT nextval('tickets')", lockOne('SHARE')), block(addOne())],
      sees: ['waits', 'waits again'],
      at: RC,
    },
    {
      name: 'a deadlock costs its victim what was done since the savepoint',
      scripts: [
        block(addOne(1), 'SAVEPOINT s', addOne(2), 'ROLLBACK TO s', 'SELECT v FROM items WHERE id = 1'),
        block(addOne(2), 'SAVEPOINT s', addOne(1), 'ROLLBACK TO s', 'SELECT v FROM items WHERE id = 1'),
      ],
      sees: ['40P01', 'waits'],
      stubborn: true,
    },
    {
      name: 'NOWAIT tried from a savepoint',
      scripts: [block('SAVEPOINT s', lockOne('UPDATE NOWAIT'), 'ROLLBACK TO s', lockOne('UPDATE', 2)), block(addOne())],
      sees: ['55P03', 'SELECT 1'],
      stubborn: true,
    },
    {
      name: 'a lock that was stronger once still lets readers of the key queue',
      scripts: [
        block(lockOne('KEY SHARE'), 'SAVEPOINT s', lockOne('UPDATE'), 'ROLLBACK TO s', 'SELECT 1'),
        block(lockOne('UPDATE')),
        block(lockOne('KEY SHARE')),
      ],
      sees: ['waits'],
      at: RC,
    },
  ]);
});

describe('advisory locks', () => {
  const call = (name: string, key = '1') => `SELECT pg_${name}(${key}) AS got`;
  const xact = (key = '1') => call('advisory_xact_lock', key);
  const session = (key = '1') => call('advisory_lock', key);
  const unlock = (key = '1') => call('advisory_unlock', key);
  conforms([
    { name: 'a transaction has one until its end', scripts: [block(xact(), addOne()), block(xact(), addOne())], sees: ['waits'] },
    { name: 'an autocommitted one is held until its second step', scripts: [xact(), xact()], sees: ['waits'], at: RC },
    {
      name: 'a snapshot is older than the lock that its statement waited for',
      scripts: [block(xact(), addOne()), block(xact(), 'SELECT v FROM items')],
      sees: ['waits'],
    },
    {
      name: 'a session has one until it gives it back, whatever becomes of the transaction',
      scripts: [`BEGIN; ${session()}; ROLLBACK; SELECT v FROM items; ${unlock()}`, block(session(), unlock())],
      sees: ['waits'],
      at: RC,
    },
    { name: 'a session that never gives it back', scripts: [session(), block(xact())], sees: ['waits'], at: RC },
    {
      name: 'as often as it was taken',
      scripts: [[session(), session(), unlock(), unlock(), unlock()].join('; '), block(call('try_advisory_lock'), xact())],
      sees: ['waits'],
      at: RC,
    },
    {
      name: 'all at once',
      scripts: [
        [session(), session('2, 3'), call('advisory_lock_shared', '4'), 'SELECT pg_advisory_unlock_all() AS got'].join('; '),
        block(xact('2, 3')),
        block(xact('4')),
      ],
      sees: ['waits'],
      at: RC,
    },
    {
      name: 'unlocking what one does not have, or has in another way',
      scripts: [
        block(unlock(), xact(), unlock(), call('advisory_lock_shared', '2'), unlock('2'), call('advisory_unlock_shared', '2')),
        xact(),
      ],
      sees: ['waits'],
      at: RC,
    },
    {
      name: 'the session and its transaction have one both',
      scripts: [
        [`BEGIN; ${session()}; ${xact()}; ${unlock()}; COMMIT`, `BEGIN; ${xact()}; ${session()}; COMMIT`, unlock()].join('; '),
        block(xact()),
      ],
      sees: ['waits'],
      at: RC,
    },
    {
      name: 'shared ones get along, with others wait',
      scripts: [block(call('advisory_xact_lock_shared')), block(call('advisory_xact_lock_shared')), block(xact())],
      sees: ['waits'],
      at: RC,
    },
    {
      name: 'a sharer queues behind who waits to have it alone',
      scripts: [
        block(call('advisory_xact_lock_shared')),
        block(xact()),
        block(call('try_advisory_xact_lock_shared'), call('advisory_xact_lock_shared')),
      ],
      sees: ['waits'],
      at: RC,
    },
    { name: 'one key and two are different things', scripts: [block(xact('1')), block(xact('0, 1')), block(xact('1, 0'))], at: RC },
    { name: 'no key, no lock', scripts: [block(xact('NULL'), xact('NULL, 1')), block(xact())], at: RC },
    {
      name: 'large and negative keys',
      scripts: [block(xact('9007199254740991')), block(xact('-1'), xact('9007199254740991'))],
      at: RC,
      sees: ['waits'],
    },
    {
      name: 'trying never waits',
      scripts: [block(xact(), addOne()), block(call('try_advisory_xact_lock'), call('try_advisory_lock', '1, 1'), addOne())],
      sees: ['SELECT 1'],
      at: RC,
    },
    {
      name: 'it passes to the first waiter at its release: nobody slips in',
      scripts: [block(xact()), block(xact()), block(call('try_advisory_xact_lock'))],
      sees: ['waits'],
      at: RC,
    },
    {
      name: 'two in opposite order',
      scripts: [block(xact('1'), xact('2')), block(xact('2'), xact('1'))],
      sees: ['40P01'],
      at: RC,
    },
    {
      name: 'two that share it and both want it alone',
      scripts: [block(call('advisory_xact_lock_shared'), xact()), block(call('advisory_xact_lock_shared'), xact())],
      sees: ['40P01'],
      at: RC,
    },
    {
      name: 'a row and an advisory lock in opposite order',
      scripts: [block(addOne(), xact()), block(xact(), addOne())],
      sees: ['40P01'],
    },
    {
      name: 'a session’s own survives its being a deadlock’s victim',
      scripts: [
        `BEGIN; ${session('1')}; ${session('2')}; ROLLBACK; ${unlock('1')}`,
        `BEGIN; ${session('2')}; ${session('1')}; ROLLBACK; ${unlock('2')}`,
      ],
      sees: ['40P01'],
      stubborn: true,
      at: RC,
    },
    {
      name: 'a transaction’s goes with the savepoint since which it was taken, a session’s does not',
      scripts: [block('SAVEPOINT s', xact('1'), session('2'), 'ROLLBACK TO s', 'SELECT 1'), block(xact('1'), xact('2'))],
      sees: ['waits'],
      at: RC,
    },
    {
      name: 'several in one statement are taken in order, each waited for in its turn',
      scripts: [block('SELECT pg_advisory_xact_lock(1), 7 AS seven, pg_advisory_xact_lock(2)'), block(xact('2')), block(xact('1'))],
      sees: ['waits'],
      at: RC,
    },
    { name: 'in a read-only transaction too', scripts: [`BEGIN READ ONLY; ${xact()}; COMMIT`, block(xact())], sees: ['waits'], at: RC },
  ]);
});

describe('SERIALIZABLE', () => {
  const read = (id: number) => `SELECT v FROM items WHERE id = ${id}`;
  const set = (id: number, v: number) => `UPDATE items SET v = ${v} WHERE id = ${id}`;
  const sum = 'SELECT sum(v) FROM items';
  const at = (modes: string, ...statements: string[]) => [`BEGIN ${modes}`, ...statements, 'COMMIT'].join('; ');
  conforms([
    { name: 'write skew on two rows', scripts: [block(read(1), set(2, 5)), block(read(2), set(1, 5))], sees: ['40001'], at: SR },
    { name: 'write skew over a sum', scripts: [block(sum, set(2, 5)), block(sum, set(1, 5))], sees: ['40001'], at: SR },
    {
      name: 'count, then insert',
      scripts: ['SELECT count(*) FROM parts', 'SELECT count(*) FROM parts'].map((text, index) =>
        block(text, `INSERT INTO parts VALUES (${index + 5}, 1, 0)`),
      ),
      sees: ['40001'],
      at: SR,
    },
    {
      name: 'insert where the count allows it, autocommitted',
      scripts: [5, 6].map((id) => `INSERT INTO parts SELECT ${id}, 1, 0 WHERE (SELECT count(*) FROM parts) < 3`),
      sees: ['40001'],
      at: SR,
    },
    {
      name: 'the anomaly of a reader alone (Fekete, O’Neil, O’Neil 2004)',
      scripts: [block(read(2), set(1, 5)), block(set(2, 7)), block(sum)],
      sees: ['40001'],
      at: SR,
    },
    {
      name: 'the same, the reader declared READ ONLY',
      scripts: [block(read(2), set(1, 5)), block(set(2, 7)), at('READ ONLY', read(1), read(2))],
      sees: ['40001'],
      at: SR,
    },
    { name: 'one reads what the other writes: no harm', scripts: [block(read(1), read(2)), block(set(1, 5))], at: SR },
    {
      name: 'a row that was updated meanwhile fails as at REPEATABLE READ',
      scripts: [addOne(), block(read(2), addOne())],
      sees: ['40001'],
      at: SR,
    },
    {
      name: 'a level of its own for each: with READ COMMITTED there is no conflict',
      scripts: [at('ISOLATION LEVEL SERIALIZABLE', read(1), set(2, 5)), at('ISOLATION LEVEL READ COMMITTED', read(2), set(1, 5))],
      at: RC,
    },
    {
      name: 'levels mixed: two that are serializable, and one that reads repeatably',
      scripts: [
        at('ISOLATION LEVEL SERIALIZABLE', read(1), set(2, 5)),
        at('ISOLATION LEVEL SERIALIZABLE', read(2), set(1, 5)),
        at('ISOLATION LEVEL REPEATABLE READ', sum, 'UPDATE parts SET v = 5 WHERE id = 1'),
      ],
      sees: ['40001'],
      at: RC,
    },
    {
      name: 'what was rolled back to a savepoint has been read all the same',
      scripts: [block('SAVEPOINT s', read(1), 'ROLLBACK TO s', set(2, 5)), block(read(2), set(1, 5))],
      sees: ['40001'],
      at: SR,
    },
    {
      name: 'a row locked FOR UPDATE is read, not written',
      scripts: [block(lockOne('UPDATE'), set(2, 5)), block(read(2), lockOne('SHARE', 1))],
      at: SR,
    },
  ]);
});

describe('table locks', () => {
  const lock = (mode: string) => `LOCK TABLE items IN ${mode} MODE`;
  const modes = [
    'ACCESS SHARE',
    'ROW SHARE',
    'ROW EXCLUSIVE',
    'SHARE UPDATE EXCLUSIVE',
    'SHARE',
    'SHARE ROW EXCLUSIVE',
    'EXCLUSIVE',
    'ACCESS EXCLUSIVE',
  ];
  conforms(
    modes.map((mode) => ({
      name: `${mode} against locking and writing`,
      scripts: [block(lock(mode)), block(lockOne('SHARE')), block(addOne(2))],
      at: RC,
    })),
  );
  conforms(
    modes.map((mode, index) => ({
      name: `${mode} against itself and its neighbour`,
      scripts: [block(lock(mode)), block(lock(mode)), block(lock(modes[(index + 3) % 8]!))],
      at: RC,
    })),
  );
  conforms([
    {
      name: 'a plain read waits for ACCESS EXCLUSIVE alone, and is one step all the same',
      scripts: [block(lock('ACCESS EXCLUSIVE')), block(lock('EXCLUSIVE')), 'SELECT v FROM items WHERE id = 1'],
      sees: ['waits'],
      at: RC,
    },
    {
      name: 'NOWAIT fails where another would wait',
      scripts: [block(addOne()), block('LOCK TABLE items IN SHARE MODE NOWAIT')],
      sees: ['55P03'],
    },
    { name: 'outside a transaction there is no LOCK TABLE', scripts: ['LOCK TABLE items', addOne()], sees: ['25P01'] },
    {
      name: 'two who share a table and both want to write deadlock',
      scripts: [block(lock('SHARE'), addOne()), block(lock('SHARE'), addOne(2))],
      sees: ['40P01'],
      at: RC,
    },
    {
      name: 'a stronger lock wanted by two fails one of them',
      scripts: [block(lock('ROW EXCLUSIVE'), lock('SHARE ROW EXCLUSIVE')), block(lock('ROW EXCLUSIVE'), lock('SHARE ROW EXCLUSIVE'))],
      sees: ['40P01'],
      at: RC,
    },
    {
      name: 'nobody slips in between a release and the first waiter',
      scripts: [block(lock('EXCLUSIVE')), block(addOne()), block('LOCK TABLE items IN EXCLUSIVE MODE NOWAIT')],
      sees: ['waits', '55P03'],
      at: RC,
    },
    {
      name: 'several tables are locked in order',
      scripts: [block('LOCK TABLE items, parts IN SHARE MODE'), block('UPDATE parts SET v = 5 WHERE id = 1', addOne())],
      sees: ['waits'],
    },
    {
      name: 'a statement that waited for the table sees what was committed meanwhile',
      scripts: [block(lock('ACCESS EXCLUSIVE'), addOne()), block('SELECT v FROM items WHERE id = 1')],
      sees: ['waits'],
    },
    {
      name: 'LOCK TABLE takes no snapshot',
      scripts: [block(addOne()), block(lock('SHARE'), 'SELECT v FROM items WHERE id = 1')],
      sees: ['waits'],
    },
    {
      name: 'a snapshot from before the lock stays',
      scripts: [block(addOne()), block('SELECT v FROM items WHERE id = 2', lock('SHARE'), 'SELECT v FROM items WHERE id = 1')],
      sees: ['waits'],
    },
  ]);
});

describe('TRUNCATE', () => {
  const all = 'SELECT * FROM parts ORDER BY id';
  conforms([
    {
      name: 'who reads the table waits, and finds it empty whatever its snapshot',
      scripts: [block('TRUNCATE parts'), block('SELECT v FROM items WHERE id = 1', all)],
      sees: ['waits', 'SELECT 0', 'SELECT 2'],
    },
    {
      name: 'who comes with an older snapshot finds it empty without having waited',
      scripts: ['TRUNCATE parts', block('SELECT v FROM items WHERE id = 1', 'SELECT v FROM items WHERE id = 2', all)],
      sees: ['SELECT 0'],
      at: RR,
    },
    {
      name: 'it waits for everybody who has used the table',
      scripts: [block(all), block('UPDATE parts SET v = 5 WHERE id = 1'), block('TRUNCATE TABLE parts')],
      sees: ['waits'],
      at: RC,
    },
    {
      name: 'rolled back, all is there again',
      scripts: ['BEGIN; TRUNCATE parts; INSERT INTO parts VALUES (1, 1, 9); SELECT * FROM parts ORDER BY id; ROLLBACK', block(all)],
      sees: ['waits', 'INSERT 1'],
    },
    {
      name: 'gone back to a savepoint, all is there again',
      scripts: [
        block('INSERT INTO parts VALUES (3, 1, 9)', 'SAVEPOINT s', 'TRUNCATE parts', all, 'ROLLBACK TO s', all),
        block('INSERT INTO parts VALUES (3, 1, 8)'),
      ],
      sees: ['waits', 'SELECT 0', 'SELECT 3', '23505'],
    },
    {
      name: 'what is written after it stays, what was written before it goes',
      scripts: [block('INSERT INTO parts VALUES (3, 1, 9)', 'TRUNCATE parts', 'INSERT INTO parts VALUES (1, 1, 7)', all), block(all)],
      sees: ['SELECT 1', 'waits'],
    },
    {
      name: 'a table that others refer to is not truncated alone, though it has been locked',
      scripts: [block('TRUNCATE items'), block('TRUNCATE notes', 'TRUNCATE items, parts, notes'), addOne()],
      sees: ['0A000', 'waits', 'TRUNCATE'],
      stubborn: true,
      at: RC,
    },
    {
      name: 'CASCADE takes along those that refer to it',
      scripts: [block('TRUNCATE items CASCADE', 'INSERT INTO items VALUES (1, 5)'), block('INSERT INTO parts VALUES (3, 2, 0)')],
      sees: ['waits', '23503', 'INSERT 1'],
    },
    {
      name: 'it is no read-only statement, and autocommitted it holds its lock until its second step',
      scripts: ['BEGIN READ ONLY; TRUNCATE parts; COMMIT', 'TRUNCATE notes, parts RESTART IDENTITY', all],
      sees: ['25006', 'waits'],
      at: RC,
    },
  ]);
});

describe('sequences', () => {
  conforms([
    {
      name: 'a number that was drawn stays drawn',
      scripts: [
        'BEGIN; INSERT INTO numbered (v) VALUES (1) RETURNING id; ROLLBACK',
        block('INSERT INTO numbered (v) VALUES (2) RETURNING id'),
      ],
    },
    {
      name: 'a failed insert has drawn its number, unless the CHECK of another row came first',
      scripts: [
        'INSERT INTO numbered (v) VALUES (NULL)',
        'INSERT INTO numbered (v) VALUES (1), (NULL), (2)',
        'INSERT INTO numbered (v) VALUES (3) RETURNING id',
      ],
      sees: ['23502'],
      at: RC,
    },
    {
      name: 'setval is seen by all at once, and not undone',
      scripts: [
        "BEGIN; SELECT setval('tickets', 7); ROLLBACK",
        block("SELECT nextval('tickets')", 'SELECT last_value, is_called FROM tickets'),
      ],
    },
    {
      name: "setval to a table's maximum",
      scripts: [
        block('INSERT INTO numbered (v) VALUES (1) RETURNING id'),
        block("SELECT setval('numbered_id_seq', (SELECT coalesce(max(id), 1) FROM numbered), (SELECT count(*) FROM numbered) > 0)"),
      ],
      at: [],
    },
  ]);
});

describe('statements over several rows', () => {
  conforms([
    {
      name: 'who has set a sequence has its place among the lockers of a row already',
      scripts: [block(lockOne('SHARE')), block("SELECT setval('tickets', 7)", lockOne('SHARE')), block(addOne())],
      sees: ['waits', 'waits again'],
      at: RC,
    },
    {
      name: 'so has who has drawn a number',
      scripts: [block(lockOne('SHARE')), block("SELECT nextval('tickets')", lockOne('SHARE')), block(addOne())],
      sees: ['waits', 'waits again'],
      at: RC,
    },
    {
      name: 'so has who has written elsewhere',
      scripts: [block(lockOne('SHARE')), block('INSERT INTO items VALUES (7, 1)', lockOne('SHARE')), block(addOne())],
      sees: ['waits', 'waits again'],
      at: RC,
    },
    {
      name: 'rows that were updated before come last',
      scripts: [block('UPDATE items SET v = v + 1 RETURNING id'), block(addOne(1), addOne(2)), addOne(2)],
      sees: ['waits'],
      at: RC,
    },
    {
      name: 'an ordered lock waits in its order',
      scripts: [block('SELECT id FROM items ORDER BY id DESC FOR UPDATE'), block(addOne(1), addOne(2))],
      sees: ['40P01', 'waits'],
      at: RC,
    },
    {
      name: 'a delete of several rows that stops in the middle',
      scripts: [block('DELETE FROM parts'), block('UPDATE parts SET v = 9 WHERE id = 2')],
      sees: ['waits', 'DELETE 2'],
    },
    {
      name: 'INSERT ... SELECT ... WHERE with a count',
      scripts: [
        'INSERT INTO parts (id, item_id, v) SELECT 3, 1, 0 WHERE (SELECT count(*) FROM parts) < 3',
        'INSERT INTO parts (id, item_id, v) SELECT 4, 1, 0 WHERE (SELECT count(*) FROM parts) < 3',
      ],
      sees: ['INSERT 1', 'INSERT 0'],
    },
    {
      name: 'INSERT ... SELECT from the table itself',
      scripts: [
        'INSERT INTO parts (id, item_id, v) SELECT id + 10, item_id, v FROM parts',
        block('UPDATE parts SET v = 5', 'SELECT * FROM parts ORDER BY id'),
      ],
    },
    {
      name: 'an update of what another inserts does not see it',
      scripts: [block('INSERT INTO parts VALUES (3, NULL, 0)'), block('UPDATE parts SET v = v + 1', 'SELECT id, v FROM parts ORDER BY id')],
    },
    {
      name: 'one update moves keys along',
      scripts: [block('UPDATE items SET code = code + 1'), block('INSERT INTO items VALUES (5, 0, 21)')],
      sees: ['waits'],
    },
  ]);
});

describe('what is wrong is seen', () => {
  const scripted = { schema, seed, scripts: [block(lockOne('UPDATE')), block(lockOne('UPDATE'))], isolation: 'READ COMMITTED' as const };

  test('a model that takes FOR UPDATE for a plain read', async () => {
    class Lockless extends ModelEngine {
      override apply(state: ModelState, action: Action): Applied<ModelState> {
        if (action.kind !== 'statement') return super.apply(state, action);
        const text = action.statement.text.replace(' FOR UPDATE', '');
        return super.apply(state, { ...action, statement: { ...action.statement, text } });
      }
    }
    const { difference } = await confirm(scripted, new Lockless(), postgres);
    expect(difference).toContain('model:  ["SELECT",1,["v"],[[1]]]\n  server: waits');
  });

  describe('a settle rule that is broken', () => {
    let careless: PostgresEngine;

    beforeEach(() => {
      careless = new PostgresEngine(server);
    });

    afterEach(() => {
      vi.restoreAllMocks();
      careless.release();
    });

    test('it takes every statement that is running for one that waits', async () => {
      // Asked at once, as where a wait is likely; a statement that has only just been sent is still running then.
      careless.expect = (actor) => PostgresEngine.prototype.expect.call(careless, actor, { waits: true, victim: false });
      vi.spyOn(Inspector.prototype, 'blocking').mockImplementation(async (pids) => new Map(pids.map((pid) => [pid, [0]])));
      const { difference } = await confirm(scripted, new ModelEngine(), careless);
      expect(difference).toContain('server: waits');
    });

    test('it never finds that anybody waits', async () => {
      vi.spyOn(Inspector.prototype, 'blocking').mockResolvedValue(new Map());
      let clockMs = 0;
      vi.spyOn(performance, 'now').mockImplementation(() => {
        clockMs += 1_000;
        return clockMs;
      });
      await expect(confirm(scripted, new ModelEngine(), careless)).rejects.toThrow(EngineError);
    });

    test('it finds a waiter freed whose blocker is still there', async () => {
      const inspect = Inspector.prototype.inspect;
      vi.spyOn(Inspector.prototype, 'inspect').mockImplementation(async function (this: Inspector, pids, careful) {
        return { ...(await inspect.call(this, pids, careful)), blocking: new Map() };
      });
      // Somebody else's commit lets everybody be looked at while b waits for a.
      const scripts = [...scripted.scripts, 'UPDATE items SET v = 2 WHERE id = 2'];
      const { difference } = await confirm({ ...scripted, scripts }, new ModelEngine(), careless);
      expect(difference).toContain('state of ');
    });
  });
});
