import { describe, expect, test } from 'vitest';
import { UnmodelledError } from '../src/engine/contract.js';
import { search } from '../src/explore/search.js';
import { block, onServer, RC, RR, SR } from './model-cases.js';
import { modelOf } from './model-scripts.js';

/** What foreign keys do when a key goes or changes: every interleaving on the model, every transition of it on a real server. */

const schema = `
  CREATE TABLE items (id int PRIMARY KEY, code int UNIQUE, v int NOT NULL);
  CREATE TABLE wishes (
    id int PRIMARY KEY,
    item_id int REFERENCES items (id) ON DELETE SET NULL ON UPDATE CASCADE,
    v int NOT NULL,
    CONSTRAINT not_thirteen CHECK (item_id <> 13)
  );
  CREATE TABLE lines (item_id int REFERENCES items (id) ON DELETE CASCADE ON UPDATE CASCADE, n int, PRIMARY KEY (item_id, n));
  CREATE TABLE remarks (id int PRIMARY KEY, item_id int, n int, FOREIGN KEY (item_id, n) REFERENCES lines ON UPDATE CASCADE ON DELETE SET NULL);
  CREATE TABLE strict (id int PRIMARY KEY, item_id int NOT NULL REFERENCES items (id) ON DELETE SET NULL);
  CREATE TABLE restricted (id int PRIMARY KEY, code int REFERENCES items (code) ON DELETE RESTRICT ON UPDATE RESTRICT);
  CREATE TABLE loose (id int PRIMARY KEY, code int REFERENCES items (code) ON UPDATE SET NULL);
  CREATE TABLE plain (id int PRIMARY KEY, code int REFERENCES items (code));
`;
const seed = `
  INSERT INTO items VALUES (1, 10, 1), (2, 20, 1);
  INSERT INTO wishes VALUES (1, 1, 0);
`;
const { conforms } = onServer(schema, seed);

const remove = 'DELETE FROM items WHERE id = 1';
const renumber = 'UPDATE items SET id = 5 WHERE id = 1';
/** What RESTRICT fails with. */
const restricted = (major: number) => (major >= 18 ? '23001' : '23503');
/** In this order: an UPDATE of both would leave it to the server. */
const handOver = 'INSERT INTO items VALUES (1, 30, 1), (2, 10, 1) ON CONFLICT (id) DO UPDATE SET code = excluded.code';

describe('ON DELETE SET NULL', () => {
  conforms([
    {
      name: 'waits for a child that is being changed, and finds it as it is then',
      scripts: [block(remove), block('UPDATE wishes SET v = v + 1 WHERE id = 1'), 'SELECT * FROM wishes'],
      sees: ['waits', 'DELETE 1', '40001'],
      at: RR,
    },
    {
      name: 'leaves a child alone that has gone elsewhere',
      scripts: [block(remove), block('UPDATE wishes SET item_id = 2 WHERE id = 1')],
      sees: ['waits', 'DELETE 1'],
      at: RC,
    },
    {
      name: 'meets a new child',
      scripts: [block(remove), block('INSERT INTO wishes VALUES (2, 1, 0)')],
      sees: ['waits', '23503', 'DELETE 1'],
    },
    {
      name: 'locks the child as an update does that leaves its key alone',
      scripts: [block(remove), block('SELECT id FROM wishes WHERE id = 1 FOR KEY SHARE', 'SELECT id FROM wishes WHERE id = 1 FOR SHARE')],
      sees: ['waits'],
      at: RC,
    },
    {
      name: 'of a column that may not be NULL',
      scripts: [remove, 'DELETE FROM strict'],
      seed: 'INSERT INTO strict VALUES (1, 1)',
      sees: ['23502', 'DELETE 1'],
      at: RC,
    },
    {
      name: 'where the key’s column is half of two keys',
      scripts: [block(remove, 'SELECT * FROM remarks'), block('UPDATE remarks SET n = 2 WHERE id = 1')],
      seed: 'INSERT INTO lines VALUES (1, 1), (1, 2); INSERT INTO remarks VALUES (1, 1, 1)',
      sees: ['waits', 'SELECT 1'],
      at: RC,
    },
    {
      name: 'serializable',
      scripts: [block(remove), block('SELECT item_id FROM wishes', 'UPDATE wishes SET v = 2')],
      sees: ['40001'],
      at: SR,
    },
  ]);
});

describe('ON UPDATE CASCADE', () => {
  conforms([
    {
      name: 'waits for a child that is being changed',
      scripts: [block(renumber), block('UPDATE wishes SET v = v + 1 WHERE id = 1 RETURNING item_id')],
      sees: ['waits', 'UPDATE 1'],
    },
    {
      name: 'meets a new child, and one that refers elsewhere',
      scripts: [block(renumber), block('INSERT INTO wishes VALUES (2, 1, 0)', 'UPDATE wishes SET item_id = 2 WHERE id = 1')],
      sees: ['waits', '23503'],
      at: RC,
    },
    {
      name: 'to a value that is no new key leaves all alone',
      scripts: [block('UPDATE items SET id = 1, v = 2 WHERE id = 1'), block('UPDATE wishes SET v = 2 WHERE id = 1')],
      sees: ['UPDATE 1'],
      at: RC,
    },
    {
      name: 'goes on to children of children',
      scripts: [
        block(renumber, 'SELECT item_id, n FROM remarks'),
        block('UPDATE remarks SET n = n WHERE id = 1'),
        'INSERT INTO lines VALUES (1, 2)',
      ],
      seed: 'INSERT INTO lines VALUES (1, 1); INSERT INTO remarks VALUES (1, 1, 1)',
      sees: ['waits', 'SELECT 1', '23503'],
      at: RC,
    },
    { name: 'that a CHECK forbids', scripts: ['UPDATE items SET id = 13 WHERE id = 1'], sees: ['23514'], at: RC },
    {
      name: 'of several keys, one after the other',
      scripts: ['UPDATE items SET id = id + 10', block('UPDATE wishes SET item_id = 2 WHERE id = 1')],
      seed: 'INSERT INTO wishes VALUES (2, 2, 0)',
      sees: ['waits'],
      at: RC,
    },
  ]);
});

