/** Random programs of few statements: all their orders can be walked, and a difference is small at once. */
import fc from 'fast-check';
import type { ScriptedCase } from '../src/fuzz/scripted.js';

const schema = `
  CREATE TABLE items (id int PRIMARY KEY, v int NOT NULL);
  CREATE TABLE notes (id int PRIMARY KEY, item int REFERENCES items, v int);
  CREATE TABLE a (v int);
  CREATE TABLE b (v int);
  CREATE TABLE c (v int);
`;
const seed = 'INSERT INTO items VALUES (1, 1), (2, 2); INSERT INTO notes VALUES (1, 1, 1)';

const key = fc.constantFrom('1', '2');
const newKey = fc.constantFrom('1', '2', '3');
const heap = fc.constantFrom('a', 'b', 'c');

/** Of rows with keys, and of those that refer to them. */
const keyed = fc.oneof(
  key.map((id) => `SELECT v FROM items WHERE id = ${id}`),
  fc.constantFrom('SELECT count(*) FROM items', 'SELECT count(*) FROM notes', 'SELECT 1'),
  key.map((id) => `UPDATE items SET v = v + 1 WHERE id = ${id}`),
  key.map((id) => `UPDATE items SET v = v WHERE id = ${id}`),
  newKey.map((id) => `INSERT INTO items VALUES (${id}, 1)`),
  newKey.map((id) => `INSERT INTO notes VALUES (${id}, ${id}, 1)`),
  key.map((id) => `DELETE FROM items WHERE id = ${id}`),
  fc
    .tuple(key, fc.constantFrom('UPDATE', 'KEY SHARE', 'SHARE'), fc.constantFrom('', '', ' NOWAIT'))
    .map(([id, lock, wait]) => `SELECT v FROM items WHERE id = ${id} FOR ${lock}${wait}`),
);
/** Of tables without keys: nobody waits, and only snapshots and commits count. */
const keyless = fc.oneof(
  heap.map((table) => `SELECT count(*) FROM ${table}`),
  heap.map((table) => `INSERT INTO ${table} VALUES (1)`),
  fc.constant('SELECT 1'),
);
const begin = fc.constantFrom(
  '',
  'BEGIN',
  'BEGIN ISOLATION LEVEL REPEATABLE READ',
  'BEGIN ISOLATION LEVEL SERIALIZABLE',
  'BEGIN ISOLATION LEVEL SERIALIZABLE',
);
const scriptOf = (statement: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(begin, fc.array(statement, { minLength: 1, maxLength: 3 }))
    .map(([opening, statements]) => (opening === '' ? statements[0]! : [opening, ...statements, 'COMMIT'].join('; ')));
const scriptsOf = (statement: fc.Arbitrary<string>) => fc.array(scriptOf(statement), { minLength: 2, maxLength: 3 });

/** Two or three actors, at most eleven statements. */
export const smallProgram: fc.Arbitrary<ScriptedCase> = fc
  .oneof(scriptsOf(keyed), scriptsOf(keyless))
  .filter((scripts) => scripts.join(';').split(';').length <= 11)
  .map((scripts) => ({ schema, seed, isolation: 'READ COMMITTED', scripts }));
