import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { backup, restore } from '../sim/systems/rental/backup.js';
import { cancelBooking } from '../sim/systems/rental/cancel-booking.js';
import { changeCapacity } from '../sim/systems/rental/change-capacity.js';
import { confirmBooking } from '../sim/systems/rental/confirm-booking.js';
import { type BookingStrategy, createBooking } from '../sim/systems/rental/create-booking.js';
import { rentalScenarios } from '../sim/systems/rental/index.js';
import { schema, seed } from '../sim/systems/rental/schema.js';
import * as strategies from '../sim/systems/rental/strategies.js';
import { advisorySession } from '../sim/systems/rental/variants/advisory-session.js';
import { ledger as ledgerVariant } from '../sim/systems/rental/variants/ledger.js';
import { daysOf } from '../sim/systems/shared/days.js';
import { isRejection, ModelEngine, type Operation, type Plan } from '../src/index.js';
import { Machine } from '../src/machine.js';
import { run } from '../src/run.js';
import { drawOrders, ordered } from '../src/schedule/arbitrary.js';
import {
  asClient,
  failingClient,
  forbiddenClient,
  nastyInput,
  nastyValue,
  openTestDatabase,
  reseal,
  type TestDatabase,
  worldAround,
} from './operations-world.js';

const ways: readonly (readonly [string, Operation])[] = [
  ...Object.entries({
    ledger: strategies.ledger,
    noKeyUpdate: strategies.noKeyUpdate,
    writeLock: strategies.writeLock,
    advisoryTransactionLock: strategies.advisoryTransactionLock,
    serializable: strategies.serializable,
    tableLock: strategies.tableLock,
  } satisfies Record<string, BookingStrategy>).map(([name, strategy]) => [name, createBooking(strategy, { attempts: 20 })] as const),
  ['advisorySession', advisorySession.operations.createBooking!],
];

const book = createBooking(strategies.ledger);
const good = { userId: 7, packageId: 1, startDate: '2026-03-01', endDate: '2026-03-02', quantity: 1 };
const mine = { userId: 7, packageId: 1, bookingId: 1 };

let database: TestDatabase;
let session: pg.Client;
const aWorld = () => worldAround(session);

beforeAll(async () => {
  database = await openTestDatabase(schema);
  session = database.session;
}, 60_000);

afterAll(() => database.close());

beforeEach(async () => {
  await session.query('TRUNCATE packages, bookings, equipment_availability RESTART IDENTITY');
  await session.query(seed({ capacity: 5 }));
});

describe.each(ways)('createBooking, %s', (_name, operation) => {
  test('books every day of the window, the last one included', async () => {
    const world = aWorld();
    expect(await world.run(operation, { ...good, quantity: 2 })).toEqual({ bookingId: 1, packageId: 1 });
    expect(await tables()).toMatchObject({
      bookings: [{ id: 1, user_id: 7, start_date: '2026-03-01', end_date: '2026-03-02', quantity: 2, status: 'pending' }],
      ledger: [
        { package_id: 1, day: '2026-03-01', booking_id: 1, quantity: 2 },
        { package_id: 1, day: '2026-03-02', booking_id: 1, quantity: 2 },
      ],
    });
    expect(world.events).toEqual([]);
  });

  test('lets 5 of 6 through where there are 5', async () => {
    const sessions = await Promise.all(Array.from({ length: 6 }, database.connect));
    const world = aWorld();
    const outcomes = await Promise.all(
      sessions.map((client, user) => world.run(operation, { ...good, userId: user + 1 }, asClient(client))),
    );
    await Promise.all(sessions.map((client) => client.end()));
    expect(outcomes.filter((outcome) => !isRejection(outcome))).toHaveLength(5);
    expect(outcomes.filter(isRejection)).toMatchObject([{ code: 'AVAILABILITY_CONFLICT', status: 409, usage: 5, capacity: 5 }]);
    expect(world.events).toHaveLength(1);
    expect((await tables()).ledger).toHaveLength(10);
  });

  test('refuses an unknown package with 404 and leaves no transaction open', async () => {
    expect(await aWorld().run(operation, { ...good, packageId: 999 })).toMatchObject({ code: 'NOT_FOUND', status: 404 });
    expect(await database.openTransactions()).toBe(0);
  });
});

