/** Savepoints, advisory locks, TRUNCATE and SERIALIZABLE: every interleaving of small scenarios on the model, every transition of them on a real server, and no difference. */
import { describe } from 'vitest';
import { addOne, BOTH, block, CLAUSES, lockOne, onServer, RC, RR, SR } from './model-cases.js';

const { conforms } = onServer();

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
    {
      name: 'a query that failed has told nothing: without it the rest may commit',
      scripts: [
        block(set(1, 5)),
        block(read(1), 'INSERT INTO notes VALUES (1, 2)'),
        block(
          'SELECT count(*) FROM parts',
          'SAVEPOINT s',
          'SELECT count(*) FROM notes',
          'ROLLBACK TO s',
          'UPDATE parts SET v = 3 WHERE id = 1',
        ),
      ],
      stubborn: true,
      sees: ['40001', 'UPDATE 1'],
      at: SR,
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

describe('ON CONFLICT over several indexes', () => {
  conforms([
    {
      name: 'what was changed before it was deleted was changed',
      scripts: [
        block('UPDATE items SET v = 5 WHERE id = 1', 'DELETE FROM items WHERE id = 1'),
        'INSERT INTO items VALUES (3, 1, 10) ON CONFLICT (code) DO UPDATE SET v = 9',
      ],
      sees: ['waits', '40001'],
      at: RR,
    },
    {
      name: 'goes on in the one in which it waited: what has come into an earlier one meanwhile is not seen',
      scripts: [
        block('INSERT INTO items VALUES (3, 1, 30)'),
        block('INSERT INTO items VALUES (7, 1, 30)'),
        'INSERT INTO items VALUES (7, 1, 30) ON CONFLICT DO NOTHING',
      ],
      sees: ['waits', '23505', 'INSERT 0'],
    },
    {
      name: 'waits for one after the other',
      scripts: [
        block('INSERT INTO items VALUES (7, 1, 30)').replace('COMMIT', 'ROLLBACK'),
        block('INSERT INTO items VALUES (8, 1, 40)').replace('COMMIT', 'ROLLBACK'),
        'INSERT INTO items VALUES (7, 1, 40) ON CONFLICT DO NOTHING',
      ],
      sees: ['waits', 'waits again', 'INSERT 1'],
      at: RC,
    },
  ]);
});
