import { afterAll, beforeAll, expect, test } from 'vitest';
import { PostgresEngine, type ServerState } from '../src/engine/postgres/engine.js';
import { connect } from '../src/engine/postgres/providers/client.js';
import type { PostgresServer } from '../src/engine/postgres/providers/server.js';
import { readRelations } from '../src/engine/postgres/relations.js';
import { Reset } from '../src/engine/postgres/reset.js';
import { ScriptSession } from '../src/engine/postgres/script-session.js';
import { openServer } from '../src/index.js';
import type { Reply } from '../src/reply.js';

let server: PostgresServer;
let engine: PostgresEngine;

beforeAll(async () => {
  server = await openServer('embedded');
  engine = new PostgresEngine(server);
});

afterAll(async () => {
  await engine?.close();
  await server?.close();
});

const open = (schema: string, seed = '') => engine.open({ schema, seed, actors: 2, isolation: 'READ COMMITTED', clockMs: 0 });

/** What each of the statements, autocommitted by one session, is answered, and the state behind them. */
async function after(state: ServerState, statements: readonly string[]): Promise<{ state: ServerState; replies: Reply[] }> {
  const replies: Reply[] = [];
  let now = state;
  for (const text of statements) {
    let applied = await engine.apply(now, { kind: 'statement', actor: 0, statement: { text, values: [], prelude: [] } });
    if (applied.outcome.kind === 'executed') applied = await engine.apply(applied.state, { kind: 'commit', actor: 0 });
    if (applied.outcome.kind === 'blocked') throw new Error(`${text} waits`);
    replies.push(applied.outcome.reply);
    now = applied.state;
  }
  return { state: now, replies };
}

const lastValue = (replies: readonly Reply[]): unknown => {
  const reply = replies.at(-1)!;
  return reply.kind === 'result' ? reply.rows[0]?.[0] : reply;
};

/** Runs the statements three times, each from the first rows, and expects the same first state each time. Gives it. */
async function unchangedBy(schema: string, seed: string, statements: readonly string[]): Promise<ServerState['committed']> {
  const first = await open(schema, seed);
  for (let run = 0; run < 3; run += 1) {
    const { replies } = await after(await open(schema, seed), statements);
    for (const reply of replies) expect(reply).toMatchObject({ kind: 'result' });
    const again = await open(schema, seed);
    // The first look of a run is what counts: the state after a reset is read once for each seed.
    const { state } = await after(again, ['CREATE TEMP TABLE looks (n int)']);
    expect(state.committed).toEqual(first.committed);
  }
  return first.committed;
}

test('tables and sequences of every schema are brought back, with foreign keys between them', async () => {
  const committed = await unchangedBy(
    `CREATE SCHEMA app; CREATE SCHEMA "Other one"; CREATE TABLE venues (id serial PRIMARY KEY);
     CREATE TABLE app.seats (id serial PRIMARY KEY, venue int NOT NULL REFERENCES venues);
     CREATE TABLE "Other one"."Sold seats" (seat int PRIMARY KEY REFERENCES app.seats);`,
    'INSERT INTO venues DEFAULT VALUES; INSERT INTO app.seats (venue) VALUES (1);',
    ['INSERT INTO venues DEFAULT VALUES', 'INSERT INTO app.seats (venue) VALUES (2)', 'INSERT INTO "Other one"."Sold seats" VALUES (2)'],
  );
  expect(committed).toEqual({
    tables: { venues: [{ id: 1 }], 'app.seats': [{ id: 1, venue: 1 }], 'Other one.Sold seats': [] },
    sequences: { venues_id_seq: { lastValue: 1, isCalled: true }, 'app.seats_id_seq': { lastValue: 1, isCalled: true } },
  });
});

test('rows that the schema enters are there before the first rows, whatever entered them, and no trigger fires for them again', async () => {
  const committed = await unchangedBy(
    `CREATE TABLE plans (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, parent int REFERENCES plans, price int, twice int GENERATED ALWAYS AS (price * 2) STORED);
     CREATE TABLE notes (what text);
     CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO notes VALUES (TG_OP || ' ' || NEW.id); RETURN NEW; END $$;
     CREATE TRIGGER noted AFTER INSERT ON plans FOR EACH ROW EXECUTE FUNCTION note();
     CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES;
     CREATE RULE kept AS ON DELETE TO notes DO INSTEAD NOTHING;
     INSERT INTO plans (parent, price) VALUES (NULL, 5), (1, 7);
     DO $$ BEGIN FOR price IN 1..3 LOOP INSERT INTO plans (price) VALUES (price); END LOOP; END $$;`,
    'INSERT INTO plans (price) VALUES (100)',
    ['INSERT INTO plans (price) VALUES (200)', 'UPDATE plans SET parent = 2 WHERE id = 1', 'INSERT INTO nothing DEFAULT VALUES'],
  );
  expect(committed.tables.plans!.map(({ id, parent, twice }) => [id, parent, twice])).toEqual([
    [1, null, 10],
    [2, 1, 14],
    [3, null, 2],
    [4, null, 4],
    [5, null, 6],
    [6, null, 200],
  ]);
  expect(committed.tables.notes!.map(({ what }) => what)).toEqual([1, 2, 3, 4, 5, 6].map((id) => `INSERT ${id}`));
  expect(committed.tables.nothing).toEqual([{}]);
});