/** Too many for every interleaving: a sample of orders, the same each time. */
test('on the model, too, 6 attempts on capacity 5 are 5 bookings and 1 conflict, in each of 25 orders', async () => {
  const actors = Array.from({ length: 6 }, (_, index) => ({
    name: `user${index}`,
    operation: 'createBooking',
    input: { ...good, userId: index + 1 },
  }));
  const plan: Plan = { scenario: ledgerVariant.name, workload: 'rush', isolation: 'READ COMMITTED', capacity: 5, actors, seed: '5' };
  for (const order of drawOrders(plan, 25)) {
    const { steps, violations } = await run(new Machine(ledgerVariant, plan, new ModelEngine()), ordered(order));
    const outcomes = steps.flatMap(({ finished }) => (finished !== null && 'value' in finished ? [finished.value] : []));
    expect(outcomes.filter((outcome) => !isRejection(outcome))).toHaveLength(5);
    expect(outcomes.filter(isRejection)).toMatchObject([{ code: 'AVAILABILITY_CONFLICT' }]);
    expect(violations).toEqual([]);
  }
});

describe('createBooking', () => {
  test('counts each day for itself, and windows of one day', async () => {
    const world = aWorld();
    await world.run(book, { ...good, quantity: 3 });
    await world.run(book, { ...good, startDate: '2026-03-02', endDate: '2026-03-03', quantity: 2 });
    expect(await world.run(book, { ...good, startDate: '2026-03-03', endDate: '2026-03-04', quantity: 3 })).toMatchObject({ bookingId: 3 });
    expect(await world.run(book, { ...good, startDate: '2026-03-02', endDate: '2026-03-02' })).toMatchObject({
      code: 'AVAILABILITY_CONFLICT',
      day: '2026-03-02',
      usage: 5,
    });
    expect(await world.run(book, { ...good, endDate: '2026-03-01', quantity: 2 })).toMatchObject({ bookingId: 4 });
  });

  test('says in one flat event what was full, and leaves nothing behind', async () => {
    const world = aWorld();
    await world.run(book, { ...good, quantity: 4 });
    const before = await tables();
    expect(await world.run(book, { ...good, userId: 8, quantity: 2 })).toEqual({
      rejected: true,
      code: 'AVAILABILITY_CONFLICT',
      status: 409,
      message: 'package 1 has fewer than 2 left on 2026-03-01',
      day: '2026-03-01',
      usage: 4,
      capacity: 5,
    });
    expect(await tables()).toEqual(before);
    expect(world.events).toEqual([
      {
        type: 'booking.capacity_exceeded',
        resourceId: 'package 1',
        windowStart: '2026-03-01',
        windowEnd: '2026-03-02',
        userId: 8,
        requested: 2,
        usage: 4,
        capacity: 5,
      },
    ]);
  });

  test('counts a booking without ledger rows by its own dates, on the days asked for', async () => {
    await session.query(
      "INSERT INTO bookings (package_id, user_id, start_date, end_date, quantity, status) VALUES (1, 9, '2026-02-01', '2026-03-01', 5, 'confirmed')",
    );
    expect(await aWorld().run(book, good)).toMatchObject({ code: 'AVAILABILITY_CONFLICT', day: '2026-03-01', usage: 5 });
    expect(await aWorld().run(book, { ...good, startDate: '2026-03-02' })).toMatchObject({ bookingId: 2 });
  });

  test.each([
    ['40001', 'RETRY_EXHAUSTED', 503],
    ['40P01', 'RETRY_EXHAUSTED', 503],
    ['57P01', 'DATABASE_UNAVAILABLE', 503],
    ['ECONNRESET', 'DATABASE_UNAVAILABLE', 503],
  ])('types the database error %s as %s', async (code, rejection, status) => {
    expect(await aWorld().run(book, good, failingClient({ code }, packageRow))).toMatchObject({ code: rejection, status });
  });

  test('types a package that is gone by the time of the insert as 404', async () => {
    const client = failingClient({ code: '23503', constraint: 'bookings_package_id_fkey' }, packageRow);
    expect(await aWorld().run(book, good, client)).toMatchObject({ code: 'NOT_FOUND', status: 404 });
  });

  test('lets a mistake in its own SQL surface, and rolls back', async () => {
    const client = failingClient({ code: '42601' }, packageRow);
    await expect(aWorld().run(book, good, client)).rejects.toMatchObject({ code: '42601' });
    expect(client.texts.at(-1)).toBe('ROLLBACK');
  });

  test('tries no more often than it was told', async () => {
    const client = failingClient({ code: '40001' }, packageRow);
    await aWorld().run(createBooking(strategies.ledger, { attempts: 2 }), good, client);
    expect(client.texts.filter((text) => text === 'BEGIN')).toHaveLength(2);
  });
});

