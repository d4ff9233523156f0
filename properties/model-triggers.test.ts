import { describe, expect, test } from 'vitest';
import { run } from '../src/run.js';
import { block, onServer, RC } from './model-cases.js';
import { modelOf } from './model-scripts.js';

/** Triggers that set the new row's columns are modelled. All else that a table may have is refused where a statement comes to it. */

const { conforms } = onServer('', '');

const stamps = `
  CREATE TABLE t (id serial PRIMARY KEY, code text UNIQUE, v int NOT NULL CHECK (v < 10), twice int GENERATED ALWAYS AS (v * 2) STORED, at timestamptz, changes int NOT NULL DEFAULT 0);
  CREATE TABLE c (id int PRIMARY KEY, t int REFERENCES t ON DELETE CASCADE);
  CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    NEW.at := now();
    IF TG_OP = 'UPDATE' THEN
      IF NEW.v IS DISTINCT FROM OLD.v THEN NEW.changes = OLD.changes + 1; END IF;
    ELSE
      NEW.code := lower(NEW.code) || '-' || NEW.id;
    END IF;
    RETURN NEW;
  END $$;
  CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.code := upper(NEW.code); RETURN NEW; END';
  CREATE TRIGGER stamped BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION stamp();
  CREATE TRIGGER zz_loud BEFORE UPDATE OF code ON t FOR EACH ROW WHEN (NEW.code IS NOT NULL AND OLD.v > 0) EXECUTE FUNCTION shout();
`;
const seed = "INSERT INTO t (code, v) VALUES ('A', 1), ('B', 2);";

describe('a trigger before a row that sets its columns', () => {
  conforms(
    [
      {
        name: 'on inserts and updates, statement by statement',
        scripts: [
          "INSERT INTO t (code, v) VALUES ('X', 3) RETURNING *; UPDATE t SET v = v + 1 WHERE id = 1 RETURNING code, changes, twice; UPDATE t SET v = v; UPDATE t SET code = 'lower' WHERE id = 2 RETURNING code, changes; INSERT INTO t (code, v) VALUES ('Y', 10); UPDATE t SET v = 10 WHERE id = 1; INSERT INTO t (id, code, v) VALUES (1, 'Z', 1); UPDATE t SET v = NULL WHERE id = 2",
        ],
        at: RC,
      },
      {
        name: 'updates under contention, with the newest row as OLD',
        scripts: [
          block('UPDATE t SET v = v + 1 WHERE id = 1'),
          block('UPDATE t SET v = v + 1 WHERE id = 1 RETURNING changes'),
          'SELECT v, changes FROM t WHERE id = 1',
        ],
        sees: ['waits'],
      },
      {
        name: 'a row is locked before its triggers and its constraints',
        scripts: [
          block('SELECT id FROM t WHERE id = 1 FOR UPDATE'),
          block('UPDATE t SET v = 20 WHERE id = 1'),
          block('UPDATE t SET v = 3 WHERE v = 1'),
        ],
        sees: ['waits', '23514'],
      },
      {
        name: 'a key that the SET list names is locked as one that changes',
        scripts: [
          block('SELECT id FROM t WHERE id = 1 FOR KEY SHARE'),
          block('UPDATE t SET code = code WHERE id = 1'),
          block('INSERT INTO c VALUES (1, 1)'),
        ],
        sees: ['waits'],
        at: RC,
      },
      {
        name: 'ON CONFLICT, with the row that the triggers have made',
        scripts: [
          block(
            "INSERT INTO t (id, code, v) VALUES (3, 'q', 4) ON CONFLICT (id) DO UPDATE SET v = t.v + excluded.v, code = excluded.code RETURNING code, v, changes",
          ),
          block(
            "INSERT INTO t (id, code, v) VALUES (3, 'R', 4) ON CONFLICT (id) DO UPDATE SET v = t.v + excluded.v, code = excluded.code RETURNING code, v, changes",
          ),
        ],
        sees: ['waits'],
        at: RC,
      },
      {
        name: 'rows that go with their parent',
        scripts: [block('INSERT INTO c VALUES (1, 1)'), block('DELETE FROM t WHERE id = 1')],
        sees: ['waits'],
        at: RC,
      },
    ].map((item) => ({ ...item, schema: stamps, seed })),
  );
});

