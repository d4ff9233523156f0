/** Advisory-lock functions wherever they stand: every interleaving on the model, every transition on a server, and what is left to PostgreSQL's plan is refused. */
import { describe, expect, test } from 'vitest';
import { UnmodelledError } from '../src/engine/contract.js';
import { ModelEngine } from '../src/engine/model/engine.js';
import { search } from '../src/explore/search.js';
import { addOne, block, onServer, RC } from './model-cases.js';
import { modelOf } from './model-scripts.js';

const { conforms } = onServer(
  'CREATE TABLE items (id int PRIMARY KEY, v int NOT NULL, name text); CREATE TABLE log (id int PRIMARY KEY, got text);',
  "INSERT INTO items VALUES (1, 1, 'a'), (2, 2, 'b');",
);

const meets = (name: string, statement: string, key = '1') => ({
  name,
  scripts: [block(statement, addOne()), block(`SELECT pg_advisory_xact_lock(${key})`, addOne())],
  sees: ['waits'],
  at: RC,
});

describe('a key that is computed', () => {
  conforms([
    meets('is a hash', "SELECT pg_advisory_xact_lock(hashtext('a'))", "hashtext('a')"),
    meets(
      'is a hash longer than a number of JavaScript',
      "SELECT pg_advisory_xact_lock(hashtextextended('a', 0))",
      "hashtextextended('a', 0)",
    ),
    meets(
      'is cut from a digest',
      "SELECT pg_advisory_xact_lock(('x' || substr(md5('a'), 1, 16))::bit(64)::bigint)",
      "('x' || substr(md5('a'), 1, 16))::bit(64)::bigint",
    ),
    meets('is one of two', "SELECT pg_advisory_xact_lock(1, hashtext('a'))", "1, hashtext('a')"),
    meets('comes from a row', 'SELECT pg_advisory_xact_lock(id) FROM items WHERE id = 1'),
    meets('comes from a subquery', 'SELECT pg_advisory_xact_lock((SELECT max(id) FROM items))', '2'),
    {
      name: 'that is null takes no lock',
      scripts: [block('SELECT pg_advisory_xact_lock(NULL::bigint)'), block('SELECT pg_try_advisory_xact_lock(NULL::bigint + 1) AS got')],
    },
    {
      name: 'that PostgreSQL cannot compute is an error of its own',
      scripts: [
        block("SELECT pg_advisory_xact_lock('x'::text)"),
        block('SELECT pg_advisory_xact_lock((SELECT name FROM items WHERE id = 1)::bigint)'),
      ],
      sees: ['42883', '22P02'],
      at: RC,
    },
  ]);
});

describe('functions over the rows of a table', () => {
  conforms([
    {
      name: 'are called in the order of rows and of the list',
      scripts: [
        block('SELECT pg_advisory_xact_lock(1)', 'SELECT id, pg_advisory_xact_lock(id) AS locked, v FROM items ORDER BY id'),
        block('SELECT *, pg_advisory_xact_lock(id) FROM items ORDER BY id DESC'),
      ],
      sees: ['waits', '40P01'],
      at: RC,
    },
    {
      name: 'are called as often as LIMIT has it',
      scripts: [
        block('SELECT pg_try_advisory_xact_lock(id) AS got, id FROM items ORDER BY v DESC LIMIT 1'),
        block('SELECT id, pg_try_advisory_xact_lock(id), pg_try_advisory_xact_lock(id, 0) AS other FROM items ORDER BY id'),
      ],
      at: RC,
    },
    {
      name: 'show the rows that there were before they waited',
      scripts: [
        block('SELECT pg_advisory_xact_lock(7)', addOne()),
        block('SELECT pg_advisory_xact_lock(7), (SELECT v FROM items WHERE id = 1) AS v'),
      ],
      sees: ['waits'],
    },
    {
      name: 'are not called where there is no row',
      scripts: [block('SELECT pg_advisory_xact_lock(id) FROM items WHERE id = 9'), block('SELECT pg_try_advisory_xact_lock(9) AS got')],
      at: RC,
    },
    {
      name: 'decide in WHERE whether a row is given',
      scripts: [
        block('SELECT id, v FROM items WHERE id = 1 AND pg_try_advisory_xact_lock(id)', addOne()),
        block('SELECT id FROM items WHERE items.id = 1 AND pg_catalog.pg_try_advisory_xact_lock(id) LIMIT 1', addOne()),
      ],
      sees: ['SELECT 0', 'SELECT 1'],
      at: RC,
    },
  ]);
});