describe('confirmBooking, cancelBooking', () => {
  test('a booking is pending, then confirmed, then cancelled, and is in the ledger until then', async () => {
    const world = aWorld();
    await world.run(book, good);
    expect(await world.run(confirmBooking(), mine)).toEqual({ confirmedBookingId: 1, packageId: 1 });
    expect(await tables()).toMatchObject({ bookings: [{ status: 'confirmed' }], ledger: [{ booking_id: 1 }, { booking_id: 1 }] });
    expect(await world.run(cancelBooking(), mine)).toEqual({ cancelledBookingId: 1, packageId: 1 });
    expect(await tables()).toMatchObject({ bookings: [{ status: 'cancelled' }], ledger: [] });
  });

  test('what is cancelled makes room, and is neither cancelled nor confirmed again', async () => {
    const world = aWorld();
    await world.run(book, { ...good, quantity: 5 });
    await world.run(cancelBooking(), mine);
    expect(await world.run(book, { ...good, quantity: 5 })).toMatchObject({ bookingId: 2 });
    const after = await tables();
    for (const operation of [cancelBooking(), confirmBooking()])
      expect(await world.run(operation, mine)).toMatchObject({ code: 'NOT_FOUND', status: 404 });
    expect(await tables()).toEqual(after);
  });

  test.each([
    ['of somebody else', { ...mine, userId: 8 }],
    ['that is unknown', { ...mine, bookingId: 2 }],
    ['of another package', { ...mine, packageId: 2 }],
  ])('refuse a booking %s with 404', async (_which, request) => {
    const world = aWorld();
    await world.run(book, good);
    const before = await tables();
    for (const operation of [cancelBooking(), confirmBooking()])
      expect(await world.run(operation, request)).toMatchObject({ code: 'NOT_FOUND', status: 404 });
    expect(await tables()).toEqual(before);
    expect(await database.openTransactions()).toBe(0);
  });
});

describe('changeCapacity', () => {
  test('goes down to what is booked on the fullest day, and no further', async () => {
    const world = aWorld();
    await world.run(book, { ...good, quantity: 2 });
    await world.run(book, { ...good, startDate: '2026-03-02', quantity: 1 });
    const request = { userId: 1, packageId: 1 };
    expect(await world.run(changeCapacity(), { ...request, capacity: 2 })).toMatchObject({
      code: 'AVAILABILITY_CONFLICT',
      message: 'package 1 has 3 booked on 2026-03-02',
      usage: 3,
      capacity: 2,
    });
    expect(await world.run(changeCapacity(), { ...request, capacity: 3 })).toEqual({ packageId: 1, capacity: 3 });
    expect(await tables()).toMatchObject({ packages: [{ capacity: 3 }] });
  });

  test('goes to 0 where nothing is booked; an unknown package is 404', async () => {
    expect(await aWorld().run(changeCapacity(), { userId: 1, packageId: 1, capacity: 0 })).toEqual({ packageId: 1, capacity: 0 });
    expect(await aWorld().run(changeCapacity(), { userId: 1, packageId: 2, capacity: 0 })).toMatchObject({ code: 'NOT_FOUND' });
  });
});

test('days of a window go over the end of a month, and of February in a leap year', () => {
  expect(daysOf('2028-02-28', '2028-03-01')).toEqual(['2028-02-28', '2028-02-29', '2028-03-01']);
  expect(daysOf('2026-03-01', '2026-03-01')).toEqual(['2026-03-01']);
});

