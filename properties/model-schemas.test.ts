import { describe, expect, test } from 'vitest';
import { ModelEngine } from '../src/engine/model/engine.js';
import { SqlError } from '../src/engine/model/sql-error.js';
import { block, onServer, RC } from './model-cases.js';

/** Tables in schemas of their own, extensions, and what a schema's text may say besides tables. */

const { conforms } = onServer('', '');

const schema = `
  CREATE SCHEMA app;
  CREATE SCHEMA "Odd.Name";
  CREATE TABLE seats (id int PRIMARY KEY, n int NOT NULL);
  CREATE TABLE app.seats (id serial PRIMARY KEY, n int NOT NULL CHECK (n < 10), code text UNIQUE);
  CREATE TABLE app.bookings (id int PRIMARY KEY, seat int NOT NULL REFERENCES app.seats ON DELETE CASCADE);
  CREATE TABLE "Odd.Name"."T" (a int);
  CREATE SEQUENCE app.numbers START 5;
  CREATE VIEW app.free AS SELECT id FROM app.seats WHERE n < 5;
`;
const seed = `
  INSERT INTO seats VALUES (1, 1);
  INSERT INTO app.seats (n, code) VALUES (1, 'a'), (6, 'b');
  INSERT INTO "Odd.Name"."T" VALUES (1);
`;

describe('a schema besides "public"', () => {
  conforms(
    [
      {
        name: 'tables of one name in two of them',
        scripts: [
          block('UPDATE app.seats SET n = n + 1 WHERE id = 1'),
          block('UPDATE seats SET n = n + 1'),
          'SELECT s.n, t.n AS m FROM seats s JOIN app.seats t ON t.id = s.id',
        ],
      },
      {
        name: 'waits and errors name the table',
        scripts: [
          block("INSERT INTO app.seats (n, code) VALUES (2, 'a')"),
          block('UPDATE app.seats SET n = 10 WHERE id = 1'),
          block("UPDATE app.seats SET code = 'c' WHERE app.seats.id = 1 RETURNING app.seats.code"),
        ],
        sees: ['23505', '23514', 'waits'],
        at: RC,
      },
      {
        name: 'foreign keys between tables of one',
        scripts: [
          block('DELETE FROM app.seats WHERE id = 1'),
          block('INSERT INTO app.bookings VALUES (1, 1)'),
          block('INSERT INTO app.bookings VALUES (2, 9)'),
        ],
        sees: ['23503', 'waits'],
        at: RC,
      },
      {
        name: 'ON CONFLICT, locking, views and sequences',
        scripts: [
          "INSERT INTO app.seats AS s (n, code) VALUES (3, 'a') ON CONFLICT (code) DO UPDATE SET n = s.n + excluded.n RETURNING s.n; SELECT id FROM app.free ORDER BY id; SELECT nextval('app.numbers'); SELECT n FROM app.seats WHERE id = 2 FOR UPDATE; LOCK TABLE app.seats; BEGIN; LOCK TABLE app.seats; TRUNCATE app.bookings; COMMIT",
        ],
        at: RC,
      },
      {
        name: 'quoted names',
        scripts: [
          'INSERT INTO "Odd.Name"."T" VALUES (2); UPDATE "Odd.Name"."T" SET a = a + 1; SELECT * FROM "Odd.Name"."T" ORDER BY a; INSERT INTO "Odd.Name".t VALUES (1); INSERT INTO nowhere.t VALUES (1)',
        ],
        at: RC,
      },
    ].map((item) => ({ ...item, schema, seed })),
  );
});

