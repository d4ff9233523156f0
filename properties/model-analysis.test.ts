import { describe, expect, test } from 'vitest';
import { ModelEngine } from '../src/engine/model/engine.js';
import { isNode, nodesIn, readNodeTree } from '../src/engine/node-tree.js';
import { run } from '../src/run.js';
import { modelOf } from './model-scripts.js';

/** What PostgreSQL's analyser says of a statement, and what is refused for it. */

describe('a tree as PostgreSQL writes it', () => {
  test('has nodes, lists, quoted names and data', () => {
    const tree = readNodeTree(
      '({QUERY :commandType 1 :cteList <> :names ("a \\"b" c) :datum 4 [ 1 0 0 0 ] :inner {CONST :constvalue 5 [ 20 0 ]}})',
    );
    expect([...nodesIn(tree)].map(({ kind }) => kind)).toEqual(['QUERY', 'CONST']);
    const [query] = tree as readonly ReturnType<typeof readNodeTree>[];
    if (!isNode(query)) throw new Error('no node');
    expect(query.fields.get('commandType')).toBe('1');
    expect(query.fields.get('cteList')).toBeNull();
    expect(query.fields.get('names')).toEqual(['a "b', 'c']);
    expect(query.fields.get('datum')).toEqual(['4', '[', '1', '0', '0', '0', ']']);
  });

  test.each(['{QUERY :a 1', '(1 2', '{QUERY a 1}', '1 2'])('is refused where it is none: %s', (text) => {
    expect(() => readNodeTree(text)).toThrow(/node tree/);
  });
});

const schema = `
  CREATE TABLE rooms (id int PRIMARY KEY, free int NOT NULL, note text);
  CREATE TABLE orders (id int PRIMARY KEY, room_id int NOT NULL, wanted int NOT NULL);
  CREATE VIEW open_rooms AS SELECT id, free FROM rooms WHERE free > 0;
  CREATE VIEW locked_rooms AS SELECT id, free FROM rooms WHERE id = 1 FOR UPDATE;
  CREATE FUNCTION free_in(room int) RETURNS int LANGUAGE sql STABLE AS 'SELECT free FROM rooms WHERE id = room';
  CREATE FUNCTION newest_free_in(room int) RETURNS int LANGUAGE sql AS 'SELECT free FROM rooms WHERE id = room';
  CREATE FUNCTION taken_in(room int) RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT count(*) FROM orders WHERE room_id = room); END';
  CREATE FUNCTION twice(number int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN number * 2; END';
  CREATE FUNCTION by_chance() RETURNS float LANGUAGE plpgsql AS 'BEGIN RETURN random(); END';
  CREATE FUNCTION leave(room int) RETURNS void LANGUAGE sql AS 'UPDATE rooms SET free = free + 1 WHERE id = room';
`;
const seed = "INSERT INTO rooms VALUES (1, 2, 'a'), (2, 1, 'b'); INSERT INTO orders VALUES (1, 1, 1);";
const engine = new ModelEngine();
const answer = async (text: string): Promise<unknown> => {
  const { machine } = modelOf({ schema, seed, scripts: [text], isolation: 'READ COMMITTED' }, engine);
  const { steps } = await run(machine, { choose: (choices) => choices[0]! });
  const { outcome } = steps[0]!;
  if (outcome.kind === 'blocked') throw new Error('blocked');
  return outcome.reply;
};

describe('what the tree of a statement holds and is not known is refused by name', () => {
  test.each([
    ['SELECT * FROM locked_rooms', 'a view or a function with a locking clause inside'],
    ['SELECT newest_free_in(1)', 'the function newest_free_in, which is VOLATILE and reads a table'],
    ['SELECT taken_in(1)', 'the function taken_in, in PL/pgSQL, with SELECT in it'],
    ['SELECT by_chance()', 'the function by_chance, in PL/pgSQL, which calls random'],
    ['SELECT leave(1)', 'a function that writes, called outside a transaction block'],
    ['SELECT pg_catalog.now()', "pg_catalog.now, which reads the server's clock"],
    ['SELECT txid_current(), pg_sleep(1)', 'the function pg_sleep; the function txid_current'],
    ['SELECT id, random() FROM rooms', 'an answer that depends on the order'],
    ['SELECT xmax = 0 FROM rooms', 'the system column xmax'],
    ['UPDATE rooms SET free = 1 WHERE id = 1 RETURNING xmax = 0', 'the system column xmax'],
    ['INSERT INTO rooms VALUES (3, 1) RETURNING xmax', 'the system column xmax'],
    ['INSERT INTO rooms VALUES (3, 1) RETURNING xmax = 1', 'the system column xmax'],
    ['SELECT count(*) FROM pg_class', 'the system catalog pg_class'],
    ['SELECT table_name FROM information_schema.tables', 'information_schema'],
    ['SELECT ctid, id FROM rooms', 'the system column ctid'],
    ["SELECT 'rooms'::regclass", 'the type regclass'],
    ['SELECT id FROM rooms TABLESAMPLE BERNOULLI (50)', 'TABLESAMPLE'],
    ['SELECT session_user', 'session_user'],
    ["SELECT repeat('[', 10000)::json", 'PGlite does not answer this'],
    ['SELECT ||/ 27::float8', "the function dcbrt, whose last digit is the C library's"],
    ['SELECT sin(id) FROM rooms', "the function sin, whose last digit is the C library's"],
    ['INSERT INTO orders SELECT id, 1, 1 FROM rooms WHERE id IN (SELECT id FROM rooms FOR UPDATE)', 'a locking clause in a subquery'],
    ['SELECT id FROM rooms WHERE EXISTS (SELECT 1 FROM orders WHERE room_id = rooms.id FOR UPDATE)', 'a locking clause'],
  ])('%s', async (text, reason) => {
    await expect(answer(text)).rejects.toThrow(reason);
  });
});

