import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { auditCovers } from '../sim/systems/restaurant/audit.js';
import { backup, restore } from '../sim/systems/restaurant/backup.js';
import { lockedRule } from '../sim/systems/restaurant/book-locked.js';
import { numberedCovers } from '../sim/systems/restaurant/book-numbered.js';
import { serializable } from '../sim/systems/restaurant/book-serializable.js';
import { type BookingStrategy, bookTable } from '../sim/systems/restaurant/book-table.js';
import { cancelBooking } from '../sim/systems/restaurant/cancel-booking.js';
import { alternatives } from '../sim/systems/restaurant/day.js';
import { capacityOf } from '../sim/systems/restaurant/invariants.js';
import { moveBooking } from '../sim/systems/restaurant/move-booking.js';
import { removeLoadData } from '../sim/systems/restaurant/remove-load-data.js';
import { schemaWithNumberedCovers, seed } from '../sim/systems/restaurant/schema.js';
import { setOverride } from '../sim/systems/restaurant/set-override.js';
import { serializable as variant } from '../sim/systems/restaurant/variants/serializable.js';
import { order } from '../sim/systems/restaurant/workloads.js';
import { type Client, ModelEngine, type Operation, openServer, PostgresEngine, type PostgresServer } from '../src/index.js';
import { Machine } from '../src/machine.js';
import { run } from '../src/run.js';
import { ordered } from '../src/schedule/arbitrary.js';
import {
  asClient,
  failingClient,
  forbiddenClient,
  nastyInput,
  nastyValue,
  openTestDatabase,
  reseal,
  type TestDatabase,
  untilBlocked,
  worldAround,
} from './operations-world.js';

const strategies: readonly (readonly [string, BookingStrategy])[] = [
  ['serializable', serializable],
  ['locked-rule', lockedRule],
  ['numbered covers', numberedCovers],
];
const six = { date: '2026-03-01', slot: '18:00' };

let database: TestDatabase;

beforeAll(async () => {
  database = await openTestDatabase(schemaWithNumberedCovers);
}, 60_000);

afterAll(() => database.close());

beforeEach(async () => {
  await database.session.query('TRUNCATE restaurants, capacity_rules, capacity_overrides, bookings, covers RESTART IDENTITY');
  await database.session.query(seed({ capacity: 2 }));
});

const aWorld = () => worldAround(database.session);
const bookings = async () => (await database.session.query('SELECT * FROM bookings ORDER BY id')).rows;

