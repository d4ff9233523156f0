import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { backup, restore } from '../sim/systems/hotel/backup.js';
import { cancelBooking } from '../sim/systems/hotel/cancel-booking.js';
import { confirmHold } from '../sim/systems/hotel/confirm-hold.js';
import { createHold } from '../sim/systems/hotel/create-hold.js';
import { expireHolds } from '../sim/systems/hotel/expire-holds.js';
import { seed } from '../sim/systems/hotel/first-rows.js';
import { hotelScenarios } from '../sim/systems/hotel/index.js';
import { invariants } from '../sim/systems/hotel/invariants.js';
import { releaseHold } from '../sim/systems/hotel/release-hold.js';
import { schema } from '../sim/systems/hotel/schema.js';
import { checkedCounts } from '../sim/systems/hotel/variants/checked-counts.js';
import { nights } from '../sim/systems/hotel/variants/nights.js';
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

const good = { userId: 7, roomTypeId: 1, checkIn: '2026-03-01', checkOut: '2026-03-03', rooms: 1 };
const myHold = { userId: 7, holdId: 1 };
const myBooking = { userId: 7, bookingId: 1 };
const quarter = 15 * 60_000;

/** What a guest does who finds a room and books it at once. */
const holdAndConfirm =
  (hold: Operation, confirm: Operation): Operation =>
  async (context, input: { readonly userId: number }) => {
    const held = await hold(context, input);
    return isRejection(held) ? held : confirm(context, { userId: input.userId, holdId: (held as { holdId: number }).holdId });
  };

let database: TestDatabase;
let session: pg.Client;
const aWorld = () => worldAround(session);

beforeAll(async () => {
  database = await openTestDatabase(schema);
  session = database.session;
}, 60_000);

afterAll(() => database.close());

beforeEach(async () => {
  await session.query('TRUNCATE room_inventory, booking_holds, bookings, booking_details RESTART IDENTITY');
  await session.query(seed({ capacity: 2 }));
});

describe('createHold', () => {
  test('holds every night of the stay but that of the departure, for a quarter of an hour', async () => {
    const world = aWorld();
    expect(await world.run(createHold(), good)).toEqual({ holdId: 1, expiresAt: '2026-01-01T00:15:00.000Z' });
    expect(await counts()).toEqual(['0+1', '0+1', '0+0']);
    expect((await tables()).booking_holds).toMatchObject([{ id: 1, user_id: 7, check_out: '2026-03-03', rooms: 1, status: 'active' }]);
    expect(world.events).toEqual([]);
  });

  test('counts each night for itself, what is held and what is booked', async () => {
    const world = aWorld();
    await world.run(createHold(), good);
    await world.run(confirmHold(), myHold);
    await world.run(createHold(), { ...good, checkIn: '2026-03-02', checkOut: '2026-03-04' });
    expect(await counts()).toEqual(['1+0', '1+1', '0+1']);
    expect(await world.run(createHold(), { ...good, checkOut: '2026-03-02' })).toMatchObject({ holdId: 3 });
    expect(await world.run(createHold(), { ...good, checkIn: '2026-03-02' })).toMatchObject({ code: 'AVAILABILITY_CONFLICT' });
  });

  test('says in one flat event what was full, and leaves nothing behind', async () => {
    const world = aWorld();
    await world.run(createHold(), { ...good, checkIn: '2026-03-02' });
    const before = await tables();
    expect(await world.run(createHold(), { ...good, userId: 8, rooms: 2 })).toEqual({
      rejected: true,
      code: 'AVAILABILITY_CONFLICT',
      status: 409,
      message: 'room type 1 has fewer than 2 left in the night of 2026-03-02',
      date: '2026-03-02',
      usage: 1,
      capacity: 2,
    });
    expect(await tables()).toEqual(before);
    expect(world.events).toEqual([
      {
        type: 'booking.capacity_exceeded',
        resourceId: 'room type 1',
        windowStart: '2026-03-01',
        windowEnd: '2026-03-03',
        userId: 8,
        requested: 2,
        usage: 1,
        capacity: 2,
      },
    ]);
  });

  test.each([
    ['an unknown room type', { ...good, roomTypeId: 9 }],
    ['a night that is not on sale', { ...good, checkOut: '2026-03-05' }],
  ])('refuses %s with 404, and leaves no transaction open', async (_which, request) => {
    expect(await aWorld().run(createHold(), request)).toMatchObject({ code: 'NOT_FOUND', status: 404 });
    expect(await database.openTransactions()).toBe(0);
  });

  test.each([
    ['40001', 'RETRY_EXHAUSTED', 503],
    ['40P01', 'RETRY_EXHAUSTED', 503],
    ['57P01', 'DATABASE_UNAVAILABLE', 503],
    ['ECONNRESET', 'DATABASE_UNAVAILABLE', 503],
  ])('types the database error %s as %s', async (code, rejection, status) => {
    const client = failingClient({ code }, night);
    expect(await aWorld().run(createHold(), oneNight, client)).toMatchObject({ code: rejection, status });
  });

  test('types a refusal by the CHECK on the allotment as 409', async () => {
    const world = aWorld();
    const client = failingClient({ code: '23514', constraint: 'room_inventory_within_allotment' }, night);
    expect(await world.run(checkedCounts.operations.createHold!, oneNight, client)).toMatchObject({
      code: 'AVAILABILITY_CONFLICT',
      message: 'room type 1 has fewer than 1 left in some night from 2026-03-01 to 2026-03-02',
      usage: null,
    });
    expect(world.events).toHaveLength(1);
  });

  test('lets a mistake in its own SQL surface, and rolls back', async () => {
    const client = failingClient({ code: '42601' }, night);
    await expect(aWorld().run(createHold(), oneNight, client)).rejects.toMatchObject({ code: '42601' });
    expect(client.texts.at(-1)).toBe('ROLLBACK');
  });

  test('tries no more often than it was told', async () => {
    const client = failingClient({ code: '40001' }, night);
    await aWorld().run(createHold({ attempts: 2 }), oneNight, client);
    expect(client.texts.filter((text) => text === 'BEGIN')).toHaveLength(2);
  });
});

