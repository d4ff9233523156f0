import { describe, expect, test } from 'vitest';
import { capacity, oneBookingPerKey, usage, wholeBookings } from '../sim/systems/restaurant/invariants.js';
import {
  acknowledgedStands,
  groundedRefusals,
  oneAnswerPerKey,
  oneBookingPerOrder,
  wholeInTheEnd,
} from '../sim/systems/restaurant/monitors.js';
import { alternativeOffered, keyRefused, overbookPrevented } from '../sim/systems/restaurant/witnesses.js';
import { order } from '../sim/systems/restaurant/workloads.js';
import { typedErrors } from '../sim/systems/shared/monitors/typed-errors.js';
import type { CommittedState, Monitor, Row, StepEvent } from '../src/index.js';

const booking = (id: number, more: Row = {}): Row => ({
  id,
  restaurant_id: 1,
  date: '2026-03-01',
  slot: '18:00',
  party_size: 1,
  idempotency_key: `k${id}`,
  status: 'active',
  source: 'guest',
  ...more,
});

/** One cover at six in two restaurants, and as many as may come at eight. */
function state(bookings: readonly Row[], more: Record<string, readonly Row[]> = {}): CommittedState {
  const rules = [1, 2].flatMap((restaurant_id) => [
    { restaurant_id, slot: '18:00', max_covers: 1 },
    { restaurant_id, slot: '20:00', max_covers: null },
  ]);
  return { tables: { capacity_rules: rules, capacity_overrides: [], bookings, ...more }, sequences: {} };
}

const step = (committed: CommittedState, more: Partial<StepEvent> = {}): StepEvent => ({
  actor: 'alice',
  operation: 'bookTable',
  input: order('k1'),
  first: false,
  kind: 'commit',
  text: 'COMMIT',
  outcome: 'done',
  code: null,
  rows: null,
  rowCount: null,
  file: null,
  finished: null,
  events: [],
  committed,
  changed: true,
  openTransactions: [],
  clockMs: 0,
  ...more,
});

const books = (id: number, committed: CommittedState, key = `k${id}`, slot = '18:00'): StepEvent =>
  step(committed, {
    input: order(key, { slot }),
    finished: { value: { bookingId: id, restaurantId: 1, date: '2026-03-01', slot, partySize: 1, status: 'active' } },
  });

function broken(monitor: Monitor, first: CommittedState, ...steps: readonly StepEvent[]): readonly string[] {
  let now = monitor.initial(first);
  for (const event of steps) {
    const before = JSON.stringify(now);
    const next = monitor.observe(now, event);
    expect(JSON.stringify(now)).toBe(before);
    expect(JSON.parse(JSON.stringify(next))).toEqual(next);
    now = next;
  }
  return monitor.violations(now, steps.at(-1)!.committed).map(({ resource }) => resource);
}

const none = state([]);

describe('whole-in-the-end', () => {
  const half = state([booking(1)], { covers: [] });
  const whole = state([booking(1)], { covers: [{ restaurant_id: 1, date: '2026-03-01', slot: '18:00', number: 1, booking_id: 1 }] });

  test('says nothing while its guest is still at it', () => {
    expect(broken(wholeInTheEnd, state([]), step(half))).toEqual([]);
  });

  test('finds a booking without its covers when its guest has ended, or died', () => {
    expect(broken(wholeInTheEnd, state([]), books(1, half))).toEqual(['booking 1']);
    expect(broken(wholeInTheEnd, state([]), step(half, { kind: 'dies' }))).toEqual(['booking 1']);
    expect(broken(wholeInTheEnd, state([]), books(1, whole))).toEqual([]);
  });
});

describe('capacity', () => {
  const over = (bookings: readonly Row[], overrides: readonly Row[] = []) =>
    capacity.check!(state(bookings, { capacity_overrides: overrides })).map(({ resource }) => resource);
  const override = (max_covers: number | null) => ({ restaurant_id: 1, date: '2026-03-01', slot: '18:00', max_covers });

  test('is a sitting’s own: another date, slot or restaurant does not count, nor does who cancelled', () => {
    const elsewhere = [{ date: '2026-03-02' }, { restaurant_id: 2 }, { status: 'cancelled' }, { slot: '20:00', party_size: 99 }];
    expect(over([booking(1), ...elsewhere.map((more, index) => booking(index + 2, more))])).toEqual([]);
    expect(over([booking(1), booking(2)])).toEqual(['restaurant 1, 2026-03-01 18:00']);
  });

  test('is the override’s where there is one, more or less or without a limit', () => {
    expect(over([booking(1)], [override(0)])).toHaveLength(1);
    expect(over([booking(1), booking(2)], [override(2)])).toEqual([]);
    expect(over([booking(1, { party_size: 500 })], [override(null)])).toEqual([]);
    expect(usage(state([booking(1)], { capacity_overrides: [override(null)] }))).toEqual([]);
  });
});