describe.each(strategies)('bookTable, %s', (_name, strategy) => {
  const book = bookTable(strategy);

  test('books, answers with the booking, and says so', async () => {
    const world = aWorld();
    const booking = { bookingId: 1, restaurantId: 1, ...six, partySize: 2, status: 'active' };
    expect(await world.run(book, order('a', { partySize: 2 }))).toEqual(booking);
    expect(await bookings()).toEqual([
      { id: 1, restaurant_id: 1, ...six, party_size: 2, idempotency_key: 'a', status: 'active', source: 'guest' },
    ]);
    expect(world.events).toEqual([{ type: 'booking.success', restaurant: 1, ...six, attempts: 1 }]);
  });

  test('refuses what does not fit with 409 and the nearest slots, says so in one flat event, and leaves nothing behind', async () => {
    const world = aWorld();
    await world.run(book, order('a'));
    const before = await bookings();
    expect(await world.run(book, order('b', { partySize: 2 }))).toMatchObject({
      code: 'AVAILABILITY_CONFLICT',
      status: 409,
      usage: 1,
      capacity: 2,
      alternatives: ['19:00', '20:00'],
    });
    expect(await bookings()).toEqual(before);
    expect(await database.openTransactions()).toBe(0);
    expect(world.events.slice(1)).toEqual([
      {
        type: 'booking.capacity_exceeded',
        restaurant: 1,
        ...six,
        attempts: 1,
        resourceId: 'restaurant 1, 2026-03-01 18:00',
        windowStart: '2026-03-01',
        windowEnd: '2026-03-01',
        userId: 1,
        requested: 2,
        usage: 1,
        capacity: 2,
      },
    ]);
  });

  test('answers a key that comes again with the booking that has it, full or cancelled, and books nothing', async () => {
    const world = aWorld();
    const first = await world.run(book, order('a', { partySize: 2 }));
    expect(await world.run(book, order('a', { partySize: 2 }))).toEqual(first);
    await database.session.query("UPDATE bookings SET status = 'cancelled'");
    expect(await world.run(book, order('a', { partySize: 2 }))).toEqual({ ...(first as object), status: 'cancelled' });
    expect(await bookings()).toHaveLength(1);
    expect(world.events).toHaveLength(1);
  });

  test('refuses a key that comes with another request', async () => {
    const world = aWorld();
    await world.run(book, order('a'));
    expect(await world.run(book, order('a', { slot: '19:00' }))).toMatchObject({ code: 'INVALID_INPUT', status: 422 });
    expect(await world.run(book, order('a', { restaurantId: 2 }))).toMatchObject({ bookingId: 2, restaurantId: 2 });
  });

  test.each([
    ['restaurant', { restaurantId: 9 }],
    ['slot', { slot: '03:00' }],
  ])('refuses an unknown %s with 404', async (_what, more) => {
    expect(await aWorld().run(book, order('a', more))).toMatchObject({ code: 'NOT_FOUND', status: 404 });
    expect(await database.openTransactions()).toBe(0);
  });

  test('an override beats the rule, on its date alone; NULL is as many as may come', async () => {
    const world = aWorld();
    await database.session.query("INSERT INTO capacity_overrides VALUES (1, '2026-03-01', '18:00', 0), (1, '2026-03-01', '19:00', NULL)");
    expect(await world.run(book, order('a'))).toMatchObject({ code: 'AVAILABILITY_CONFLICT', capacity: 0 });
    expect(await world.run(book, order('b', { date: '2026-03-02' }))).toMatchObject({ bookingId: expect.any(Number) });
    for (const slot of ['19:00', '20:00'])
      expect(await world.run(book, order(slot, { slot, partySize: 100 }))).toMatchObject({ partySize: 100 });
  });

  test('20 guests at once for two covers, in either restaurant: two of each', async () => {
    const sessions = await Promise.all(Array.from({ length: 10 }, database.connect));
    const world = aWorld();
    const patient = bookTable(strategy, { attempts: 40 });
    const outcomes = await Promise.all(
      sessions.map(async (session, index) => {
        const context = { ...world.context, client: asClient(session) };
        return [await patient(context, order(`g${index}`)), await patient(context, order(`g${index}`, { restaurantId: 2 }))];
      }),
    );
    await Promise.all(sessions.map((session) => session.end()));
    const { rows } = await database.session.query(
      "SELECT restaurant_id, SUM(party_size)::int AS covers FROM bookings WHERE status = 'active' GROUP BY restaurant_id ORDER BY restaurant_id",
    );
    expect(rows).toEqual([
      { restaurant_id: 1, covers: 2 },
      { restaurant_id: 2, covers: 2 },
    ]);
    const conflicts = outcomes.flat().filter((outcome) => (outcome as { code?: string }).code === 'AVAILABILITY_CONFLICT');
    expect(conflicts).toHaveLength(16);
  });

  test('one order that is delivered ten times at once has one booking', async () => {
    const sessions = await Promise.all(Array.from({ length: 10 }, database.connect));
    const world = aWorld();
    const patient = bookTable(strategy, { attempts: 40 });
    const answers = await Promise.all(sessions.map((session) => patient({ ...world.context, client: asClient(session) }, order('a'))));
    await Promise.all(sessions.map((session) => session.end()));
    expect(await bookings()).toHaveLength(1);
    const [{ id }] = (await bookings()) as [{ id: number }];
    for (const answer of answers) expect(answer).toMatchObject({ bookingId: id });
    expect(world.events.map(({ type }) => type)).toEqual(['booking.success']);
  });

  test.each([
    ['57P01', 'DATABASE_UNAVAILABLE'],
    ['ECONNRESET', 'DATABASE_UNAVAILABLE'],
  ])('types the database error %s as %s', async (code, rejection) => {
    expect(await aWorld().run(book, order('a'), failing({ code }))).toMatchObject({ code: rejection, status: 503 });
  });

  test.each(['40001', '40P01'])('gives up after as many %s as it was told, and says so', async (code) => {
    const world = aWorld();
    const client = failing({ code });
    expect(await world.run(bookTable(strategy, { attempts: 2 }), order('a'), client)).toMatchObject({
      code: 'RETRY_EXHAUSTED',
      status: 503,
    });
    expect(client.texts.filter((text) => text.startsWith('BEGIN'))).toHaveLength(2);
    expect(world.events).toEqual([{ type: 'booking.retry_exhausted', restaurant: 1, ...six, attempts: 2 }]);
  });

  test('a slot that goes between the look and the insert is 404', async () => {
    const client = failing({ code: '23503', constraint: 'bookings_rule_fkey' });
    expect(await aWorld().run(book, order('a'), client)).toMatchObject({ code: 'NOT_FOUND', status: 404 });
  });

  test('lets a mistake in its own SQL surface, and rolls back', async () => {
    const client = failing({ code: '42601' });
    await expect(aWorld().run(book, order('a'), client)).rejects.toMatchObject({ code: '42601' });
    expect(client.texts.at(-1)).toBe('ROLLBACK');
  });

  /** Answers as a slot with room would, knows no key, and fails where the booking is to be written. */
  function failing(error: { readonly code: string; readonly constraint?: string }) {
    const client = failingClient(error, { slot: '18:00', rule: 2, overrides: 0, override: null, covers: 0 });
    const query = async (text: string) => {
      const result = await client.query(text);
      return /idempotency_key = |FROM covers/.test(text) ? { ...result, rows: [] } : result;
    };
    return { texts: client.texts, query: query as Client['query'] };
  }
});

