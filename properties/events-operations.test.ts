import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { backup, restore } from '../sim/systems/events/backup.js';
import { conditional } from '../sim/systems/events/book-conditional.js';
import { optimistic } from '../sim/systems/events/book-optimistic.js';
import { pessimistic } from '../sim/systems/events/book-pessimistic.js';
import { type BookingStrategy, bookSeats } from '../sim/systems/events/book-seats.js';
import { browse } from '../sim/systems/events/browse.js';
import { cancelBooking } from '../sim/systems/events/cancel-booking.js';
import { createEvent } from '../sim/systems/events/create-event.js';
import { invalidating } from '../sim/systems/events/event-cache.js';
import { schema, seed } from '../sim/systems/events/schema.js';
import { viewEvent } from '../sim/systems/events/view-event.js';
import { type Client, isRejection, type Operation, type Store } from '../src/index.js';
import {
  asClient,
  failingClient,
  forbiddenClient,
  means,
  nastyInput,
  nastyValue,
  openTestDatabase,
  reseal,
  type TestDatabase,
  untilBlocked,
  worldAround,
} from './operations-world.js';

const strategies: readonly (readonly [string, BookingStrategy])[] = [
  ['pessimistic', pessimistic],
  ['optimistic', optimistic],
  ['conditional', conditional],
];

let database: TestDatabase;
let session: pg.Client;

beforeAll(async () => {
  database = await openTestDatabase(schema);
  session = database.session;
}, 60_000);

afterAll(() => database.close());

beforeEach(async () => {
  await session.query('TRUNCATE events, bookings RESTART IDENTITY');
  await session.query(seed({ capacity: 2 }));
});

describe.each(strategies)('bookSeats, %s', (_name, strategy) => {
  const book = bookSeats(strategy);

  test('takes the seats and returns the booking', async () => {
    const world = aWorld();
    expect(await world.run(book, { userId: 7, eventId: 1, seats: 2 })).toEqual({ bookingId: 1, eventId: 1, seats: 2 });
    expect(await tables()).toMatchObject({
      events: [{ available_seats: 0, version: 1 }],
      bookings: [{ id: 1, event_id: 1, user_id: 7, seats: 2, status: 'active' }],
    });
    expect(world.events).toEqual([]);
  });

  test('refuses what does not fit with 409, says so in one flat event, and leaves nothing behind', async () => {
    const world = aWorld();
    await world.run(book, { userId: 7, eventId: 1, seats: 1 });
    const before = await tables();
    const refused = await world.run(book, { userId: 8, eventId: 1, seats: 2 });
    expect(refused).toMatchObject({ rejected: true, code: 'AVAILABILITY_CONFLICT', status: 409, usage: 1, capacity: 2 });
    expect(await tables()).toEqual(before);
    expect(world.events).toEqual([
      {
        type: 'booking.capacity_exceeded',
        resourceId: 'event 1',
        windowStart: '2026-03-01T18:00:00.000Z',
        windowEnd: '2026-03-01T18:00:00.000Z',
        userId: 8,
        requested: 2,
        usage: 1,
        capacity: 2,
      },
    ]);
  });

  test('refuses an unknown event with 404', async () => {
    expect(await aWorld().run(book, { userId: 7, eventId: 999, seats: 1 })).toMatchObject({ code: 'NOT_FOUND', status: 404 });
    expect(await database.openTransactions()).toBe(0);
  });

  test('sells 10 seats to 100 users exactly 10 times', async () => {
    await session.query('UPDATE events SET total_seats = 10, available_seats = 10');
    const sessions = await Promise.all(Array.from({ length: 20 }, database.connect));
    const world = aWorld();
    const patient = bookSeats(strategy, { attempts: 11 });
    const attempts = sessions.map(async (client, index) => {
      const outcomes: unknown[] = [];
      for (let user = index * 5 + 1; user <= index * 5 + 5; user++) {
        outcomes.push(await patient({ ...world.context, client: asClient(client) }, { userId: user, eventId: 1, seats: 1 }));
      }
      return outcomes;
    });
    const outcomes = (await Promise.all(attempts)).flat();
    await Promise.all(sessions.map((client) => client.end()));
    expect(outcomes.filter((outcome) => !isRejection(outcome))).toHaveLength(10);
    expect(outcomes.filter((outcome) => isRejection(outcome) && outcome.code === 'AVAILABILITY_CONFLICT')).toHaveLength(90);
    expect(world.events).toHaveLength(90);
    expect(await tables()).toMatchObject({ events: [{ available_seats: 0 }] });
  });

  test.each([
    ['40001', 'RETRY_EXHAUSTED', 503],
    ['40P01', 'RETRY_EXHAUSTED', 503],
    ['57P01', 'DATABASE_UNAVAILABLE', 503],
    ['08006', 'DATABASE_UNAVAILABLE', 503],
    ['ECONNRESET', 'DATABASE_UNAVAILABLE', 503],
  ])('types the database error %s as %s', async (code, rejection, status) => {
    const client = failingClient({ code }, eventRow);
    expect(await aWorld().run(book, { userId: 7, eventId: 1, seats: 1 }, client)).toMatchObject({ code: rejection, status });
  });

  test('types a refusal by the CHECK on the counter as 409', async () => {
    const world = aWorld();
    const client = failingClient({ code: '23514', constraint: 'events_available_seats_not_negative' }, eventRow);
    expect(await world.run(book, { userId: 7, eventId: 1, seats: 1 }, client)).toMatchObject({
      code: 'AVAILABILITY_CONFLICT',
      status: 409,
    });
    expect(world.events).toMatchObject([{ type: 'booking.capacity_exceeded', usage: null, capacity: null }]);
  });

  test('lets a mistake in its own SQL surface, and rolls back', async () => {
    const client = failingClient({ code: '42601' }, eventRow);
    await expect(aWorld().run(book, { userId: 7, eventId: 1, seats: 1 }, client)).rejects.toMatchObject({ code: '42601' });
    expect(client.texts.at(-1)).toBe('ROLLBACK');
  });

  test('tries no more often than it was told', async () => {
    const client = failingClient({ code: '40001' }, eventRow);
    await aWorld().run(bookSeats(strategy, { attempts: 2 }), { userId: 7, eventId: 1, seats: 1 }, client);
    expect(client.texts.filter((text) => text === 'BEGIN')).toHaveLength(2);
  });
});

