/** Functions in SQL that run one statement which writes: a call of one is that statement. Every interleaving on the model, every transition on a server. */
import { describe, expect, test } from 'vitest';
import { search } from '../src/explore/search.js';
import { addOne, block, onServer, RC, SR } from './model-cases.js';
import { modelOf } from './model-scripts.js';

const schema = `
  CREATE TABLE items (id int PRIMARY KEY, v int NOT NULL);
  CREATE TABLE log (item int REFERENCES items (id), note text);
  CREATE FUNCTION add_once(k int, n int) RETURNS void LANGUAGE sql AS $$ INSERT INTO items SELECT k, n WHERE NOT EXISTS (SELECT FROM items WHERE id = k); $$;
  CREATE FUNCTION raise_item(which int) RETURNS void LANGUAGE sql AS 'UPDATE items SET v = v + 1 WHERE id = which AND v < 3';
  CREATE FUNCTION remove_item(int) RETURNS void LANGUAGE sql AS 'DELETE FROM items WHERE id = $1';
  CREATE FUNCTION note_item(k int, said text) RETURNS void LANGUAGE sql AS 'INSERT INTO log VALUES (k, said)';
  CREATE FUNCTION twice(k int) RETURNS void LANGUAGE sql AS 'UPDATE items SET v = 0 WHERE id = k; DELETE FROM items WHERE id = k';
  CREATE FUNCTION told(k int) RETURNS int LANGUAGE sql AS 'UPDATE items SET v = 0 WHERE id = k RETURNING v';
  CREATE FUNCTION clash(v int) RETURNS void LANGUAGE sql AS 'UPDATE items SET v = v + 1 WHERE id = 1';`;
const seed = 'INSERT INTO items VALUES (1, 1), (2, 2);';
const { conforms } = onServer(schema, seed);

describe('a function that writes', () => {
  conforms([
    {
      name: 'inserts once, and meets the unique index',
      scripts: [block('SELECT add_once(7, 1)'), block('SELECT add_once(7, -2) AS done')],
      sees: ['waits', '23505'],
    },
    {
      name: 'at SERIALIZABLE',
      scripts: [block('SELECT add_once(7, 1)'), block('SELECT add_once(7, 2)')],
      sees: ['waits', '40001'],
      at: SR,
    },
    {
      name: 'looks at the row again that it has waited for',
      scripts: [block('SELECT raise_item(2)'), block(addOne(2)), block('SELECT raise_item(2)')],
      sees: ['waits'],
      at: RC,
    },
    { name: 'deletes', scripts: [block('SELECT remove_item(1)'), block(addOne())], sees: ['waits'] },
    {
      name: 'has its foreign keys checked',
      scripts: [block("SELECT note_item(1, 'it''s')"), block('SELECT remove_item(1)'), block('SELECT note_item(9, NULL)')],
      sees: ['23503'],
      at: RC,
    },
    { name: 'is refused in a read-only transaction', scripts: ['BEGIN READ ONLY; SELECT raise_item(1); COMMIT'], sees: ['25006'], at: RC },
  ]);

  for (const [why, statement, message] of [
    ['of two statements', 'BEGIN; SELECT twice(1); COMMIT', /the function twice, which writes/],
    ['that returns something', 'BEGIN; SELECT told(1); COMMIT', /the function told, which writes/],
    ['with an argument that is called like a column', 'BEGIN; SELECT clash(1); COMMIT', /the function clash, which writes/],
    ['over the rows of a table', 'BEGIN; SELECT raise_item(id) FROM items; COMMIT', /the function raise_item, which writes/],
    ['with an argument that is computed', 'BEGIN; SELECT raise_item(1 + 1); COMMIT', /the function raise_item, which writes/],
    ['outside a transaction block', 'SELECT raise_item(1)', /outside a transaction block/],
  ] as const)
    test(`is refused: ${why}`, async () => {
      const { engine, machine } = modelOf({ schema, seed, scripts: [statement], isolation: 'READ COMMITTED' });
      await expect(search(machine, engine, { maxStates: 100 })).rejects.toThrow(message);
    });
});