test('one-booking-per-key refuses two in one restaurant, not in two, and not without a key', () => {
  const two = (more: Row, key: string | null = 'k') =>
    oneBookingPerKey.check!(state([booking(1, { idempotency_key: key }), booking(2, { idempotency_key: key, ...more })]));
  expect(two({})).toHaveLength(1);
  expect(two({ restaurant_id: 2 })).toEqual([]);
  expect(two({}, null)).toEqual([]);
});

test('whole-bookings refuses a booking with fewer covers than guests, and covers of who cancelled', () => {
  const held = (party_size: number, covers: number, status = 'active') =>
    wholeBookings.check!(
      state([booking(1, { party_size, status })], { covers: Array.from({ length: covers }, () => ({ booking_id: 1 })) }),
    );
  expect(held(2, 2)).toEqual([]);
  expect(held(2, 1)).toHaveLength(1);
  expect(held(2, 0, 'cancelled')).toEqual([]);
  expect(held(2, 2, 'cancelled')).toHaveLength(1);
});

test('acknowledged-stands refuses a booking that is not there, or elsewhere', () => {
  expect(broken(acknowledgedStands, none, books(1, state([booking(1)])))).toEqual([]);
  expect(broken(acknowledgedStands, none, books(1, none))).toEqual(['booking 1']);
  expect(broken(acknowledgedStands, none, books(1, state([booking(1, { slot: '20:00' })])))).toEqual(['booking 1']);
  const moved = state([booking(1, { slot: '20:00' })]);
  expect(broken(acknowledgedStands, none, books(1, state([booking(1)])), books(1, moved, 'k1', '20:00'))).toEqual([]);
});

describe('one-answer-per-key', () => {
  const restores = (committed: CommittedState) => step(committed, { operation: 'restore', input: {}, finished: { value: {} } });

  test('refuses another booking for an order that has one, also one from before', () => {
    expect(broken(oneAnswerPerKey, none, books(1, none, 'k'), books(1, none, 'k'))).toEqual([]);
    expect(broken(oneAnswerPerKey, none, books(1, none, 'k'), books(2, none, 'k'))).toEqual(['order 1 k']);
    expect(broken(oneAnswerPerKey, state([booking(1)]), books(2, none, 'k1'))).toEqual(['order 1 k1']);
  });

  test('holds a restore to the keys that it brings back, and to no other', () => {
    expect(broken(oneAnswerPerKey, none, books(1, none, 'k'), restores(none), books(2, none, 'k'))).toEqual([]);
    const without = state([booking(1, { idempotency_key: null })]);
    expect(broken(oneAnswerPerKey, state([booking(1)]), restores(without), books(2, without, 'k1'))).toEqual(['order 1 k1']);
  });
});

test('one-booking-per-order refuses more bookings than orders', () => {
  const two = state([booking(1), booking(2)]);
  expect(broken(oneBookingPerOrder, none, step(two))).toEqual(['bookings']);
  expect(broken(oneBookingPerOrder, none, step(two), step(two, { input: order('k2') }))).toEqual([]);
  expect(broken(oneBookingPerOrder, two, step(two, { operation: 'restore', input: {} }))).toEqual([]);
});

describe('grounded-refusals', () => {
  const refused = (committed: CommittedState, more = {}) =>
    step(committed, {
      input: order('k', more),
      changed: false,
      finished: { value: { rejected: true, code: 'AVAILABILITY_CONFLICT', status: 409, message: '' } },
    });

  test('refuses a refusal where there was always room', () => {
    expect(broken(groundedRefusals, none, refused(none))).toEqual(['alice']);
    expect(broken(groundedRefusals, none, refused(none, { partySize: 2 }))).toEqual([]);
    expect(broken(groundedRefusals, none, refused(none, { slot: '20:00', partySize: 9 }))).toEqual(['alice']);
  });

  test('accepts one where there was none at some time, in that restaurant', () => {
    const full = state([booking(1)]);
    expect(broken(groundedRefusals, full, refused(full))).toEqual([]);
    expect(broken(groundedRefusals, none, step(full), step(none), refused(none))).toEqual([]);
    expect(broken(groundedRefusals, none, step(full), refused(full, { restaurantId: 2 }))).toEqual(['alice']);
  });
});

test('typed-errors refuses an operation that ends with an exception', () => {
  expect(broken(typedErrors, none, step(none, { finished: { error: '25P02' } }))).toEqual(['alice']);
  expect(broken(typedErrors, none, step(none, { finished: { value: { rejected: true } } }))).toEqual([]);
});

test('witnesses see what they are named after', () => {
  const prevented = { type: 'booking.overbook_prevented', restaurant: 1 };
  expect(overbookPrevented.seen(step(none, { events: [prevented] }))).toBe(true);
  expect(overbookPrevented.seen(step(none))).toBe(false);
  expect(keyRefused.seen(step(none, { outcome: 'failed', code: '23505' }))).toBe(true);
  expect(keyRefused.seen(step(none))).toBe(false);
  expect(alternativeOffered.seen(step(none, { finished: { value: { alternatives: ['19:00'] } } }))).toBe(true);
  expect(alternativeOffered.seen(step(none, { finished: { value: { alternatives: [] } } }))).toBe(false);
});