describe('what a text says besides', () => {
  const conform = (name: string, text: string, ...statements: string[]) => ({
    name,
    schema: text,
    scripts: [statements.join('; ')],
    at: RC,
  });
  conforms([
    conform(
      'settings, comments, owners and grants',
      "SET search_path = public; SELECT pg_catalog.set_config('search_path', '', false); CREATE TABLE public.t (id int PRIMARY KEY); ALTER TABLE public.t OWNER TO postgres; COMMENT ON TABLE public.t IS 'x; y'; GRANT SELECT ON public.t TO PUBLIC;",
      'INSERT INTO t VALUES (1)',
      'SELECT * FROM t',
    ),
    conform(
      'extensions',
      'CREATE EXTENSION citext; CREATE TABLE t (id int PRIMARY KEY, name citext UNIQUE);',
      "INSERT INTO t VALUES (1, 'Ann')",
      "INSERT INTO t VALUES (2, 'ANN')",
      "SELECT id FROM t WHERE name = 'aNN'",
    ),
    conform(
      'an index that is built concurrently',
      'CREATE TABLE t (id int PRIMARY KEY, v int); CREATE UNIQUE INDEX CONCURRENTLY t_v ON t (v);',
      'INSERT INTO t VALUES (1, 1)',
      'INSERT INTO t VALUES (2, 1)',
    ),
    conform(
      'new values of an enum',
      "CREATE TYPE e AS ENUM ('a'); ALTER TYPE e ADD VALUE 'b'; CREATE TABLE t (id int PRIMARY KEY, e e);",
      "INSERT INTO t VALUES (1, 'b')",
    ),
  ]);

  const opened = async (text: string) =>
    new ModelEngine().open({ schema: text, seed: '', actors: 1, isolation: 'READ COMMITTED', clockMs: 0 });

  conforms([
    {
      name: 'a temporary table is gone when the schema is there',
      schema:
        'CREATE TABLE t (a int); CREATE TEMP TABLE u AS SELECT 1 AS a; INSERT INTO t SELECT a FROM u; CREATE DOMAIN pg_temp.d AS int;',
      scripts: ['SELECT a FROM t; SELECT a FROM u; SELECT 1::d'],
      sees: ['42P01', '42704'],
      stubborn: true,
      at: RC,
    },
    {
      name: 'the first rows are one transaction, whose constraints may be checked at its end',
      schema: `
        CREATE TABLE parents (id int PRIMARY KEY);
        CREATE TABLE children (id int PRIMARY KEY, parent int REFERENCES parents DEFERRABLE INITIALLY DEFERRED);
      `,
      seed: 'INSERT INTO children VALUES (1, 1); INSERT INTO parents VALUES (1);',
      scripts: ['DELETE FROM parents', 'INSERT INTO children VALUES (2, 1)'],
      sees: ['23503', 'waits'],
      at: RC,
    },
  ]);

  test('first rows that a constraint refuses at their end are an error', () => {
    const schema = 'CREATE TABLE t (a int UNIQUE DEFERRABLE INITIALLY DEFERRED);';
    const open = async () =>
      new ModelEngine().open({ schema, seed: 'INSERT INTO t VALUES (1), (1);', actors: 1, isolation: 'READ COMMITTED', clockMs: 0 });
    return expect(open()).rejects.toThrow('the first rows: duplicate key value violates unique constraint "t_a_key"');
  });

  test('a mistake is PostgreSQL’s error, with the statement', async () => {
    await expect(opened('CREATE TABLE t (id int PRIMARY KEY);\nCREATE TABLE u (id nonsense);')).rejects.toThrow(
      new SqlError('42704', 'the schema: type "nonsense" does not exist, in: CREATE TABLE u (id nonsense)'),
    );
    await expect(opened('CREATE TABEL t (id int)')).rejects.toMatchObject({ code: '42601' });
  });

  test.each([
    ['CREATE EXTENSION postgis', 'extension "postgis" is not available'],
    ['ALTER DATABASE postgres SET search_path = app', 'ALTER DATABASE'],
  ])('%s is refused by name', async (text, reason) => {
    await expect(opened(text)).rejects.toMatchObject({ name: 'UnmodelledError', message: expect.stringContaining(reason) });
  });
});