describe('functions elsewhere in a statement', () => {
  conforms([
    meets('in FROM', 'SELECT 1 AS one FROM pg_advisory_xact_lock(1)'),
    {
      name: 'in FROM with an alias',
      scripts: [
        block('SELECT * FROM pg_try_advisory_xact_lock(1) AS mine'),
        block('SELECT mine IS TRUE AS got FROM pg_try_advisory_xact_lock(1) mine'),
      ],
      at: RC,
    },
    {
      name: 'in a WITH query that is read',
      scripts: [
        block('WITH mine AS (SELECT pg_try_advisory_xact_lock(1) AS got) SELECT got FROM mine', addOne()),
        block('WITH mine AS (SELECT pg_advisory_xact_lock(1)) SELECT (SELECT v FROM items WHERE id = 1) AS v FROM mine', addOne()),
      ],
      sees: ['waits'],
    },
    {
      name: 'in a WITH query whose row is inserted',
      scripts: [
        block("WITH mine AS (SELECT pg_advisory_xact_lock(1)) INSERT INTO log SELECT count(*), 'x' FROM mine"),
        block('WITH mine AS (SELECT 2 AS id, pg_try_advisory_xact_lock(1) AS got) INSERT INTO log SELECT id, got FROM mine RETURNING got'),
      ],
      sees: ['waits'],
      at: RC,
    },
    {
      name: 'in an expression',
      scripts: [
        block('SELECT NOT pg_try_advisory_xact_lock(1) AS busy, pg_try_advisory_xact_lock(2)::int + 1'),
        block('SELECT (SELECT pg_try_advisory_xact_lock(1)) AS got, pg_try_advisory_xact_lock(2) = pg_try_advisory_xact_lock(3) AS both'),
      ],
      at: RC,
    },
    {
      name: 'several in one statement, of a session',
      scripts: [
        "SELECT pg_advisory_lock(hashtext('a')), pg_try_advisory_lock_shared(1) AS got; SELECT pg_advisory_unlock(hashtext('a')) AS one, pg_advisory_unlock_shared(1) AS two; SELECT pg_advisory_unlock_all(), hashtext('a') = 1 AS no",
        "SELECT pg_advisory_lock(hashtext('a')); SELECT pg_try_advisory_lock(1) AS got; SELECT pg_advisory_unlock_all()",
      ],
      sees: ['waits'],
      at: RC,
    },
  ]);
});

describe('a call in the condition of a statement that locks or changes rows waits in mid-scan, under the snapshot from before', () => {
  const holder = block('SELECT pg_advisory_xact_lock(7)', addOne());
  const session = 'SELECT pg_advisory_lock(7)';
  conforms([
    {
      name: 'FOR UPDATE locks the newest version where the wait has let another commit',
      scripts: [holder, block('SELECT id, v FROM items WHERE pg_advisory_xact_lock(7) IS NOT NULL AND id = 1 FOR UPDATE')],
      sees: ['waits'],
    },
    {
      name: 'a row that no longer fulfils the condition is left out',
      scripts: [holder, block('SELECT id FROM items WHERE v = 1 AND pg_advisory_xact_lock(7) IS NOT NULL FOR KEY SHARE')],
      sees: ['waits'],
      at: RC,
    },
    {
      name: 'UPDATE and DELETE wait likewise',
      scripts: [
        block('SELECT pg_advisory_xact_lock(7)', addOne()),
        'UPDATE items SET v = v + 1 WHERE pg_advisory_xact_lock(7) IS NOT NULL',
        'DELETE FROM items WHERE id = 2 AND pg_advisory_xact_lock_shared(7) IS NOT NULL RETURNING id',
      ],
      sees: ['waits'],
      at: RC,
    },
    {
      name: 'SKIP LOCKED and NOWAIT say nothing of the advisory lock',
      scripts: [
        block(addOne()),
        block('SELECT id FROM items WHERE pg_advisory_xact_lock(7) IS NOT NULL ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED'),
        block('SELECT id FROM items WHERE pg_advisory_xact_lock_shared(7) IS NOT NULL FOR UPDATE NOWAIT'),
      ],
      sees: ['waits', '55P03'],
      at: RC,
    },
    {
      name: "a session's lock stays after the statement",
      scripts: [
        `${session}; ${addOne()}; SELECT pg_advisory_unlock_all()`,
        'SELECT id FROM items WHERE pg_advisory_lock(7) IS NOT NULL FOR UPDATE; SELECT pg_advisory_unlock_all()',
      ],
      sees: ['waits'],
      at: RC,
    },
    {
      name: 'nothing is called over an empty table',
      scripts: [
        block('SELECT pg_advisory_xact_lock(7)', addOne()),
        block('DELETE FROM log WHERE pg_advisory_xact_lock(7) IS NOT NULL AND id = 1'),
      ],
      at: RC,
    },
    {
      name: 'it is refused in a read-only transaction as what it is',
      scripts: ['BEGIN READ ONLY; SELECT id FROM items WHERE pg_advisory_xact_lock(7) IS NOT NULL FOR SHARE; COMMIT'],
      sees: ['25006'],
      at: RC,
    },
  ]);
});