test('a serialization failure at REPEATABLE READ is retried and ends in a booking', async () => {
  const rival = await database.connect();
  await rival.query('BEGIN');
  await rival.query('UPDATE events SET available_seats = available_seats - 1, version = version + 1 WHERE id = 1');
  await session.query("SET default_transaction_isolation = 'repeatable read'");
  const booking = aWorld().run(bookSeats(pessimistic), { userId: 7, eventId: 1, seats: 1 });
  await untilBlocked(rival);
  await rival.query('COMMIT');
  expect(await booking).toMatchObject({ bookingId: 1 });
  await session.query('RESET default_transaction_isolation');
  await rival.end();
});

describe('cancelBooking', () => {
  test('gives the seats back once', async () => {
    const world = aWorld();
    await world.run(bookSeats(conditional), { userId: 7, eventId: 1, seats: 2 });
    const request = { userId: 7, eventId: 1, bookingId: 1 };
    expect(await world.run(cancelBooking(), request)).toEqual({ cancelledBookingId: 1, eventId: 1, seats: 2 });
    const after = await tables();
    expect(after).toMatchObject({ events: [{ available_seats: 2, version: 2 }], bookings: [{ status: 'cancelled' }] });
    expect(await world.run(cancelBooking(), request)).toMatchObject({ code: 'NOT_FOUND', status: 404 });
    expect(await tables()).toEqual(after);
  });

  test.each([
    ['of somebody else', { userId: 8, eventId: 1, bookingId: 1 }],
    ['that is unknown', { userId: 7, eventId: 1, bookingId: 2 }],
    ['of another event', { userId: 7, eventId: 2, bookingId: 1 }],
  ])('refuses a booking %s with 404', async (_which, request) => {
    const world = aWorld();
    await world.run(bookSeats(conditional), { userId: 7, eventId: 1, seats: 1 });
    const before = await tables();
    expect(await world.run(cancelBooking(), request)).toMatchObject({ code: 'NOT_FOUND', status: 404 });
    expect(await tables()).toEqual(before);
    expect(await database.openTransactions()).toBe(0);
  });
});

