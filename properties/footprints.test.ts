/** What a step on a server has read, written and locked, as its engine tells it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EngineSetup } from '../src/engine/contract.js';
import type { Access, Footprint } from '../src/engine/footprint.js';
import { PostgresEngine, type ServerState } from '../src/engine/postgres/engine.js';
import { openServer } from '../src/engine/postgres/providers/open.js';
import type { PostgresServer } from '../src/engine/postgres/providers/server.js';
import { readStatement } from '../src/sql/text.js';

let server: PostgresServer;
let engine: PostgresEngine;

beforeAll(async () => {
  server = await openServer('embedded');
  engine = new PostgresEngine(server);
}, 60_000);

afterAll(async () => {
  await engine?.close();
  await server?.close();
});

const SCHEMA = `
  CREATE TABLE events (id int PRIMARY KEY, free int NOT NULL, note text UNIQUE, by_chance uuid DEFAULT gen_random_uuid());
  CREATE TABLE bookings (id bigserial PRIMARY KEY, event_id int NOT NULL REFERENCES events, person varchar(20), UNIQUE (event_id, person));
  CREATE TABLE guests (id int PRIMARY KEY, booking_id bigint REFERENCES bookings ON DELETE CASCADE);
  CREATE TABLE tokens (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), made date, used boolean NOT NULL DEFAULT false);
  CREATE TABLE stays (room int, during int4range, EXCLUDE USING gist (during WITH &&));
  CREATE TABLE log (what text);
  CREATE TABLE watched (id int PRIMARY KEY);
  CREATE TABLE ruled (id int PRIMARY KEY);
  CREATE TABLE checked (id int PRIMARY KEY, parent int);
  CREATE SEQUENCE numbers;
  CREATE VIEW open_events AS SELECT * FROM events WHERE free > 0;
  CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO log VALUES (''seen''); PERFORM count(*) FROM stays; RETURN NEW; END';
  CREATE TRIGGER watch AFTER INSERT ON watched FOR EACH ROW EXECUTE FUNCTION note();
  CREATE RULE aside AS ON INSERT TO ruled DO ALSO INSERT INTO log VALUES ('ruled');
  CREATE FUNCTION free_in(event int) RETURNS int LANGUAGE sql STABLE AS 'SELECT free FROM events WHERE id = event';
  CREATE FUNCTION take(event int) RETURNS void LANGUAGE plpgsql AS 'BEGIN UPDATE events SET free = free - 1 WHERE id = event; END';
  CREATE FUNCTION next_number() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN nextval(''numbers''); END';
`;
const SEED = `
  INSERT INTO events (id, free) VALUES (1, 1), (2, 1);
  INSERT INTO bookings (event_id, person) VALUES (1, 'ann');
`;
const SETUP: EngineSetup = { schema: SCHEMA, seed: SEED, actors: 2, isolation: 'READ COMMITTED', clockMs: 0, observes: true };

interface Sent {
  readonly actor?: number;
  readonly text: string;
  readonly values?: readonly unknown[];
  /** Opens a transaction. */
  readonly begins?: boolean;
}

/** The footprint of the last of some statements. */
async function footprintOf(...sent: readonly (Sent | string)[]): Promise<Footprint> {
  let state: ServerState = await engine.open(SETUP);
  let footprint: Footprint = [];
  for (const item of sent) {
    const { actor = 0, text, values = [], begins = false } = typeof item === 'string' ? { text: item } : item;
    const prelude = begins ? [{ text: 'BEGIN', begins: true, modes: readStatement('BEGIN').modes }] : [];
    state = (await engine.apply(state, { kind: 'statement', actor, statement: { text, values, prelude } })).state;
    footprint = await engine.footprint(state);
  }
  return footprint;
}

const begin = (text: string, values: readonly unknown[] = []): Sent => ({ text, values, begins: true });
/** One line for each access, sorted. */
const lines = (footprint: Footprint): readonly string[] | null => (footprint === null ? null : footprint.map(line).sort());

function line(access: Access): string {
  switch (access.kind) {
    case 'reads':
      return `reads ${access.relation} ${show(access.rows)}${access.newest ? ' newest' : ''}`;
    case 'locks':
    case 'writes':
      return `${access.kind} ${access.relation} ${show(access.rows)} ${access.lock}${access.one ? ' one' : ''}`;
    case 'inserts':
      return `inserts ${access.relation} ${access.keys === null ? 'any' : access.keys.map(show).join(' ')}`.trim();
    case 'draws':
      return `draws ${access.sequence}`;
    case 'advisory':
      return `advisory ${access.key}${access.shared ? ' shared' : ''}`;
    case 'table':
      return `table ${access.relation} ${access.mode}`;
  }
}