describe('functions of which PostgreSQL may choose how often to call them', () => {
  const scripted = (statement: string) => ({
    schema: 'CREATE TABLE items (id int PRIMARY KEY, v int NOT NULL);',
    seed: 'INSERT INTO items VALUES (1, 1), (2, 2);',
    scripts: [statement],
    isolation: 'READ COMMITTED' as const,
    stubborn: false,
  });
  for (const [why, statement, message] of [
    ['over several rows without an order', 'SELECT pg_advisory_xact_lock(id) FROM items', /for several rows/],
    ['in WHERE over several rows', 'SELECT id FROM items WHERE pg_try_advisory_xact_lock(id)', /for several rows/],
    ['in WHERE before another condition', 'SELECT id FROM items WHERE pg_try_advisory_xact_lock(id) AND id = 1', /in this place/],
    [
      'in WHERE behind a condition that costs more',
      'SELECT id FROM items WHERE id + v = 2 AND pg_try_advisory_xact_lock(1)',
      /in this place/,
    ],
    ['beside an aggregate', 'SELECT max(id), pg_advisory_xact_lock(1) FROM items', /beside an aggregate/],
    ['beside DISTINCT', 'SELECT DISTINCT pg_try_advisory_xact_lock(1) FROM items', /beside DISTINCT/],
    ['in CASE', 'SELECT CASE WHEN true THEN pg_try_advisory_xact_lock(1) END', /beside CASE/],
    ['in a WITH query that nothing reads', 'WITH mine AS (SELECT pg_advisory_xact_lock(1)) SELECT 1 AS one', /in this place/],
    ['in an UPDATE', 'UPDATE items SET v = 1 WHERE pg_try_advisory_xact_lock(id)', /in this place/],
    [
      'in the condition of a locking statement, before one that no row fulfils',
      'SELECT id FROM items WHERE pg_advisory_xact_lock(1) IS NOT NULL AND id = 3 FOR UPDATE',
      /before a condition that no row fulfils/,
    ],
    [
      'given back after a scan has taken it',
      'SELECT id FROM items WHERE pg_advisory_lock(1) IS NOT NULL FOR UPDATE; SELECT pg_advisory_unlock(1)',
      /how often is up to the plan/,
    ],
    ['in a condition with OR', 'DELETE FROM items WHERE pg_advisory_lock(1) IS NOT NULL OR id = 1', /in this place/],
    ['beside LIMIT 0', 'SELECT pg_advisory_xact_lock(1) LIMIT 0', /LIMIT that may be 0/],
    ['in ORDER BY', 'SELECT pg_try_advisory_xact_lock(id) AS got FROM items ORDER BY got', /ORDER BY/],
  ] as const)
    test(`are refused: ${why}`, async () => {
      const { engine, machine } = modelOf(scripted(statement), new ModelEngine());
      const searched = search(machine, engine, { maxStates: 100 });
      await expect(searched).rejects.toBeInstanceOf(UnmodelledError);
      await expect(searched).rejects.toThrow(message);
    });
});