test('a trigger that is enabled ALWAYS fires in runs, and for no row that is only brought back', async () => {
  const schema = `CREATE TABLE items (id int PRIMARY KEY); CREATE TABLE notes (what text);
     CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO notes VALUES (TG_OP); RETURN NULL; END $$;
     INSERT INTO items VALUES (1);
     CREATE TRIGGER noted AFTER INSERT OR DELETE ON items FOR EACH ROW EXECUTE FUNCTION note();
     CREATE TRIGGER emptied AFTER TRUNCATE ON items EXECUTE FUNCTION note();
     ALTER TABLE items ENABLE ALWAYS TRIGGER noted; ALTER TABLE items ENABLE ALWAYS TRIGGER emptied;`;
  const committed = await unchangedBy(schema, '', ['INSERT INTO items VALUES (2)']);
  expect(committed.tables).toEqual({ items: [{ id: 1 }], notes: [] });
  const { state } = await after(await open(schema), ['INSERT INTO items VALUES (2)']);
  expect(state.committed.tables.notes).toEqual([{ what: 'INSERT' }]);
});

test('sequences go on where the schema has left them, with all their options', async () => {
  const committed = await unchangedBy(
    `CREATE SEQUENCE down INCREMENT -5 MINVALUE -100 MAXVALUE 50 START 50 CYCLE; CREATE SEQUENCE drawn; SELECT nextval('drawn'), nextval('drawn');
     CREATE SEQUENCE placed MINVALUE 0 START 7; SELECT setval('placed', 9, false); CREATE SCHEMA app; CREATE SEQUENCE app.big START 9007199254740993;`,
    '',
    [`SELECT nextval('down'), nextval('drawn'), nextval('placed'), nextval('app.big')`],
  );
  expect(committed.sequences).toMatchObject({
    down: { lastValue: 50, isCalled: false },
    drawn: { lastValue: 2, isCalled: true },
    placed: { lastValue: 9, isCalled: false },
  });
  const { replies } = await after(await open(`CREATE SEQUENCE big START 9007199254740993`), [`SELECT nextval('big')`]);
  expect(lastValue(replies)).toBe('9007199254740993');
});

test('partitions, children and materialised views are brought back; a state shows a partitioned table once', async () => {
  const committed = await unchangedBy(
    `CREATE TABLE bookings (day date NOT NULL, id int NOT NULL, PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
     CREATE TABLE bookings_may PARTITION OF bookings FOR VALUES FROM ('2026-05-01') TO ('2026-06-01');
     CREATE TABLE bookings_rest PARTITION OF bookings DEFAULT;
     CREATE TABLE payments (day date, booking int, FOREIGN KEY (day, booking) REFERENCES bookings);
     CREATE TABLE base (id int); CREATE TABLE child (more int) INHERITS (base);
     INSERT INTO bookings VALUES ('2026-05-05', 1), ('2026-07-07', 2); INSERT INTO payments VALUES ('2026-05-05', 1); INSERT INTO child VALUES (1, 2);
     CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM bookings; CREATE MATERIALIZED VIEW unread AS SELECT 1 WITH NO DATA;`,
    `INSERT INTO bookings VALUES ('2026-05-06', 3)`,
    [`INSERT INTO bookings VALUES ('2026-05-07', 4)`, 'INSERT INTO child VALUES (5, 6)', 'REFRESH MATERIALIZED VIEW counted'],
  );
  expect(committed.tables).toEqual({
    bookings: [
      { day: '2026-05-05', id: 1 },
      { day: '2026-05-06', id: 3 },
      { day: '2026-07-07', id: 2 },
    ],
    payments: [{ day: '2026-05-05', booking: 1 }],
    base: [{ id: 1 }],
    child: [{ id: 1, more: 2 }],
  });
});