const show = (rows: Readonly<Record<string, string>>): string =>
  `(${Object.entries(rows)
    .map(([column, value]) => `${column}=${value}`)
    .join(' ')})`;

describe('a statement whose tree shows all that it does names its rows', () => {
  test.each<[string, readonly unknown[], readonly string[]]>([
    ['SELECT * FROM events WHERE id = 1 AND free > 0', [], ['reads public.events (id=1)']],
    ['SELECT * FROM events WHERE $1 = id', ['2'], ['reads public.events (id=2)']],
    ['SELECT * FROM events WHERE id = 1 OR id = 2', [], ['reads public.events ()']],
    [
      'SELECT * FROM events e JOIN bookings b ON b.event_id = e.id AND b.id = 7 WHERE e.id = 1',
      [],
      ['reads public.bookings (id=7)', 'reads public.events (id=1)'],
    ],
    ['SELECT * FROM events LEFT JOIN log ON events.id = 1', [], ['reads public.events ()', 'reads public.log ()']],
    ["SELECT * FROM bookings WHERE person = 'ann'", [], ['reads public.bookings (person=ann)']],
    ["SELECT * FROM tokens WHERE made = '2026-02-03' AND used = true", [], ['reads public.tokens (made=2026-02-03 used=true)']],
    [
      'SELECT * FROM tokens WHERE id = $1',
      ['A0000000-0000-4000-8000-000000000001'],
      ['reads public.tokens (id=a0000000-0000-4000-8000-000000000001)'],
    ],
    ['SELECT * FROM events WHERE id = 1 FOR UPDATE', [], ['locks public.events (id=1) update one', 'reads public.events (id=1)']],
    [
      'SELECT * FROM bookings WHERE event_id = 1 FOR KEY SHARE SKIP LOCKED',
      [],
      ['locks public.bookings (event_id=1) key share', 'reads public.bookings (event_id=1)'],
    ],
    ['UPDATE events SET free = free - 1 WHERE id = 1', [], ['reads public.events (id=1)', 'writes public.events (id=1) no key update one']],
    [
      "UPDATE events SET note = 'a' WHERE id = 1",
      [],
      ['inserts public.events (note=a)', 'reads public.events (id=1)', 'writes public.events (id=1) update one'],
    ],
    [
      'DELETE FROM bookings WHERE id = 1',
      [],
      [
        'reads public.bookings (id=1)',
        'reads public.guests (booking_id=1) newest',
        'writes public.bookings (id=1) update one',
        'writes public.guests (booking_id=1) update',
      ],
    ],
    [
      'DELETE FROM events WHERE id = 2',
      [],
      [
        'locks public.bookings (event_id=2) key share',
        'reads public.bookings (event_id=2) newest',
        'reads public.events (id=2)',
        'writes public.events (id=2) update one',
      ],
    ],
    [
      'INSERT INTO bookings (event_id, person) VALUES ($1, $2)',
      [1, 'bob'],
      [
        'draws public.bookings_id_seq',
        'inserts public.bookings () (event_id=1 person=bob)',
        'locks public.events (id=1) key share one',
        'reads public.events (id=1) newest',
      ],
    ],
    ['INSERT INTO guests VALUES (1, NULL), (2, NULL)', [], ['inserts public.guests (id=1) (id=2)']],
    ['INSERT INTO log VALUES (now()::text)', [], ['inserts public.log']],
    ['INSERT INTO tokens (made) VALUES (NULL)', [], ['inserts public.tokens']],
    ["INSERT INTO stays VALUES (1, '[1,2)')", [], ['inserts public.stays ()']],
    ['INSERT INTO events (id, free) SELECT id + 10, 1 FROM events', [], ['inserts public.events any', 'reads public.events ()']],
    [
      'INSERT INTO events (id, free) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET free = 2',
      [],
      ['inserts public.events (id=1)', 'reads public.events (id=1)', 'writes public.events (id=1) no key update one'],
    ],
    ["SELECT nextval('numbers')", [], ['draws public.numbers']],
    ['SELECT last_value FROM numbers', [], ['draws public.numbers']],
    ['SELECT pg_advisory_xact_lock(7)', [], ['advisory 0 7 1']],
    ['SELECT pg_advisory_xact_lock(1, -1)', [], ['advisory 1 4294967295 2']],
    ["SELECT pg_try_advisory_xact_lock_shared(hashtext('a'))", [], ['advisory * shared']],
    ['SELECT * FROM open_events', [], ['reads public.events ()']],
    ['SELECT now(), random() < 2, current_date', [], []],
    [
      'WITH gone AS (DELETE FROM log RETURNING what) SELECT count(*) FROM gone, events WHERE events.id = 1',
      [],
      ['reads public.events (id=1)', 'reads public.log ()', 'writes public.log () update'],
    ],
  ])('%s', async (text, values, expected) => {
    expect(lines(await footprintOf(begin(text, values)))).toEqual(expected);
  });

  test('also outside a transaction', async () => {
    expect(lines(await footprintOf('SELECT * FROM events WHERE id = 1'))).toEqual(['reads public.events (id=1)']);
    expect(lines(await footprintOf('UPDATE log SET what = NULL'))).toEqual(['reads public.log ()', 'writes public.log () no key update']);
  });
});