describe('bad input is refused before any SQL', () => {
  test.each<[string, Operation, unknown, string]>([
    ['none of it', book, { ...good, quantity: 0 }, 'INVALID_INPUT'],
    ['a negative quantity', book, { ...good, quantity: -1 }, 'INVALID_INPUT'],
    ['half a kit', book, { ...good, quantity: 0.5 }, 'INVALID_INPUT'],
    ['101 kits', book, { ...good, quantity: 101 }, 'INVALID_INPUT'],
    ['a reversed window', book, { ...good, endDate: '2026-02-28' }, 'INVALID_INPUT'],
    ['no last day', book, { ...good, endDate: undefined }, 'INVALID_INPUT'],
    ['February 30', book, { ...good, startDate: '2026-02-30' }, 'INVALID_INPUT'],
    ['an instant for a day', book, { ...good, endDate: '2026-03-02T00:00:00.000Z' }, 'INVALID_INPUT'],
    ['yesterday', book, { ...good, startDate: '2025-12-31' }, 'INVALID_INPUT'],
    ['91 days', book, { ...good, endDate: '2026-05-30' }, 'INVALID_INPUT'],
    ['a package id that is text', book, { ...good, packageId: '1; DROP TABLE packages' }, 'INVALID_INPUT'],
    ['a package id beyond integer', book, { ...good, packageId: 2 ** 31 }, 'INVALID_INPUT'],
    ['a user id of the wrong form', book, { ...good, userId: 'ada' }, 'INVALID_INPUT'],
    ['nobody', book, { ...good, userId: null }, 'UNAUTHENTICATED'],
    ['a list', book, [good], 'INVALID_INPUT'],
    ['a payload of 20 KB', book, { ...good, note: 'x'.repeat(20_000) }, 'PAYLOAD_TOO_LARGE'],
    ['a cancellation of booking 0', cancelBooking(), { ...mine, bookingId: 0 }, 'INVALID_INPUT'],
    ['a cancellation by nobody', cancelBooking(), { ...mine, userId: '' }, 'UNAUTHENTICATED'],
    ['a confirmation without a booking', confirmBooking(), { userId: 7, packageId: 1 }, 'INVALID_INPUT'],
    ['a negative capacity', changeCapacity(), { userId: 1, packageId: 1, capacity: -1 }, 'INVALID_INPUT'],
    ['a capacity beyond all measure', changeCapacity(), { userId: 1, packageId: 1, capacity: 1e9 }, 'INVALID_INPUT'],
  ])('%s', async (_what, operation, input, code) => {
    expect(await aWorld().run(operation, input, forbiddenClient)).toMatchObject({ rejected: true, code });
  });

  test('today and 90 days are good', async () => {
    expect(await aWorld().run(book, { ...good, startDate: '2026-01-01', endDate: '2026-03-31' })).toMatchObject({ bookingId: 1 });
    expect((await tables()).ledger).toHaveLength(90);
  });

  const operations = [...ways.map(([, operation]) => operation), cancelBooking(), confirmBooking(), changeCapacity()];
  const seedOfRun = 20_260_301;
  test(`whatever it is, no operation throws or touches the database, 5,000 times (seed ${seedOfRun})`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...operations),
        nastyInput('userId', 'packageId', 'bookingId', 'startDate', 'endDate', 'quantity', 'capacity'),
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
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...operations), halfGoodInput(), async (operation, input) => {
        const before = await tables();
        const result = await aWorld().run(operation, input);
        const after = await tables();
        expect(typeof result).toBe('object');
        if (isRejection(result)) expect(after).toEqual(before);
        expect(violationsIn(after)).toEqual([]);
      }),
      { seed: seedOfRun, numRuns: 300 },
    );
    expect(await database.openTransactions()).toBe(0);
  });
});

describe('backup and restore', () => {
  test('bring everything back, ledger included, and report what was dropped', async () => {
    const world = aWorld();
    await world.run(book, good);
    await world.run(confirmBooking(), mine);
    const before = await tables();
    expect(await world.run(backup(), {})).toMatchObject({ packages: 1, bookings: 1, equipment_availability: 2 });
    await world.run(book, { ...good, userId: 8 });
    await world.run(cancelBooking(), mine);
    await world.run(changeCapacity(), { userId: 1, packageId: 1, capacity: 9 });
    expect(await world.run(restore(), {})).toMatchObject({ dropped: { packages: [], bookings: [2], bookingCount: 1 } });
    expect(await tables()).toEqual(before);
    expect(await world.run(book, good)).toMatchObject({ bookingId: 3 });
    expect(await database.openTransactions()).toBe(0);
  });

  test('sequences move forward in a database that has given out less', async () => {
    const world = aWorld();
    for (let n = 0; n < 2; n++) await world.run(book, good);
    await world.run(backup(), {});
    await session.query('TRUNCATE packages, bookings, equipment_availability RESTART IDENTITY');
    await world.run(restore(), {});
    expect(await world.run(book, good)).toMatchObject({ bookingId: 3 });
  });

  test('a restore that fails halfway leaves the tables as they were', async () => {
    const world = aWorld();
    await world.run(book, good);
    await world.run(backup(), {});
    await world.run(book, good);
    const before = await tables();
    const breaking = {
      query: (text: string, values?: readonly unknown[]) =>
        text.startsWith('INSERT INTO equipment_availability')
          ? Promise.reject(Object.assign(new Error('broken'), { code: '57P01' }))
          : asClient(session).query(text, values),
    } as typeof forbiddenClient;
    expect(await world.run(restore(), {}, breaking)).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect(await tables()).toEqual(before);
  });

  test.each<[string, (text: string) => string]>([
    ['a truncated file', (text) => text.slice(0, -20)],
    ['a backup of the events system', (text) => reseal(text, { format: 'lastseat.events.backup' })],
    ['a future version', (text) => reseal(text, { version: 2 })],
    ['one without the ledger', (text) => withoutTable(text, 'equipment_availability')],
    ['one whose ledger names a booking that it does not hold', (text) => withRows(text, 'bookings', [])],
  ])('%s is refused before any SQL', async (_what, damage) => {
    const world = aWorld();
    await world.run(book, good);
    await world.run(backup(), {});
    for (const [name, text] of world.files) world.files.set(name, damage(text));
    expect(await world.run(restore(), {}, forbiddenClient)).toMatchObject({ code: 'INVALID_INPUT', status: 422 });
  });
});