test('what the database refused is retried whole, and told as an overbooking prevented where the slot is full then', async () => {
  const rival = await database.connect();
  const world = aWorld();
  await database.session.query("UPDATE capacity_rules SET max_covers = 1 WHERE slot = '18:00'");
  await rival.query('BEGIN ISOLATION LEVEL SERIALIZABLE');
  await rival.query("SELECT count(*) FROM bookings WHERE restaurant_id = 1 AND date = '2026-03-01'");
  await rival.query(
    "INSERT INTO bookings (restaurant_id, date, slot, party_size, idempotency_key, status, source) VALUES (1, '2026-03-01', '18:00', 1, 'rival', 'active', 'guest')",
  );
  let commits = false;
  const client: Client = {
    query: async (text: unknown, values?: readonly unknown[]) => {
      const result = await asClient(database.session).query(text as string, values);
      // The rival commits when this booker has looked and found room.
      if (String(text).includes('LEFT JOIN') && !commits) {
        commits = true;
        await rival.query('COMMIT');
      }
      return result as never;
    },
  };
  expect(await world.run(bookTable(serializable), order('a'), client)).toMatchObject({ code: 'AVAILABILITY_CONFLICT' });
  expect(world.events).toMatchObject([
    { type: 'booking.overbook_prevented', restaurant: 1, ...six, attempts: 2 },
    { type: 'booking.capacity_exceeded', attempts: 2 },
  ]);
  await rival.end();
});