test('a materialised view shows what it showed, before and after a run that refreshes it', async () => {
  const schema =
    'CREATE TABLE base (id int); INSERT INTO base VALUES (1); CREATE MATERIALIZED VIEW counted AS SELECT count(*)::int AS n FROM base;';
  const counted = async (state: ServerState) => (await engine.query(state, 'SELECT n FROM counted'))[0]!.n;
  expect(await counted(await open(schema, 'INSERT INTO base VALUES (2)'))).toBe(1);
  const { state } = await after(await open(schema, 'INSERT INTO base VALUES (2)'), ['REFRESH MATERIALIZED VIEW counted']);
  expect(await counted(state)).toBe(2);
  expect(await counted(await open(schema, 'INSERT INTO base VALUES (2)'))).toBe(1);
});

test("an extension's tables are left alone, and no part of a state", async () => {
  const schema = `CREATE EXTENSION btree_gist; CREATE TABLE known (id int); ALTER EXTENSION btree_gist ADD TABLE known; CREATE TABLE own (id int);`;
  const { state } = await after(await open(schema), ['INSERT INTO known VALUES (1)', 'INSERT INTO own VALUES (1)']);
  expect(state.committed.tables).toEqual({ own: [{ id: 1 }] });
  const again = await open(schema);
  expect(again.committed.tables).toEqual({ own: [] });
  expect(await engine.query(again, 'SELECT id FROM known')).toEqual([{ id: 1 }]);
});

test.each([
  ['a table that a run creates', ['CREATE TABLE made (id int PRIMARY KEY)']],
  ['a table that a run drops', ['DROP TABLE there']],
  ['a column that a run adds', ['ALTER TABLE there ADD COLUMN more int']],
  ['a trigger that a run switches off', ['ALTER TABLE there DISABLE TRIGGER ALL']],
  ['a table that a function creates', ["DO $$ BEGIN EXECUTE 'CREATE TABLE made (id int PRIMARY KEY)'; END $$"]],
  ['a table that a query creates', ['SELECT 1 AS id INTO made']],
])('%s is undone', async (_, statements) => {
  const schema = 'CREATE TABLE there (id int PRIMARY KEY); INSERT INTO there VALUES (1);';
  const committed = await unchangedBy(schema, 'INSERT INTO there VALUES (2)', statements);
  expect(committed.tables).toEqual({ there: [{ id: 1 }, { id: 2 }] });
});

test.each([
  ['a setting', [`SET app.tenant = 'a'`], `SELECT current_setting('app.tenant', true)`, null],
  ['a setting by a function', ['SELECT sets()'], `SELECT current_setting('app.tenant', true)`, null],
  [
    'a setting in an UPDATE',
    [`UPDATE there SET id = length(set_config('app.tenant', 'a', false))`],
    `SELECT current_setting('app.tenant', true)`,
    null,
  ],
  ['an advisory lock', ['SELECT pg_advisory_lock(7)'], `SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory'`, 0],
  [
    'an advisory lock in an INSERT',
    ['INSERT INTO there SELECT 2 FROM (SELECT pg_advisory_lock(7)) AS locked'],
    `SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory'`,
    0,
  ],
  ['a temporary table', ['CREATE TEMP TABLE mine (id int)'], `SELECT to_regclass('pg_temp.mine')::text`, null],
  ['a temporary table by SELECT INTO', ['SELECT 1 AS id INTO TEMP mine'], `SELECT to_regclass('pg_temp.mine')::text`, null],
  ['a prepared statement', ['PREPARE mine AS SELECT 1'], `SELECT count(*)::int FROM pg_prepared_statements WHERE name = 'mine'`, 0],
  ['LISTEN', ['LISTEN mine'], 'SELECT count(*)::int FROM pg_listening_channels()', 0],
  ['a role', ['SET ROLE pg_monitor'], `SELECT current_user = 'pg_monitor'`, false],
])('%s of a run is not there in the next', async (_, statements, asked, expected) => {
  const functions = ['a setting by a function'].includes(String(_))
    ? `CREATE FUNCTION sets() RETURNS text LANGUAGE plpgsql AS $$ BEGIN SET app.tenant = 'a'; RETURN 1; END $$;`
    : '';
  const schema = `CREATE TABLE there (id int PRIMARY KEY); INSERT INTO there VALUES (1); ${functions}`;
  await after(await open(schema), statements);
  const { replies } = await after(await open(schema), [asked]);
  expect(lastValue(replies)).toBe(expected);
});

test('what a session has drawn from a sequence is not known in the next run', async () => {
  const schema = 'CREATE SEQUENCE numbers';
  const asked = `SELECT currval('numbers')`;
  await after(await open(schema), [asked]);
  await after(await open(schema), [`SELECT nextval('numbers')`]);
  const { replies } = await after(await open(schema), [asked]);
  expect(lastValue(replies)).toMatchObject({ code: '55000' });
});