describe('what is known is answered', () => {
  test.each([
    ['SELECT free FROM open_rooms ORDER BY id', [[2], [1]]],
    ['SELECT free_in(1)', [[2]]],
    ['SELECT id FROM rooms WHERE free_in(id) > 1', [[1]]],
    ['SELECT twice(21)', [[42]]],
    ['UPDATE rooms SET free = 5 WHERE id = 1 RETURNING old.free AS before, new.free AS after', [[2, 5]]],
    ['UPDATE public.rooms SET free = 5 WHERE public.rooms.id = 1 RETURNING public.rooms.free', [[5]]],
    ['INSERT INTO "public"."orders" VALUES (2, 1, 1) RETURNING "public"."orders"."id"', [[2]]],
    ['SELECT 10 - count(*) AS rest FROM orders', [['9']]],
    ["SELECT upper('straße') AS u", [['STRAßE']]],
    ['SELECT |/ 3::float8, 2::numeric ^ 3', [[1.7320508075688772, '8.0000000000000000']]],
    ['WITH gone AS (DELETE FROM orders) SELECT count(*) FROM rooms', [['2']]],
    ["SELECT point '(1,2)', ARRAY[interval '1 hour']", [[{ x: 1, y: 2 }, [{ hours: 1 }]]]],
    ["SELECT date '5874897-12-31'", [['Invalid Date']]],
  ])('%s', async (text, rows) => {
    expect(await answer(text)).toMatchObject({ kind: 'result', rows });
  });

  test.each([
    ['SELECT note, count(*) FROM rooms', '42803'],
    ['SELECT DISTINCT note FROM rooms ORDER BY id', '42P10'],
    ['UPDATE rooms SET fre = 1', '42703'],
    ['UPDATE rooms SET free = 1, free = 2', '42601'],
    ['SELECT id FROM rooms WHERE free * 2000000000 > 0', '22003'],
    ['SELECT sum(free) FROM rooms FOR UPDATE', '0A000'],
    ['SELECT id FROM rooms UNION (SELECT id FROM orders FOR UPDATE)', '0A000'],
  ])('%s is the error that it is: %s', async (text, code) => {
    expect(await answer(text)).toMatchObject({ kind: 'error', code });
  });
});

test('a type of the schema is known again when another schema was in place meanwhile', async () => {
  const last = async (asked: ModelEngine, made: string, rows: string, script: string) => {
    const { machine } = modelOf({ schema: made, seed: rows, scripts: [script], isolation: 'READ COMMITTED' }, asked);
    const { outcome } = (await run(machine, { choose: (choices) => choices[0]! })).steps.at(-1)!;
    return outcome.kind === 'done' && outcome.reply.kind === 'result' ? outcome.reply.rows : outcome;
  };
  const states = "CREATE TYPE state AS ENUM ('open', 'taken'); CREATE TABLE seats (id int PRIMARY KEY, state state NOT NULL)";
  const taken = 'SELECT id FROM seats WHERE state = $1 ORDER BY id /* ["taken"] */';
  const asked = new ModelEngine();
  expect(await last(asked, states, "INSERT INTO seats VALUES (1, 'open')", taken)).toEqual([]);
  expect(
    await last(new ModelEngine(), 'CREATE TABLE prices (price numeric)', 'INSERT INTO prices VALUES (1.5)', 'SELECT price FROM prices'),
  ).toEqual([['1.5']]);
  expect(await last(asked, states, "INSERT INTO seats VALUES (1, 'taken')", taken)).toEqual([[1]]);
});

describe('a default that PostgreSQL computes anew each time', () => {
  const insert = async (values: string) => {
    const marks = `
      CREATE FUNCTION stamp() RETURNS text LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN ''noon''; END';
      CREATE TABLE marks (id int PRIMARY KEY, at text DEFAULT stamp(), note text DEFAULT 'none');
    `;
    const { machine } = modelOf(
      { schema: marks, seed: '', scripts: [`INSERT INTO marks ${values} RETURNING note`], isolation: 'READ COMMITTED' },
      engine,
    );
    const { outcome } = (await run(machine, { choose: (choices) => choices[0]! })).steps[0]!;
    return outcome.kind === 'blocked' || outcome.reply.kind !== 'result' ? outcome : outcome.reply.rows;
  };

  test.each(['VALUES (1)', '(id) VALUES (1)', "VALUES (1, DEFAULT, 'a')", 'SELECT 1', 'DEFAULT VALUES', 'VALUES (abs(-1))'])(
    'is refused where it is asked for: %s',
    async (values) => {
      await expect(insert(values)).rejects.toThrow('the default of marks.at, stamp()');
    },
  );

  test.each(["VALUES (1, 'noon')", "(id, at) VALUES (1, 'noon')", "VALUES (abs(-1), ('no,' || 'on'))"])(
    'and is no matter elsewhere: %s',
    async (values) => {
      expect(await insert(values)).toEqual([['none']]);
    },
  );
});