describe('what is not modelled is refused where a statement comes to it', () => {
  const outcome = async (schema: string, sql: string) => {
    const { machine } = modelOf({ schema, seed: '', scripts: [sql], isolation: 'READ COMMITTED' });
    return run(machine, { choose: (choices) => choices[0]! });
  };
  const trigger = (body: string, when = 'BEFORE INSERT', each = 'ROW') =>
    `CREATE TABLE other (n int); CREATE TABLE t (id int PRIMARY KEY, v int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} END $$; CREATE TRIGGER x ${when} ON t FOR EACH ${each} EXECUTE FUNCTION f();`;
  const insert = 'INSERT INTO t VALUES (1, 1)';

  test.each([
    [trigger('NEW.v := (SELECT count(*) FROM other); RETURN NEW;'), insert, 'trigger x of t, with SELECT in it'],
    [trigger('INSERT INTO other VALUES (1); RETURN NEW;'), insert, 'trigger x of t, with INSERT in it'],
    [trigger('NEW.v := random(); RETURN NEW;'), insert, 'trigger x of t, which calls random'],
    [trigger('RETURN NULL;'), insert, 'trigger x of t, which returns something else than NEW'],
    [trigger("RAISE NOTICE 'x'; RETURN NEW;"), insert, 'trigger x of t, with RAISE in it'],
    [trigger('RETURN NEW;', 'AFTER INSERT'), insert, 'trigger x of t, which does not come before each row'],
    [trigger('RETURN NEW;', 'BEFORE INSERT', 'STATEMENT'), insert, 'trigger x of t, which does not come before each row'],
    [trigger('RETURN NEW;', 'BEFORE TRUNCATE', 'STATEMENT'), 'TRUNCATE t', 'trigger x of t'],
    [
      'CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE t1 PARTITION OF t DEFAULT',
      'SELECT * FROM t',
      'partitioned or a partition',
    ],
    ['CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u () INHERITS (t)', 'SELECT * FROM t', 'inherits or is inherited from'],
    ["CREATE TABLE t (id int PRIMARY KEY, v int, CHECK (tableoid::regclass::text <> 'x'))", insert, 'constraint t_tableoid_check of t'],
    ['CREATE TABLE t (id int PRIMARY KEY, v int); CREATE RULE r AS ON INSERT TO t DO INSTEAD NOTHING', insert, 'rule r of t'],
    [
      'CREATE TABLE t (id int PRIMARY KEY, v int4range, CONSTRAINT apart EXCLUDE USING spgist (v WITH &&))',
      "INSERT INTO t VALUES (1, '[1,2)')",
      'constraint apart, with an index of spgist',
    ],
    [
      'CREATE EXTENSION btree_gist; CREATE TABLE x (during daterange, id int, PRIMARY KEY (id, during WITHOUT OVERLAPS)); CREATE TABLE t (id int PRIMARY KEY, d daterange, CONSTRAINT f FOREIGN KEY (id, PERIOD d) REFERENCES x (id, PERIOD during))',
      "INSERT INTO t VALUES (1, '[2020-01-01,2020-02-01)')",
      'foreign key f: PERIOD',
    ],
  ])('%s %s', async (schema, sql, reason) => {
    await expect(outcome(schema, sql)).rejects.toMatchObject({ name: 'UnmodelledError', message: expect.stringContaining(reason) });
    await outcome(`${schema}; CREATE TABLE apart_from_it (n int PRIMARY KEY)`, 'INSERT INTO apart_from_it VALUES (1)');
  });

  test.each([
    [trigger("RAISE EXCEPTION 'no'; RETURN NEW;", 'BEFORE UPDATE'), insert],
    ['CREATE TABLE t (id int PRIMARY KEY, v int); ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (v > 5)', insert],
    [`${trigger('INSERT INTO other VALUES (1); RETURN NEW;')} ALTER TABLE t DISABLE TRIGGER x;`, insert],
  ])('not without need: %s', async (schema, sql) => {
    await outcome(schema, sql);
  });
});