describe('what no tree shows is told from locks, table by table', () => {
  const whole = (relation: string) => [`inserts ${relation} any`, `reads ${relation} () newest`, `writes ${relation} () update`];

  test.each<[string, string, readonly string[]]>([
    ['a trigger', 'INSERT INTO watched VALUES (1)', [...whole('public.log'), 'reads public.stays ()']],
    ['a rule', 'INSERT INTO ruled VALUES (1)', whole('public.log')],
    ['a function that reads', 'SELECT free_in(1) FOR UPDATE', ['reads public.events ()']],
    ['a function that writes', 'SELECT take(1) FROM events FOR UPDATE', whole('public.events')],
    ['a function that draws', 'SELECT next_number() FOR UPDATE', ['draws public.numbers']],
    ['LOCK TABLE', 'LOCK TABLE log', ['table public.log AccessExclusiveLock']],
    ['TRUNCATE', 'TRUNCATE log', ['table public.log AccessExclusiveLock']],
  ])('%s', async (_, text, expected) => {
    expect(lines(await footprintOf(begin(text)))).toEqual(expect.arrayContaining([...expected]));
  });

  test('a later statement on what is locked already counts as touching it again', async () => {
    const later = await footprintOf(begin('UPDATE events SET free = 2 WHERE id = 2'), 'SELECT take(1)');
    expect(lines(later)).toEqual(expect.arrayContaining(whole('public.events')));
  });

  test('a statement that waits is told while it waits', async () => {
    const waits = { actor: 1, text: 'LOCK TABLE events IN SHARE MODE', begins: true };
    expect(lines(await footprintOf(begin('UPDATE events SET free = 2 WHERE id = 2'), waits))).toEqual(['table public.events ShareLock']);
    const row = { actor: 1, text: 'UPDATE events SET free = 3 WHERE id = 2' };
    expect(lines(await footprintOf(begin('UPDATE events SET free = 2 WHERE id = 2'), row))).toEqual([
      'reads public.events (id=2)',
      'writes public.events (id=2) no key update one',
    ]);
  });

  test('what a failed statement has touched behind its tree is not known, since its locks are gone', async () => {
    expect(await footprintOf(begin('INSERT INTO watched VALUES (1), (1)'))).toBeNull();
    expect(lines(await footprintOf(begin('INSERT INTO guests VALUES (1, NULL), (1, NULL)')))).toEqual([
      'inserts public.guests (id=1) (id=1)',
    ]);
  });

  test('nothing is known of the catalogue, of changed schemas and of changed search paths', async () => {
    expect(await footprintOf(begin('SELECT count(*) FROM pg_class'))).toBeNull();
    expect(await footprintOf(begin('CREATE TABLE more (id int)'))).toBeNull();
    expect(await footprintOf('SET search_path = lastseat', 'SELECT * FROM public.events WHERE id = 1')).toBeNull();
  });

  test('a function outside a transaction is told before its commit', async () => {
    expect(lines(await footprintOf('SELECT free_in(1)'))).toEqual(['reads public.events ()']);
  });
});