describe('createEvent, viewEvent, browse', () => {
  const request = { userId: 7, name: 'Ødipus', startsAt: '2026-05-01T18:00:00.000Z', totalSeats: 40 };
  const view = { id: 2, name: 'Ødipus', startsAt: '2026-05-01T18:00:00.000Z', totalSeats: 40, availableSeats: 40 };

  test('what was created is seen', async () => {
    const world = aWorld();
    expect(await world.run(createEvent, request)).toEqual({ eventId: 2 });
    expect(await world.run(viewEvent, { eventId: 2 })).toEqual(view);
    expect(await world.run(browse, { afterId: 1 })).toEqual({ events: [view] });
    expect(await world.run(browse, {})).toMatchObject({ events: [{ id: 1 }, { id: 2 }] });
  });

  test('what was seen is answered again until a minute has passed, or a booking has changed it', async () => {
    const world = aWorld();
    const seats = async () => (await world.run(viewEvent, { eventId: 1 })) as { readonly availableSeats: number };
    expect(await seats()).toMatchObject({ availableSeats: 2 });
    await world.run(bookSeats(conditional), { userId: 7, eventId: 1, seats: 1 });
    expect(await seats()).toMatchObject({ availableSeats: 2 });
    world.passTime(60_000);
    expect(await seats()).toMatchObject({ availableSeats: 1 });
    await world.run(invalidating(bookSeats(conditional)), { userId: 7, eventId: 1, seats: 1 });
    expect(await seats()).toMatchObject({ availableSeats: 0 });
    expect(await world.run(invalidating(bookSeats(conditional)), { userId: 7, eventId: 1, seats: 1 })).toMatchObject({ status: 409 });
  });

  test('a page is answered again until a minute has passed', async () => {
    const world = aWorld();
    expect(await world.run(browse, {})).toMatchObject({ events: [{ id: 1 }] });
    await world.run(createEvent, request);
    expect(await world.run(browse, {})).toMatchObject({ events: [{ id: 1 }] });
    world.passTime(60_000);
    expect(await world.run(browse, {})).toMatchObject({ events: [{ id: 1 }, { id: 2 }] });
  });

  test('a cache that is down costs nobody his answer', async () => {
    const world = aWorld();
    const down = () => Promise.reject(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
    const context = { ...world.context, cache: { get: down, set: down, delete: down } };
    expect(await viewEvent(context, { eventId: 1 })).toMatchObject({ availableSeats: 2 });
    expect(await invalidating(bookSeats(conditional))(context, { userId: 7, eventId: 1, seats: 1 })).toMatchObject({ bookingId: 1 });
    expect(await browse(context, {})).toMatchObject({ events: [{ availableSeats: 1 }] });
  });

  test('a refusal is not kept', async () => {
    const world = aWorld();
    expect(await world.run(viewEvent, { eventId: 2 })).toMatchObject({ code: 'NOT_FOUND' });
    await world.run(createEvent, request);
    expect(await world.run(viewEvent, { eventId: 2 })).toEqual(view);
  });

  test('an event that is not there is 404', async () => {
    expect(await aWorld().run(viewEvent, { eventId: 2 })).toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('bad input is refused before any SQL', () => {
  const book = bookSeats(conditional);
  const good = { userId: 7, eventId: 1, seats: 1 };
  const event = { userId: 7, name: 'Premiere', startsAt: '2026-05-01T18:00:00.000Z', totalSeats: 40 };

  test.each<[string, Operation, unknown, string]>([
    ['zero seats', book, { ...good, seats: 0 }, 'INVALID_INPUT'],
    ['negative seats', book, { ...good, seats: -1 }, 'INVALID_INPUT'],
    ['half a seat', book, { ...good, seats: 1.5 }, 'INVALID_INPUT'],
    ['501 seats', book, { ...good, seats: 501 }, 'INVALID_INPUT'],
    ['1e308 seats', book, { ...good, seats: 1e308 }, 'INVALID_INPUT'],
    ['NaN seats', book, { ...good, seats: Number.NaN }, 'INVALID_INPUT'],
    ['seats as text', book, { ...good, seats: '1' }, 'INVALID_INPUT'],
    ['an event id that is text', book, { ...good, eventId: '1; DROP TABLE events' }, 'INVALID_INPUT'],
    ['an event id beyond integer', book, { ...good, eventId: 2 ** 31 }, 'INVALID_INPUT'],
    ['a user id of the wrong form', book, { ...good, userId: 'alice' }, 'INVALID_INPUT'],
    ['no user', book, { eventId: 1, seats: 1 }, 'UNAUTHENTICATED'],
    ['a null user', book, { ...good, userId: null }, 'UNAUTHENTICATED'],
    ['a list', book, [good], 'INVALID_INPUT'],
    ['nothing', book, undefined, 'INVALID_INPUT'],
    ['something that looks like a rejection', book, { rejected: true }, 'UNAUTHENTICATED'],
    ['a payload of 20 KB', book, { ...good, note: 'x'.repeat(20_000) }, 'PAYLOAD_TOO_LARGE'],
    ['a booking id of zero', cancelBooking(), { userId: 7, eventId: 1, bookingId: 0 }, 'INVALID_INPUT'],
    ['a cancellation by nobody', cancelBooking(), { eventId: 1, bookingId: 1 }, 'UNAUTHENTICATED'],
    ['an event without a name', createEvent, { ...event, name: '   ' }, 'INVALID_INPUT'],
    ['a name with NUL', createEvent, { ...event, name: 'a\0b' }, 'INVALID_INPUT'],
    ['an event on February 30', createEvent, { ...event, startsAt: '2026-02-30T18:00:00.000Z' }, 'INVALID_INPUT'],
    ['an event in the past', createEvent, { ...event, startsAt: '2025-12-31T18:00:00.000Z' }, 'INVALID_INPUT'],
    ['an event with no seats', createEvent, { ...event, totalSeats: 0 }, 'INVALID_INPUT'],
    ['an event by nobody', createEvent, { ...event, userId: undefined }, 'UNAUTHENTICATED'],
    ['a page before the first', browse, { afterId: -1 }, 'INVALID_INPUT'],
    ['an event id of the wrong form', viewEvent, { eventId: 1.5 }, 'INVALID_INPUT'],
  ])('%s', async (_what, operation, input, code) => {
    expect(await aWorld().run(operation, input, forbiddenClient)).toMatchObject({ rejected: true, code });
  });

  const seedOfRun = 20_260_101;
  test(`whatever it is, no operation throws or touches the database, 5,000 times (seed ${seedOfRun})`, async () => {
    const operations = [book, bookSeats(optimistic), bookSeats(pessimistic), cancelBooking(), createEvent, viewEvent];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...operations),
        nastyInput('userId', 'eventId', 'seats', 'bookingId', 'totalSeats'),
        async (operation, input) => {
          const refused = await aWorld().run(operation, input, forbiddenClient);
          expect(refused).toMatchObject({
            rejected: true,
            code: expect.any(String),
            status: expect.any(Number),
            message: expect.any(String),
          });
        },
      ),
      { seed: seedOfRun, numRuns: 5_000 },
    );
  });

  test(`mixed with good values, nothing escapes untyped and nothing half-done stays (seed ${seedOfRun})`, async () => {
    const operations = [book, bookSeats(optimistic), bookSeats(pessimistic), cancelBooking(), createEvent, viewEvent, browse];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...operations), halfGoodInput(), async (operation, input) => {
        const result = await aWorld().run(operation, input);
        expect(typeof result).toBe('object');
        const { rows } = await session.query<{ wrong: number }>(
          "SELECT count(*)::int AS wrong FROM events e WHERE available_seats <> total_seats - (SELECT COALESCE(SUM(seats), 0) FROM bookings b WHERE b.event_id = e.id AND status = 'active')",
        );
        expect(rows).toEqual([{ wrong: 0 }]);
      }),
      { seed: seedOfRun, numRuns: 1_000 },
    );
    expect(await database.openTransactions()).toBe(0);
  });
});