test('what the schema sets for its own session is no part of the schema', async () => {
  const schema = `SELECT set_config('search_path', '', false); SET TIME ZONE 'Asia/Tokyo'; SET lock_timeout = 1;
     CREATE TABLE public.there (id int PRIMARY KEY, at timestamptz DEFAULT now(), told timestamptz);
     CREATE FUNCTION public.tell() RETURNS timestamptz LANGUAGE sql SET search_path = '' AS $$ SELECT now() $$;`;
  const first = 'INSERT INTO there (id, told) VALUES (1, tell())';
  const { state } = await after(await open(schema, first), ['INSERT INTO there (id, told) VALUES (2, tell())']);
  const start = '1970-01-01T00:00:00.000Z';
  expect(state.committed.tables.there).toEqual([1, 2].map((id) => ({ id, at: start, told: start })));
});

test('rows of a table without a primary key come sorted by all columns, numbers by size and NULL last', async () => {
  const { committed } = await open(
    'CREATE TABLE loose (n int, big bigint, price numeric, name text, doc json)',
    `INSERT INTO loose VALUES (10, 1, 1, 'b', NULL), (NULL, 1, 1, 'a', NULL), (9, 10, 'NaN', 'a', NULL), (9, 10, 2.5, 'a', NULL), (9, 10, 2.5, 'B', '{}'), (9, 9, 10, 'a', '1'), (9, 9, 9, 'a', '1')`,
  );
  expect(committed.tables.loose!.map((row) => Object.values(row))).toEqual([
    [9, '9', '9', 'a', 1],
    [9, '9', '10', 'a', 1],
    [9, '10', '2.5', 'B', {}],
    [9, '10', '2.5', 'a', null],
    [9, '10', 'NaN', 'a', null],
    [10, '1', '1', 'b', null],
    [null, '1', '1', 'a', null],
  ]);
});

test('a schema may have more tables and columns than a function has arguments', async () => {
  const columns = Array.from({ length: 120 }, (_, index) => `c${index} int`).join(', ');
  const tables = Array.from(
    { length: 120 },
    (_, index) => `CREATE TABLE t${index} (id serial PRIMARY KEY, ${index === 0 ? columns : 'n int'})`,
  );
  const { committed } = await open(tables.join('; '), 'INSERT INTO t0 DEFAULT VALUES');
  expect(Object.keys(committed.tables)).toHaveLength(120);
  expect(Object.keys(committed.tables.t0![0]!)).toHaveLength(121);
});

test('a role that may not leave triggers and foreign keys out brings rows back all the same', async () => {
  const { connection } = await server.createDatabase();
  const admin = await connect(connection, { name: 'test', settings: {} });
  await admin.query(
    `CREATE ROLE plain LOGIN; GRANT CREATE ON DATABASE "${connection.database}" TO plain; GRANT CREATE ON SCHEMA public TO plain`,
  );
  await admin.end();
  const session = await ScriptSession.connect({ ...connection, user: 'plain' });
  await session.run(
    `CREATE SCHEMA lastseat; CREATE TABLE child (id int PRIMARY KEY, parent int); CREATE TABLE parent (id int PRIMARY KEY, above int REFERENCES parent);
     CREATE TABLE notes (what text); INSERT INTO parent VALUES (1, NULL), (2, 1); INSERT INTO child VALUES (1, 2);
     ALTER TABLE child ADD FOREIGN KEY (parent) REFERENCES parent;
     CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO notes VALUES (TG_OP); RETURN NULL; END $$;
     CREATE TRIGGER noted AFTER INSERT ON child FOR EACH ROW EXECUTE FUNCTION note();
     CREATE TRIGGER off AFTER INSERT ON child FOR EACH ROW EXECUTE FUNCTION note(); ALTER TABLE child DISABLE TRIGGER off;`,
  );
  const reset = await Reset.prepare(session, await readRelations(session), false);
  for (let run = 0; run < 2; run += 1) {
    await session.run('DELETE FROM child; UPDATE parent SET above = NULL');
    await reset.run('INSERT INTO child VALUES (2, 1)');
    expect(await session.query('SELECT id, parent FROM child ORDER BY id')).toEqual([
      { id: 1, parent: 2 },
      { id: 2, parent: 1 },
    ]);
    expect(await session.query('SELECT above FROM parent WHERE id = 2')).toEqual([{ above: 1 }]);
    expect(await session.query('SELECT what FROM notes')).toEqual([{ what: 'INSERT' }]);
  }
  await session.end();
});