describe('known figures, on both engines', () => {
  let server: PostgresServer;
  let postgres: PostgresEngine;

  beforeAll(async () => {
    server = await openServer('embedded');
    postgres = new PostgresEngine(server);
  }, 60_000);

  afterAll(async () => {
    postgres.release();
    await server.close();
  });

  const engines: readonly (readonly [string, () => ModelEngine | PostgresEngine])[] = [
    ['the model', () => new ModelEngine()],
    ['PostgreSQL', () => postgres],
  ];

  /** One after the other: what each is answered, and the bookings at the end. */
  async function oneByOne(engine: ModelEngine | PostgresEngine, inputs: readonly object[]) {
    const actors = inputs.map((input, index) => ({ name: `guest${index}`, operation: 'bookTable', input }));
    const plan = { scenario: variant.name, workload: 'figures', isolation: 'READ COMMITTED' as const, capacity: 2, actors, seed: '1' };
    const { steps } =
      engine instanceof ModelEngine
        ? await run(new Machine(variant, plan, engine), ordered([]))
        : await run(new Machine(variant, plan, engine), ordered([]));
    return steps.flatMap(({ finished }) => (finished !== null && 'value' in finished ? [finished.value] : []));
  }

  test.each(engines)('a full slot answers with a conflict and the nearest slots: %s', async (_name, engine) => {
    const answers = await oneByOne(engine(), [order('a', { partySize: 2 }), order('b'), order('c', { partySize: 4 })]);
    expect(answers).toMatchObject([
      { bookingId: 1 },
      { code: 'AVAILABILITY_CONFLICT', usage: 2, capacity: 2, alternatives: ['19:00', '20:00'] },
      { code: 'AVAILABILITY_CONFLICT', alternatives: ['20:00'] },
    ]);
  });

  test.each(engines)('one key, one booking: %s', async (_name, engine) => {
    const answers = await oneByOne(engine(), [order('a'), order('a'), order('b'), order('a')]);
    expect(answers.map((answer) => (answer as { bookingId: number }).bookingId)).toEqual([1, 1, 2, 1]);
  });
});

test('alternatives are the nearest that have room, of two equally near the earlier first, three at the most', () => {
  const day = ['12:00', '17:00', '17:30', '18:00', '18:30', '19:00'].map((slot) => ({
    slot,
    capacity: slot === '17:30' ? 1 : null,
    covers: 0,
  }));
  expect(alternatives(day, '18:00', 2)).toEqual(['18:30', '17:00', '19:00']);
  expect(alternatives(day, '18:00', 1)).toEqual(['17:30', '18:30', '17:00']);
});