describe('who forbids it', () => {
  conforms([
    {
      name: 'RESTRICT',
      scripts: [block('UPDATE items SET code = 11 WHERE id = 1'), remove, block('INSERT INTO restricted VALUES (1, 10)')],
      sees: (major) => ['waits', '23503', restricted(major)],
      at: RC,
    },
    {
      name: 'NO ACTION',
      scripts: [block('UPDATE items SET code = 11 WHERE id = 1'), remove, block('INSERT INTO plain VALUES (1, 10)')],
      sees: ['waits', '23503'],
    },
    {
      name: 'NO ACTION does not where another row has the key by then',
      scripts: [handOver],
      seed: 'INSERT INTO plain VALUES (1, 10)',
      sees: ['INSERT 2'],
      at: RC,
    },
    {
      name: 'RESTRICT does all the same',
      scripts: [handOver],
      seed: 'INSERT INTO restricted VALUES (1, 10)',
      sees: (major) => [restricted(major)],
      at: RC,
    },
    {
      name: 'ON UPDATE SET NULL, and still NO ACTION when the parent goes',
      scripts: [block('UPDATE items SET code = 11 WHERE id = 1'), remove, block('UPDATE loose SET code = 20 WHERE id = 1')],
      seed: 'INSERT INTO loose VALUES (1, 10)',
      sees: ['waits', 'UPDATE 1', '23503', 'DELETE 1'],
      at: RC,
    },
  ]);
});

describe('foreign keys of one name, in two tables', () => {
  const schema = `
    CREATE TABLE items (id int PRIMARY KEY, v int NOT NULL);
    CREATE TABLE wishes (id int PRIMARY KEY, item_id int, CONSTRAINT of_item FOREIGN KEY (item_id) REFERENCES items ON DELETE SET NULL);
    CREATE TABLE lines (id int PRIMARY KEY, item_id int, CONSTRAINT of_item FOREIGN KEY (item_id) REFERENCES items ON DELETE CASCADE);
    CREATE TABLE orders (id int PRIMARY KEY, line_id int, CONSTRAINT of_item FOREIGN KEY (line_id) REFERENCES lines DEFERRABLE INITIALLY DEFERRED);
  `;
  const seed = 'INSERT INTO items VALUES (1, 1), (2, 1); INSERT INTO wishes VALUES (1, 1); INSERT INTO lines VALUES (1, 1), (2, 2)';
  const { conforms } = onServer(schema, seed);
  conforms([
    {
      name: 'each does what it says',
      scripts: ['DELETE FROM items WHERE id = 1', 'SELECT * FROM wishes', 'INSERT INTO orders VALUES (1, 2)'],
      sees: ['DELETE 1', 'INSERT 1'],
    },
    {
      name: 'each checks its own table',
      scripts: [block('INSERT INTO orders VALUES (1, 1)'), block('INSERT INTO lines VALUES (3, 7)'), 'DELETE FROM items WHERE id = 1'],
      sees: ['23503', 'DELETE 1'],
      at: RC,
    },
  ]);

  test('SET CONSTRAINTS of a name that stands for some which cannot be deferred is refused', async () => {
    const scripts = ['BEGIN; SET CONSTRAINTS of_item DEFERRED; COMMIT'];
    const { machine, engine } = modelOf({ schema, seed, scripts, isolation: 'READ COMMITTED' });
    await expect(search(machine, engine, { maxStates: 100 })).rejects.toThrow('of_item, which cannot be deferred');
  });
});

const forUpdate = 'SELECT v FROM items WHERE id = 1 FOR UPDATE';

test.each([
  [
    'a check behind one who has the row FOR UPDATE',
    ['INSERT INTO plain VALUES (1, 10)', 'UPDATE items SET code = 12 WHERE id = 1; UPDATE items SET v = 2 WHERE id = 1', forUpdate],
  ],
  [
    'a check behind one who has the row FOR UPDATE, after two transactions',
    ['INSERT INTO plain VALUES (1, 10)', 'UPDATE items SET code = 12 WHERE id = 1; COMMIT; UPDATE items SET v = 2 WHERE id = 1', forUpdate],
  ],
  [
    'FOR UPDATE behind a check',
    ['INSERT INTO wishes VALUES (2, 1, 0)', 'UPDATE items SET v = 2 WHERE id = 1; UPDATE items SET v = 3 WHERE id = 1', forUpdate],
  ],
])(
  'who has waited for a row that was changed twice, while a third has it, is refused: which version he meets is not modelled: %s',
  async (_, all) => {
    const scripts = all.map((statements) => block('SELECT 1 FROM items', statements));
    const { machine, engine } = modelOf({ schema, seed, scripts, isolation: 'REPEATABLE READ' });
    const explored = search(machine, engine, { maxStates: 10_000 });
    await expect(explored).rejects.toThrow(UnmodelledError);
    await expect(explored).rejects.toThrow(/changed more than once while it was waited for/);
  },
);
