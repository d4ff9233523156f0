import { describe } from 'vitest';
import { block, onServer, RC, RR, SR } from './model-cases.js';

/** Tables without a primary key: two rows may be alike, and are two all the same. */

const schema = `
  CREATE TABLE log (who text, n int);
  CREATE TABLE parents (id int UNIQUE, v int NOT NULL);
  CREATE TABLE children (parent_id int REFERENCES parents (id), n numeric);
`;
const seed = `
  INSERT INTO log VALUES ('b', 1), ('a', 1), ('a', 1), (NULL, 2);
  INSERT INTO parents VALUES (1, 1), (NULL, 2);
  INSERT INTO children VALUES (1, 1.5), (NULL, 10), (NULL, 9);
`;
const { conforms } = onServer(schema, seed);

const claim = "SELECT n FROM log WHERE who = 'a' FOR UPDATE SKIP LOCKED";

describe('a table without a primary key', () => {
  conforms([
    {
      name: 'rows that are alike are changed one by one',
      scripts: [block("UPDATE log SET n = n + 1 WHERE who = 'a'"), block("UPDATE log SET n = n + 10 WHERE who = 'a'")],
      sees: ['UPDATE 2', 'waits'],
    },
    { name: 'rows that are alike are all locked, and skipped by another', scripts: [block(claim), block(claim), block(claim)], at: RC },
    {
      name: 'a row that goes leaves its like',
      scripts: [
        block("DELETE FROM log WHERE who = 'a'"),
        "INSERT INTO log VALUES ('a', 1)",
        "SELECT count(*) AS n FROM log WHERE who = 'a'",
      ],
      sees: ['DELETE 2'],
    },
    {
      name: 'the same row is inserted twice in a transaction, and by another',
      scripts: [block("INSERT INTO log VALUES ('x', 1)", "INSERT INTO log VALUES ('x', 1)", 'ROLLBACK'), "INSERT INTO log VALUES ('x', 1)"],
    },
    {
      name: 'a foreign key to a unique column',
      scripts: [block('INSERT INTO children VALUES (1, 3)'), block('DELETE FROM parents WHERE id = 1'), block('UPDATE parents SET v = 5')],
      sees: ['waits', '23503'],
    },
    {
      name: 'a snapshot keeps showing what was there',
      scripts: [block('SELECT count(*) AS n FROM log', 'SELECT count(*) AS n FROM log'), "DELETE FROM log WHERE who = 'a'"],
      at: RR,
    },
    {
      name: 'write skew over rows that are alike',
      scripts: [
        block("SELECT count(*) AS n FROM log WHERE who = 'a'", "INSERT INTO log VALUES ('a', 1)"),
        block("SELECT count(*) AS n FROM log WHERE who = 'a'", "INSERT INTO log VALUES ('a', 1)"),
      ],
      sees: ['40001'],
      at: SR,
    },
  ]);
});