describe('cancelBooking, moveBooking, setOverride', () => {
  const cancel = { userId: 1, restaurantId: 1, bookingId: 1 };

  test('a cancelled booking makes room, once', async () => {
    const world = aWorld();
    await world.run(bookTable(lockedRule), order('a', { partySize: 2 }));
    expect(await world.run(cancelBooking(), { ...cancel, restaurantId: 2 })).toMatchObject({ code: 'NOT_FOUND' });
    expect(await world.run(cancelBooking(), cancel)).toEqual({ cancelledBookingId: 1, restaurantId: 1 });
    expect(await world.run(cancelBooking(), cancel)).toMatchObject({ code: 'NOT_FOUND', status: 404 });
    expect(await world.run(bookTable(lockedRule), order('b', { partySize: 2 }))).toMatchObject({ bookingId: 2 });
  });

  test('a booking moves where there is room, and stays where there is none', async () => {
    const world = aWorld();
    await world.run(bookTable(lockedRule), order('a', { partySize: 2 }));
    await world.run(bookTable(lockedRule), order('b', { slot: '19:00', partySize: 2 }));
    const move = (bookingId: number, slot: string) => world.run(moveBooking(), { ...cancel, bookingId, date: six.date, slot });
    expect(await move(1, '19:00')).toMatchObject({ code: 'AVAILABILITY_CONFLICT', alternatives: ['20:00'] });
    expect(await move(1, '20:00')).toEqual({ bookingId: 1, restaurantId: 1, date: six.date, slot: '20:00', partySize: 2 });
    expect(await move(1, '20:00')).toMatchObject({ slot: '20:00' });
    expect(await move(1, '03:00')).toMatchObject({ code: 'NOT_FOUND' });
    expect(await move(9, '18:00')).toMatchObject({ code: 'NOT_FOUND' });
    expect((await bookings()).map(({ slot }) => slot)).toEqual(['20:00', '19:00']);
  });

  test('a booking that is cancelled while its move waits for a lock is not moved', async () => {
    const world = aWorld();
    await world.run(bookTable(lockedRule), order('a'));
    const rival = await database.connect();
    await rival.query('BEGIN');
    await rival.query("SELECT 1 FROM capacity_rules WHERE restaurant_id = 1 AND slot = '18:00' FOR UPDATE");
    await rival.query("UPDATE bookings SET status = 'cancelled'");
    const moving = world.run(moveBooking(), { ...cancel, date: six.date, slot: '19:00' });
    await untilBlocked(rival);
    await rival.query('COMMIT');
    expect(await moving).toMatchObject({ code: 'NOT_FOUND' });
    await rival.end();
  });

  test('an override may go up, down to what is booked, to nothing, and be set again', async () => {
    const world = aWorld();
    await world.run(bookTable(lockedRule), order('a'));
    const set = (maxCovers: number | null, slot = six.slot) =>
      world.run(setOverride(), { userId: 1, restaurantId: 1, date: six.date, slot, maxCovers });
    expect(await set(0)).toMatchObject({ code: 'AVAILABILITY_CONFLICT', status: 409 });
    expect(await set(1)).toEqual({ restaurantId: 1, ...six, maxCovers: 1 });
    expect(await world.run(bookTable(lockedRule), order('b'))).toMatchObject({ code: 'AVAILABILITY_CONFLICT', capacity: 1 });
    expect(await set(null)).toMatchObject({ maxCovers: null });
    expect(await world.run(bookTable(lockedRule), order('b', { partySize: 50 }))).toMatchObject({ bookingId: 2 });
    expect(await set(5, '03:00')).toMatchObject({ code: 'NOT_FOUND' });
    expect((await database.session.query('SELECT max_covers FROM capacity_overrides')).rows).toEqual([{ max_covers: null }]);
  });
});

test('load data goes, and nothing else', async () => {
  const world = aWorld();
  await world.run(bookTable(serializable), order('guest'));
  for (const key of ['l1', 'l2']) await world.run(bookTable(serializable), order(key, { slot: '20:00', source: 'load' }));
  await world.run(bookTable(serializable), order('load', { slot: '20:00', source: 'phone', restaurantId: 2 }));
  expect(await world.run(removeLoadData(), { userId: 1 })).toEqual({ removed: 2 });
  expect((await bookings()).map(({ idempotency_key, source }) => [idempotency_key, source])).toEqual([
    ['guest', 'guest'],
    ['load', 'phone'],
  ]);
  expect(await world.run(removeLoadData(), {}, forbiddenClient)).toMatchObject({ code: 'UNAUTHENTICATED' });
});

test('the audit reports every sitting that is overbooked, by override or rule, and no other', async () => {
  const world = aWorld();
  for (const slot of ['18:00', '19:00', '20:00']) await world.run(bookTable(serializable), order(slot, { slot, partySize: 2 }));
  await world.run(bookTable(serializable), order('other', { restaurantId: 2 }));
  expect(await world.run(auditCovers, {})).toEqual({ sittings: 4, overbooked: [] });
  world.events.length = 0;
  await database.session.query("UPDATE capacity_rules SET max_covers = 1 WHERE slot = '18:00'");
  await database.session.query("INSERT INTO capacity_overrides VALUES (1, '2026-03-01', '19:00', 0)");
  expect(await world.run(auditCovers, {})).toMatchObject({ overbooked: [{ slot: '18:00' }, { slot: '19:00' }] });
  expect(world.events).toMatchObject([
    { type: 'booking.overbooked', restaurant: 1, ...six, usage: 2, capacity: 1 },
    { type: 'booking.overbooked', restaurant: 1, slot: '19:00', usage: 2, capacity: 0 },
  ]);
});

