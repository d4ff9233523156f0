import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Action, type Applied, EngineError } from '../src/engine/contract.js';
import { ModelEngine } from '../src/engine/model/engine.js';
import type { ModelState } from '../src/engine/model/state.js';
import { PostgresEngine } from '../src/engine/postgres/engine.js';
import { Inspector } from '../src/engine/postgres/inspector.js';
import type { MaybePromise } from '../src/maybe-promise.js';
import { addOne, BOTH, block, CLAUSES, lockOne, onServer, RC, RR, SR, schema, seed } from './model-cases.js';
import { confirm } from './model-scripts.js';

/** Every interleaving of small scenarios on the model, every transition of them on a real server, and no difference. */

const { conforms, server, postgres } = onServer();

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
      name: 'a failed transaction hears of a syntax error first, and of nothing else that is wrong',
      scripts: [
        [
          'BEGIN',
          'SELECT 1 / 0',
          'SELEC 1',
          'SET v',
          'SELECT v FROM nowhere',
          'SELECT $1',
          'SAVEPOINT s',
          'SELECT 1; SELECT 2',
          'ROLLBACK',
        ],
        addOne(),
      ],
      sees: ['42601', '25P02'],
      stubborn: true,
      at: RC,
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
      name: 'SET TRANSACTION comes too late after a query',
      scripts: [
        'BEGIN; SELECT 1; SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; COMMIT',
        'BEGIN; SELECT 1; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET TRANSACTION READ ONLY; UPDATE items SET v = 1; COMMIT',
        'BEGIN READ ONLY; SELECT 1; SET TRANSACTION READ WRITE; COMMIT',
      ],
      sees: ['25001', '25006', 'SET'],
      at: RC,
    },
    {
      name: 'BEGIN inside a transaction sets its modes all the same',
      scripts: [
        'BEGIN; SELECT 1; BEGIN ISOLATION LEVEL REPEATABLE READ; COMMIT',
        'BEGIN; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT v FROM items; SELECT v FROM items; COMMIT',
        'BEGIN; SELECT 1; BEGIN READ ONLY; UPDATE items SET v = 1; COMMIT',
      ],
      sees: ['25001', '25006', 'BEGIN'],
      at: RC,
    },
    {
      name: 'SET TRANSACTION does not after what needs no snapshot',
      scripts: [
        'BEGIN; LOCK TABLE items IN ACCESS SHARE MODE; SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT v FROM items; SELECT v FROM items; COMMIT',
        'BEGIN READ ONLY; SET TRANSACTION READ WRITE; UPDATE items SET v = v + 1 WHERE id = 1; COMMIT',
      ],
      sees: ['SET', 'UPDATE 1'],
      at: RC,
    },
    {
      name: 'SET TRANSACTION after a savepoint',
      scripts: [
        'BEGIN; SAVEPOINT s; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; RELEASE s; COMMIT',
        'BEGIN; SAVEPOINT s; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; COMMIT',
      ],
      sees: ['25001', 'SET'],
      at: RC,
    },
    {
      name: 'a statement that is wrong has taken the snapshot',
      scripts: [block('SAVEPOINT s', 'SELECT nothing FROM items', 'ROLLBACK TO s', 'SELECT v FROM items WHERE id = 1'), addOne()],
      stubborn: true,
      sees: ['42703'],
      at: [...RR, ...SR],
    },
    {
      name: 'nor has one that locks a table which is not there',
      scripts: [block('SAVEPOINT s', 'LOCK TABLE nothing', 'ROLLBACK TO s', 'SELECT v FROM items WHERE id = 1'), addOne()],
      stubborn: true,
      sees: ['42P01'],
      at: RR,
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
      scripts: [block('UPDATE items SET code = code + 1 WHERE id < 3'), block('INSERT INTO items VALUES (5, 0, 21)')],
      sees: ['waits'],
    },
  ]);
});

describe('what is wrong is seen', () => {
  const scripted = { schema, seed, scripts: [block(lockOne('UPDATE')), block(lockOne('UPDATE'))], isolation: 'READ COMMITTED' as const };

  test('a model that takes FOR UPDATE for a plain read', async () => {
    class Lockless extends ModelEngine {
      override apply(state: ModelState, action: Action): MaybePromise<Applied<ModelState>> {
        if (action.kind !== 'statement') return super.apply(state, action);
        const text = action.statement.text.replace(' FOR UPDATE', '');
        return super.apply(state, { ...action, statement: { ...action.statement, text } });
      }
    }
    const { difference } = await confirm(scripted, new Lockless(), postgres());
    expect(difference).toContain('model:  ["SELECT",1,["v"],[[1]]]\n  server: waits');
  });

  describe('a settle rule that is broken', () => {
    let careless: PostgresEngine;

    beforeEach(() => {
      careless = new PostgresEngine(server());
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