describe('confirmHold', () => {
  test('moves the rooms from tentative to booked, with a detail for each night', async () => {
    const world = aWorld();
    await world.run(createHold(), { ...good, rooms: 2 });
    expect(await world.run(confirmHold(), myHold)).toEqual({ bookingId: 1, holdId: 1 });
    expect(await counts()).toEqual(['2+0', '2+0', '0+0']);
    expect(await tables()).toMatchObject({
      booking_holds: [{ status: 'confirmed' }],
      bookings: [{ booking_id: 1, hold_id: 1, status: 'confirmed' }],
      booking_details: [
        { booking_id: 1, date: '2026-03-01', rooms: 2 },
        { booking_id: 1, date: '2026-03-02', rooms: 2 },
      ],
    });
  });

  test('refuses a hold from the moment of its expiry on with 410, swept or not, and changes nothing', async () => {
    const world = aWorld();
    await world.run(createHold(), good);
    world.passTime(quarter);
    expect(await world.run(confirmHold(), myHold)).toMatchObject({ code: 'HOLD_EXPIRED', status: 410 });
    expect(await counts()).toEqual(['0+1', '0+1', '0+0']);
    await world.run(expireHolds(), {});
    expect(await world.run(confirmHold(), myHold)).toMatchObject({ code: 'HOLD_EXPIRED', status: 410 });
  });

  test('confirms a millisecond before', async () => {
    const world = aWorld();
    await world.run(createHold(), good);
    world.passTime(quarter - 1);
    expect(await world.run(confirmHold(), myHold)).toMatchObject({ bookingId: 1 });
  });

  test('types a second booking of one hold, which the database refuses, as 404', async () => {
    const found = {
      id: 1,
      room_type_id: 1,
      check_in: '2026-03-01',
      check_out: '2026-03-02',
      rooms: 1,
      hold_expiry: '2030-01-01',
      status: 'active',
    };
    const client = failingClient({ code: '23505', constraint: 'bookings_hold_id_key' }, found);
    expect(await aWorld().run(confirmHold(), myHold, client)).toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('expireHolds', () => {
  test('gives back what has expired, and nothing else', async () => {
    const world = aWorld();
    await world.run(createHold(), good);
    world.passTime(quarter - 1);
    await world.run(createHold(), good);
    expect(await world.run(expireHolds(), {})).toEqual({ expired: [] });
    world.passTime(1);
    expect(await world.run(expireHolds(), {})).toEqual({ expired: [1] });
    expect(await counts()).toEqual(['0+1', '0+1', '0+0']);
    expect((await tables()).booking_holds).toMatchObject([{ status: 'expired' }, { status: 'active' }]);
  });

  test('says when the database is away: at the list, and at a hold', async () => {
    const found = { id: 1, room_type_id: 1, check_in: '2026-03-01', check_out: '2026-03-02', rooms: 1 };
    const away = { query: () => Promise.reject(Object.assign(new Error('away'), { code: 'ECONNREFUSED' })) } as typeof forbiddenClient;
    for (const client of [away, failingClient({ code: '57P01' }, found)])
      expect(await aWorld().run(expireHolds(), {}, client)).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  });
});

describe('releaseHold, cancelBooking', () => {
  test('give the rooms back once', async () => {
    const world = aWorld();
    await world.run(createHold(), good);
    await world.run(createHold(), good);
    await world.run(confirmHold(), { userId: 7, holdId: 2 });
    expect(await world.run(releaseHold(), myHold)).toEqual({ releasedHoldId: 1 });
    expect(await counts()).toEqual(['1+0', '1+0', '0+0']);
    expect(await world.run(cancelBooking(), myBooking)).toEqual({ cancelledBookingId: 1 });
    expect(await counts()).toEqual(['0+0', '0+0', '0+0']);
    const after = await tables();
    for (const again of [world.run(releaseHold(), myHold), world.run(cancelBooking(), myBooking)])
      expect(await again).toMatchObject({ code: 'NOT_FOUND', status: 404 });
    expect(await tables()).toEqual(after);
  });

  test('so does confirmation, and what is released is not confirmed', async () => {
    const world = aWorld();
    await world.run(createHold(), good);
    await world.run(confirmHold(), myHold);
    for (const operation of [confirmHold(), releaseHold()])
      expect(await world.run(operation, myHold)).toMatchObject({ code: 'NOT_FOUND', status: 404 });
    await world.run(createHold(), good);
    await world.run(releaseHold(), { userId: 7, holdId: 2 });
    expect(await world.run(confirmHold(), { userId: 7, holdId: 2 })).toMatchObject({ code: 'NOT_FOUND' });
  });

  test.each([
    ['of somebody else', { userId: 8, holdId: 1, bookingId: 1 }],
    ['that is unknown', { userId: 7, holdId: 5, bookingId: 5 }],
  ])('refuse what is %s with 404', async (_which, request) => {
    const world = aWorld();
    await world.run(createHold(), good);
    await world.run(confirmHold(), myHold);
    await world.run(createHold(), good);
    const before = await tables();
    for (const operation of [releaseHold(), confirmHold(), cancelBooking()])
      expect(await world.run(operation, request)).toMatchObject({ code: 'NOT_FOUND', status: 404 });
    expect(await tables()).toEqual(before);
    expect(await database.openTransactions()).toBe(0);
  });
});

describe('50 users and 1 room are 1 booking and 49 refusals', () => {
  const guest = holdAndConfirm(createHold({ attempts: 60 }), confirmHold({ attempts: 60 }));

  test('on PostgreSQL, 25 at a time', async () => {
    await session.query('UPDATE room_inventory SET allotment = 1');
    const sessions = await Promise.all(Array.from({ length: 25 }, database.connect));
    const world = aWorld();
    const outcomes = await Promise.all(
      sessions.map(async (client, index) => {
        const first = await world.run(guest, { ...good, userId: 2 * index + 1 }, asClient(client));
        return [first, await world.run(guest, { ...good, userId: 2 * index + 2 }, asClient(client))];
      }),
    );
    await Promise.all(sessions.map((client) => client.end()));
    expectOneBooking(outcomes.flat());
    expect(await counts()).toEqual(['1+0', '1+0', '0+0']);
    expect(violationsIn(await tables())).toEqual([]);
  });

  /** Too many for every interleaving: a sample of orders, the same each time. */
  test('on the model, in each of 3 orders', async () => {
    const scenario = { ...nights, operations: { guest } };
    const actors = Array.from({ length: 50 }, (_, index) => ({
      name: `user${index}`,
      operation: 'guest',
      input: { ...good, checkOut: '2026-03-02', userId: index + 1 },
    }));
    const plan: Plan = { scenario: nights.name, workload: 'rush', isolation: 'READ COMMITTED', capacity: 1, actors, seed: '5' };
    for (const order of drawOrders(plan, 3)) {
      const { steps, violations } = await run(new Machine(scenario, plan, new ModelEngine()), ordered(order));
      expectOneBooking(steps.flatMap(({ finished }) => (finished !== null && 'value' in finished ? [finished.value] : [])));
      expect(violations).toEqual([]);
    }
  });

  function expectOneBooking(outcomes: readonly unknown[]) {
    expect(outcomes.filter((outcome) => !isRejection(outcome))).toMatchObject([{ bookingId: 1 }]);
    expect(outcomes.filter(isRejection).map(({ code }) => code)).toEqual(Array.from({ length: 49 }, () => 'AVAILABILITY_CONFLICT'));
  }
});

describe('bad input is refused before any SQL', () => {
  test.each<[string, Operation, unknown, string]>([
    ['no room', createHold(), { ...good, rooms: 0 }, 'INVALID_INPUT'],
    ['a negative number of rooms', createHold(), { ...good, rooms: -1 }, 'INVALID_INPUT'],
    ['half a room', createHold(), { ...good, rooms: 0.5 }, 'INVALID_INPUT'],
    ['51 rooms', createHold(), { ...good, rooms: 51 }, 'INVALID_INPUT'],
    ['no night', createHold(), { ...good, checkOut: '2026-03-01' }, 'INVALID_INPUT'],
    ['reversed dates', createHold(), { ...good, checkOut: '2026-02-28' }, 'INVALID_INPUT'],
    ['61 nights', createHold(), { ...good, checkOut: '2026-05-01' }, 'INVALID_INPUT'],
    ['February 30', createHold(), { ...good, checkIn: '2026-02-30' }, 'INVALID_INPUT'],
    ['no departure', createHold(), { ...good, checkOut: undefined }, 'INVALID_INPUT'],
    ['yesterday', createHold(), { ...good, checkIn: '2025-12-31', checkOut: '2026-01-02' }, 'INVALID_INPUT'],
    ['a room type that is text', createHold(), { ...good, roomTypeId: '1; DROP TABLE bookings' }, 'INVALID_INPUT'],
    ['a user id of the wrong form', createHold(), { ...good, userId: 'ada' }, 'INVALID_INPUT'],
    ['nobody', createHold(), { ...good, userId: null }, 'UNAUTHENTICATED'],
    ['a list', createHold(), [good], 'INVALID_INPUT'],
    ['a payload of 20 KB', createHold(), { ...good, note: 'x'.repeat(20_000) }, 'PAYLOAD_TOO_LARGE'],
    ['a confirmation of hold 0', confirmHold(), { ...myHold, holdId: 0 }, 'INVALID_INPUT'],
    ['a release by nobody', releaseHold(), { ...myHold, userId: '' }, 'UNAUTHENTICATED'],
    ['a cancellation beyond integer', cancelBooking(), { ...myBooking, bookingId: 2 ** 31 }, 'INVALID_INPUT'],
  ])('%s', async (_what, operation, input, code) => {
    expect(await aWorld().run(operation, input, forbiddenClient)).toMatchObject({ rejected: true, code });
  });

  const operations = [createHold(), confirmHold(), releaseHold(), cancelBooking()];
  const seedOfRun = 20_260_301;
  test(`whatever it is, no operation throws or touches the database, 5,000 times (seed ${seedOfRun})`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...operations),
        nastyInput('userId', 'roomTypeId', 'holdId', 'bookingId', 'checkIn', 'checkOut', 'rooms'),
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
    const world = aWorld();
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...operations, expireHolds()), halfGoodInput(), async (operation, input) => {
        const before = await tables();
        world.passTime(60_000);
        const result = await world.run(operation, input);
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
  test('bring everything back, and report what was dropped', async () => {
    const world = aWorld();
    await world.run(createHold(), good);
    await world.run(confirmHold(), myHold);
    await world.run(createHold(), good);
    const before = await tables();
    expect(await world.run(backup(), {})).toMatchObject({ room_inventory: 3, booking_holds: 2, bookings: 1, booking_details: 2 });
    await world.run(confirmHold(), { userId: 7, holdId: 2 });
    await world.run(cancelBooking(), myBooking);
    expect(await world.run(restore(), {})).toMatchObject({
      dropped: { booking_holds: [], bookings: [2], booking_details: [3, 4], bookingCount: 1 },
    });
    expect(await tables()).toEqual(before);
    expect(await world.run(confirmHold(), { userId: 7, holdId: 2 })).toMatchObject({ bookingId: 3 });
    expect(await database.openTransactions()).toBe(0);
  });

  test('a restore ends what has expired since, and gives its rooms back', async () => {
    const world = aWorld();
    await world.run(createHold(), good);
    world.passTime(quarter - 1);
    await world.run(createHold(), { ...good, checkIn: '2026-03-02' });
    await world.run(backup(), {});
    world.passTime(1);
    await world.run(restore(), {});
    expect((await tables()).booking_holds).toMatchObject([{ status: 'expired' }, { status: 'active' }]);
    expect(await counts()).toEqual(['0+0', '0+1', '0+0']);
  });

  test('sequences move forward in a database that has given out less', async () => {
    const world = aWorld();
    for (const holdId of [1, 2]) {
      await world.run(createHold(), good);
      await world.run(confirmHold(), { userId: 7, holdId });
    }
    await world.run(cancelBooking(), myBooking);
    await world.run(backup(), {});
    await session.query('TRUNCATE room_inventory, booking_holds, bookings, booking_details RESTART IDENTITY');
    await world.run(restore(), {});
    expect(await world.run(createHold(), good)).toMatchObject({ holdId: 3 });
    expect(await world.run(confirmHold(), { userId: 7, holdId: 3 })).toMatchObject({ bookingId: 3 });
  });

  test('a restore that fails halfway leaves the tables as they were', async () => {
    const world = aWorld();
    await world.run(createHold(), good);
    await world.run(backup(), {});
    await world.run(confirmHold(), myHold);
    const before = await tables();
    const breaking = {
      query: (text: string, values?: readonly unknown[]) =>
        text.startsWith('INSERT INTO booking_holds')
          ? Promise.reject(Object.assign(new Error('broken'), { code: '57P01' }))
          : asClient(session).query(text, values),
    } as typeof forbiddenClient;
    expect(await world.run(restore(), {}, breaking)).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect(await tables()).toEqual(before);
  });

  test.each<[string, (text: string) => string]>([
    ['a truncated file', (text) => text.slice(0, -20)],
    ['a backup of the rental system', (text) => reseal(text, { format: 'lastseat.rental.backup' })],
    ['a future version', (text) => reseal(text, { version: 2 })],
    ['one whose booking names a hold that it does not hold', (text) => withRows(text, 'booking_holds', [])],
  ])('%s is refused before any SQL', async (_what, damage) => {
    const world = aWorld();
    await world.run(createHold(), good);
    await world.run(confirmHold(), myHold);
    await world.run(backup(), {});
    for (const [name, text] of world.files) world.files.set(name, damage(text));
    expect(await world.run(restore(), {}, forbiddenClient)).toMatchObject({ code: 'INVALID_INPUT', status: 422 });
  });
});

describe('the zoo', () => {
  test('names a safe variant of the list as the fix of each bug', () => {
    const bugs = hotelScenarios.filter(({ zoo }) => zoo !== undefined);
    expect(bugs.length).toBeGreaterThan(12);
    for (const { zoo } of bugs) {
      const fix = hotelScenarios.find(({ name }) => name === zoo!.fix);
      expect(fix?.zoo).toBeUndefined();
      expect(fix?.expect['READ COMMITTED']).toBe('holds');
    }
  });

  test('holds every variant that breaks at READ COMMITTED, and no other', () => {
    const broken = hotelScenarios.filter(({ expect: levels }) => levels['READ COMMITTED'] === 'violated');
    expect(hotelScenarios.filter(({ zoo }) => zoo !== undefined)).toEqual(broken);
  });
});

const oneNight = { ...good, checkOut: '2026-03-02' };

/** A night of which two rooms are left. */
const night = { date: '2026-03-01', allotment: 2, booked_count: 0, tentative_count: 0 };

async function tables() {
  const rows = async (table: string, key: string) => (await session.query(`SELECT * FROM ${table} ORDER BY ${key}`)).rows;
  return {
    room_inventory: await rows('room_inventory', 'room_type_id, date'),
    booking_holds: await rows('booking_holds', 'id'),
    bookings: await rows('bookings', 'booking_id'),
    booking_details: await rows('booking_details', 'booking_detail_id'),
  };
}

/** Booked and tentative of each night. */
async function counts(): Promise<string[]> {
  return (await tables()).room_inventory.map(({ booked_count, tentative_count }) => `${booked_count}+${tentative_count}`);
}

function violationsIn(rows: Awaited<ReturnType<typeof tables>>) {
  return invariants.flatMap(({ check }) => check!({ tables: rows, sequences: {} }));
}

function withRows(text: string, table: string, rows: readonly unknown[]): string {
  const { tables: held, counts: rowCounts } = JSON.parse(text);
  return reseal(text, { tables: { ...held, [table]: rows }, counts: { ...rowCounts, [table]: rows.length } });
}

function halfGoodInput(): fc.Arbitrary<unknown> {
  const orNasty = (arbitrary: fc.Arbitrary<unknown>) => fc.oneof({ arbitrary, weight: 19 }, { arbitrary: nastyValue(), weight: 1 });
  const small = orNasty(fc.integer({ min: 1, max: 2 }));
  return fc.record({
    userId: small,
    roomTypeId: orNasty(fc.constantFrom(1, 1, 1, 2)),
    holdId: orNasty(fc.integer({ min: 1, max: 20 })),
    bookingId: orNasty(fc.integer({ min: 1, max: 10 })),
    checkIn: orNasty(fc.constantFrom('2026-03-01', '2026-03-02')),
    checkOut: orNasty(fc.constantFrom('2026-03-02', '2026-03-04')),
    rooms: small,
  });
}