describe('backup and restore', () => {
  test('bring everything back, unlimited rules and overrides too, say what is gone, and honour the keys', async () => {
    const world = aWorld();
    const book = bookTable(serializable);
    await database.session.query('DELETE FROM covers');
    await database.session.query("INSERT INTO capacity_overrides VALUES (1, '2026-03-01', '19:00', NULL)");
    const kept = await world.run(book, order('kept'));
    const tables = async () => {
      const rows: unknown[] = [];
      for (const table of ['restaurants', 'capacity_rules', 'capacity_overrides', 'bookings'])
        rows.push((await database.session.query(`SELECT * FROM ${table} ORDER BY 1, 2`)).rows);
      return rows;
    };
    const before = await tables();
    expect(await world.run(backup(), {})).toMatchObject({ restaurants: 2, capacity_rules: 6, capacity_overrides: 1, bookings: 1 });
    await world.run(book, order('lost'));
    await world.run(cancelBooking(), { userId: 1, restaurantId: 1, bookingId: 1 });
    expect(await world.run(restore(), {})).toMatchObject({ dropped: { restaurants: [], bookings: [2], bookingCount: 1 } });
    expect(await tables()).toEqual(before);
    expect(await world.run(book, order('kept'))).toEqual(kept);
    expect(await world.run(book, order('lost'))).toMatchObject({ bookingId: 3 });
  });

  test.each<[string, (tables: Record<string, Record<string, unknown>[]>) => void]>([
    ['a booking for a slot without a rule', ({ bookings }) => Object.assign(bookings![0]!, { slot: '03:00' })],
    ['a capacity that is text', ({ capacity_rules }) => Object.assign(capacity_rules![0]!, { max_covers: '2' })],
  ])('%s is refused before any SQL', async (_what, damage) => {
    const world = aWorld();
    await world.run(bookTable(serializable), order('a'));
    await world.run(backup(), {});
    for (const [name, text] of world.files) {
      const { tables } = JSON.parse(text) as { tables: Record<string, Record<string, unknown>[]> };
      damage(tables);
      world.files.set(name, reseal(text, { tables }));
    }
    expect(await world.run(restore(), {}, forbiddenClient)).toMatchObject({ code: 'INVALID_INPUT' });
  });
});