describe('backup and restore', () => {
  const book = bookSeats(conditional);

  test('bring everything back, versions raised and the rest as it was', async () => {
    const world = aWorld();
    await world.run(createEvent, { userId: 7, name: 'Matinée', startsAt: '2026-05-01T18:00:00.123Z', totalSeats: 3 });
    await world.run(book, { userId: 7, eventId: 1, seats: 1 });
    const before = await tables();
    expect(await world.run(backup(), {})).toMatchObject({ events: 2, bookings: 1 });
    await world.run(book, { userId: 8, eventId: 1, seats: 1 });
    await world.run(cancelBooking(), { userId: 7, eventId: 1, bookingId: 1 });
    expect(await world.run(restore(), {})).toMatchObject({ dropped: { events: [], bookings: [2], bookingCount: 1 } });
    const after = await tables();
    expect(after.bookings).toEqual(before.bookings);
    expect(after.events.map(withoutVersion)).toEqual(before.events.map(withoutVersion));
    expect(after.events.map(({ version }) => version)).toEqual([4, 4]);
    expect(await database.openTransactions()).toBe(0);
  });

  test('ids that were acknowledged and dropped are not given out again', async () => {
    const world = aWorld();
    await world.run(backup(), {});
    for (let n = 0; n < 2; n++) await world.run(book, { userId: 7, eventId: 1, seats: 1 });
    await world.run(createEvent, { userId: 7, name: 'Next', startsAt: '2026-05-01T18:00:00.000Z', totalSeats: 1 });
    expect(await world.run(restore(), {})).toMatchObject({ dropped: { events: [2], bookings: [1, 2], bookingCount: 2 } });
    expect(await world.run(book, { userId: 7, eventId: 1, seats: 1 })).toMatchObject({ bookingId: 3 });
    expect(await world.run(createEvent, { userId: 7, name: 'Last', startsAt: '2026-05-01T18:00:00.000Z', totalSeats: 1 })).toEqual({
      eventId: 3,
    });
  });

  test('sequences move forward in a database that has given out less', async () => {
    const world = aWorld();
    for (let n = 0; n < 2; n++) await world.run(book, { userId: 7, eventId: 1, seats: 1 });
    await world.run(backup(), {});
    await session.query('TRUNCATE events, bookings RESTART IDENTITY');
    await world.run(restore(), {});
    await session.query('UPDATE events SET total_seats = 9, available_seats = 7');
    expect(await world.run(book, { userId: 7, eventId: 1, seats: 1 })).toMatchObject({ bookingId: 3 });
    expect(await world.run(createEvent, { userId: 7, name: 'Next', startsAt: '2026-05-01T18:00:00.000Z', totalSeats: 1 })).toEqual({
      eventId: 2,
    });
  });

  test('keeps the newest backups and leaves no temporary file', async () => {
    const world = aWorld();
    for (let n = 0; n < 4; n++) {
      await world.run(backup({ keep: 2 }), {});
      world.passTime(1_000);
    }
    expect([...world.files.keys()].map((name) => name.slice(0, 31)).sort()).toEqual([
      'backup-2026-01-01T00:00:02.000Z',
      'backup-2026-01-01T00:00:03.000Z',
    ]);
  });

  test('a backup that cannot be written leaves neither file nor damage', async () => {
    const world = aWorld();
    const store: Store = { ...world.context.store, rename: () => Promise.reject(new Error('disk full')) };
    await expect(backup()({ ...world.context, store }, {})).rejects.toThrow('disk full');
    expect(world.files.size).toBe(0);
  });

  test('a restore without any backup is 404', async () => {
    expect(await aWorld().run(restore(), {}, forbiddenClient)).toMatchObject({ code: 'NOT_FOUND', status: 404 });
  });

  test('a restore that fails halfway leaves the tables as they were', async () => {
    const world = aWorld();
    await world.run(book, { userId: 7, eventId: 1, seats: 1 });
    await world.run(backup(), {});
    const before = await tables();
    const breaking: Client = {
      query: (text: unknown, values?: readonly unknown[]) =>
        String(text).startsWith('INSERT INTO bookings')
          ? Promise.reject(Object.assign(new Error('broken'), { code: '57P01' }))
          : asClient(session).query(text as string, values),
    };
    expect(await world.run(restore(), {}, breaking)).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect(await tables()).toEqual(before);
  });

  test.each<[string, (text: string) => string]>([
    ['an empty file', () => ''],
    ['a truncated file', (text) => text.slice(0, -20)],
    ['a file that is no object', () => '[]'],
    ['a changed byte', (text) => text.replace('Opening night', 'opening night')],
    ['a checksum that is gone', (text) => text.replace(/,"checksum":"[0-9a-f]+"/, '')],
    ['a foreign file', (text) => reseal(text, { format: 'somebody.else' })],
    ['a future version', (text) => reseal(text, { version: 2 })],
    ['a wrong row count', (text) => reseal(text, { counts: { events: 1, bookings: 9 } })],
    ['a missing table', (text) => reseal(text, { tables: { events: [] } })],
    ['a row with a foreign column', (text) => reseal(text, { tables: { events: [{ id: 1, admin: true }], bookings: [] } })],
    [
      'a booking without its event',
      (text) => reseal(text, { tables: { ...JSON.parse(text).tables, events: [] }, counts: { events: 0, bookings: 1 } }),
    ],
    ['no sequences', (text) => reseal(text, { sequences: {} })],
  ])('%s is refused before any SQL', async (_what, damage) => {
    const world = aWorld();
    await world.run(book, { userId: 7, eventId: 1, seats: 1 });
    await world.run(backup(), {});
    for (const [name, text] of world.files) world.files.set(name, damage(text));
    expect(await world.run(restore(), {}, forbiddenClient)).toMatchObject({ rejected: true, code: 'INVALID_INPUT', status: 422 });
  });

  const seedOfRun = 7;
  test(`no change of a single character is restored (seed ${seedOfRun})`, async () => {
    const world = aWorld();
    await world.run(book, { userId: 7, eventId: 1, seats: 1 });
    await world.run(backup(), {});
    const [name, text] = [...world.files][0]!;
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: text.length - 1 }), fc.string({ minLength: 0, maxLength: 1 }), async (at, character) => {
        const damaged = text.slice(0, at) + character + text.slice(at + 1);
        fc.pre(!means(damaged, text));
        world.files.set(name, damaged);
        expect(await world.run(restore(), {}, forbiddenClient)).toMatchObject({ code: 'INVALID_INPUT' });
      }),
      { seed: seedOfRun, numRuns: 1_000 },
    );
  });
});

const aWorld = () => worldAround(session);

/** An event with two free seats. */
const eventRow = { starts_at: new Date(0), total_seats: 2, available_seats: 2, version: 0 };

async function tables() {
  const events = await session.query('SELECT * FROM events ORDER BY id');
  const bookings = await session.query('SELECT * FROM bookings ORDER BY id');
  return { events: events.rows, bookings: bookings.rows };
}

const withoutVersion = ({ version: _version, ...event }: Record<string, unknown>) => event;

function halfGoodInput(): fc.Arbitrary<unknown> {
  const orNasty = (good: fc.Arbitrary<unknown>) => fc.oneof({ arbitrary: good, weight: 9 }, { arbitrary: nastyValue(), weight: 1 });
  const small = orNasty(fc.integer({ min: 1, max: 3 }));
  return fc.record({
    userId: small,
    eventId: small,
    seats: small,
    bookingId: orNasty(fc.integer({ min: 1, max: 40 })),
    totalSeats: small,
    name: orNasty(fc.string({ unit: 'binary', maxLength: 30 })),
    startsAt: orNasty(fc.constant('2026-05-01T18:00:00.000Z')),
  });
}