describe('the zoo', () => {
  const broken = rentalScenarios.filter(({ expect: levels }) => Object.values(levels).includes('violated'));

  test('names a safe variant of the list as the fix of each bug', () => {
    const bugs = rentalScenarios.filter(({ zoo }) => zoo !== undefined);
    expect(bugs.length).toBeGreaterThan(20);
    for (const { zoo } of bugs) {
      const fix = rentalScenarios.find(({ name }) => name === zoo!.fix);
      expect(fix?.zoo).toBeUndefined();
      expect(fix?.expect['READ COMMITTED']).toBe('holds');
    }
  });

  test('holds every variant that breaks at READ COMMITTED, and no other', () => {
    const atReadCommitted = broken.filter(({ expect: levels }) => levels['READ COMMITTED'] === 'violated');
    expect(rentalScenarios.filter(({ zoo }) => zoo !== undefined)).toEqual(atReadCommitted);
  });

  test('gives each plan as many actors as the bug needs', () => {
    for (const { name, zoo, workloads } of rentalScenarios) {
      if (zoo === undefined) continue;
      const actors = workloads.map(({ roles }) => roles.reduce((sum, role) => sum + (role.max ?? role.min ?? 1), 0));
      expect(Math.max(...actors), name).toBeGreaterThanOrEqual(zoo.leastActors);
    }
  });
});

/** A package of which two are left. */
const packageRow = { id: 1, capacity: 2, start_date: '2026-03-01', end_date: '2026-03-01', booked: 1, day: null, quantity: null };

async function tables() {
  const packages = await session.query('SELECT * FROM packages ORDER BY id');
  const bookings = await session.query('SELECT * FROM bookings ORDER BY id');
  const ledger = await session.query('SELECT * FROM equipment_availability ORDER BY package_id, day, booking_id');
  return { packages: packages.rows, bookings: bookings.rows, ledger: ledger.rows };
}

function violationsIn({ packages, bookings, ledger }: Awaited<ReturnType<typeof tables>>) {
  const state = { tables: { packages, bookings, equipment_availability: ledger }, sequences: {} };
  return ledgerVariant.invariants.flatMap(({ check }) => check!(state));
}

function withRows(text: string, table: string, rows: readonly unknown[]): string {
  const { tables, counts } = JSON.parse(text);
  return reseal(text, { tables: { ...tables, [table]: rows }, counts: { ...counts, [table]: rows.length } });
}

function withoutTable(text: string, table: string): string {
  const { tables } = JSON.parse(text);
  const { [table]: _gone, ...rest } = tables;
  return reseal(text, { tables: rest });
}

function halfGoodInput(): fc.Arbitrary<unknown> {
  const orNasty = (good: fc.Arbitrary<unknown>) => fc.oneof({ arbitrary: good, weight: 19 }, { arbitrary: nastyValue(), weight: 1 });
  const small = orNasty(fc.integer({ min: 1, max: 2 }));
  return fc.record({
    userId: small,
    packageId: orNasty(fc.constantFrom(1, 1, 1, 2)),
    bookingId: orNasty(fc.integer({ min: 1, max: 40 })),
    startDate: orNasty(fc.constantFrom('2026-03-01', '2026-03-02')),
    endDate: orNasty(fc.constantFrom('2026-03-02', '2026-03-04')),
    quantity: small,
    capacity: orNasty(fc.integer({ min: 0, max: 9 })),
  });
}