describe('bad input is refused before any SQL', () => {
  const good = order('a');
  const book = bookTable(serializable);

  test.each<[string, Operation, unknown, string]>([
    ['nobody at the table', book, { ...good, partySize: 0 }, 'INVALID_INPUT'],
    ['minus one', book, { ...good, partySize: -1 }, 'INVALID_INPUT'],
    ['one and a half', book, { ...good, partySize: 1.5 }, 'INVALID_INPUT'],
    ['101 at a table', book, { ...good, partySize: 101 }, 'INVALID_INPUT'],
    ['February 30', book, { ...good, date: '2026-02-30' }, 'INVALID_INPUT'],
    ['a day with a time', book, { ...good, date: '2026-03-01T18:00:00Z' }, 'INVALID_INPUT'],
    ['yesterday', book, { ...good, date: '2025-12-30' }, 'INVALID_INPUT'],
    ['24 o’clock', book, { ...good, slot: '24:00' }, 'INVALID_INPUT'],
    ['a slot with a quote', book, { ...good, slot: "18:00'" }, 'INVALID_INPUT'],
    ['no key', book, { ...good, idempotencyKey: undefined }, 'INVALID_INPUT'],
    ['an empty key', book, { ...good, idempotencyKey: '' }, 'INVALID_INPUT'],
    ['a key of 101 characters', book, { ...good, idempotencyKey: 'k'.repeat(101) }, 'INVALID_INPUT'],
    ['a key with NUL', book, { ...good, idempotencyKey: 'a\0' }, 'INVALID_INPUT'],
    ['an unknown source', book, { ...good, source: 'fax' }, 'INVALID_INPUT'],
    ['no user', book, { ...good, userId: undefined }, 'UNAUTHENTICATED'],
    ['a payload of 20 KB', book, { ...good, note: 'x'.repeat(20_000) }, 'PAYLOAD_TOO_LARGE'],
    ['a booking id of zero', cancelBooking(), { userId: 1, restaurantId: 1, bookingId: 0 }, 'INVALID_INPUT'],
    ['a move to nowhere', moveBooking(), { userId: 1, restaurantId: 1, bookingId: 1, date: '2026-03-01' }, 'INVALID_INPUT'],
    ['minus one cover', setOverride(), { ...good, maxCovers: -1 }, 'INVALID_INPUT'],
    ['an override of nothing said', setOverride(), { ...good }, 'INVALID_INPUT'],
  ])('%s', async (_what, operation, input, code) => {
    expect(await aWorld().run(operation, input, forbiddenClient)).toMatchObject({ rejected: true, code });
  });

  test('the day that it still is twelve hours behind UTC is not past', async () => {
    expect(await aWorld().run(book, { ...good, date: '2025-12-31' })).toMatchObject({ bookingId: 1 });
  });

  const seedOfRun = 20_260_301;
  const operations = [book, bookTable(lockedRule), cancelBooking(), moveBooking(), setOverride()];
  const fields = ['userId', 'restaurantId', 'date', 'slot', 'partySize', 'idempotencyKey', 'source', 'bookingId', 'maxCovers'];

  test(`whatever it is, no operation throws or touches the database, 5,000 times (seed ${seedOfRun})`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...operations), nastyInput(...fields), async (operation, input) => {
        const world = aWorld();
        expect(await world.run(operation, input, forbiddenClient)).toMatchObject({
          rejected: true,
          code: expect.any(String),
          status: expect.any(Number),
          message: expect.any(String),
        });
        expect(world.events).toEqual([]);
      }),
      { seed: seedOfRun, numRuns: 5_000 },
    );
  });

  test(`mixed with good values, nothing escapes untyped, nothing is overbooked and nothing half-done stays (seed ${seedOfRun})`, async () => {
    const { session } = database;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...operations, removeLoadData(), auditCovers), halfGoodInput(), async (operation, input) => {
        const world = aWorld();
        const before = Number((await session.query('SELECT count(*) FROM bookings')).rows[0].count);
        const result = (await world.run(operation, input)) as { rejected?: true };
        const tables: Record<string, never[]> = {};
        for (const table of ['capacity_rules', 'capacity_overrides', 'bookings'])
          tables[table] = (await session.query(`SELECT * FROM ${table}`)).rows as never[];
        if (result.rejected) expect(tables.bookings).toHaveLength(before);
        expect(variant.usage!({ tables, sequences: {} }).filter(({ used, capacity }) => used > capacity)).toEqual([]);
      }),
      { seed: seedOfRun, numRuns: 500 },
    );
    expect(await database.openTransactions()).toBe(0);
  });

  function halfGoodInput(): fc.Arbitrary<unknown> {
    const orNasty = (arbitrary: fc.Arbitrary<unknown>) => fc.oneof({ arbitrary, weight: 9 }, { arbitrary: nastyValue(), weight: 1 });
    return fc.record({
      userId: orNasty(fc.constant(1)),
      restaurantId: orNasty(fc.integer({ min: 1, max: 3 })),
      date: orNasty(fc.constantFrom('2026-03-01', '2026-03-02')),
      slot: orNasty(fc.constantFrom('18:00', '19:00', '20:00')),
      partySize: orNasty(fc.integer({ min: 1, max: 3 })),
      idempotencyKey: orNasty(fc.integer({ min: 1, max: 60 }).map((number) => `k${number}`)),
      source: orNasty(fc.constantFrom('guest', 'phone', 'load')),
      bookingId: orNasty(fc.integer({ min: 1, max: 40 })),
      maxCovers: orNasty(fc.constantFrom(null, 0, 1, 2, 5)),
    });
  }
});

test('a slot without a rule has no capacity, to the invariants', () => {
  expect(capacityOf({ tables: {}, sequences: {} }, { restaurantId: 1, ...six })).toBe(0);
});
