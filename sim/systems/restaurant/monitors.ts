import { type CommittedState, isRejection, type Monitor, type StepEvent } from '../../../src/index.js';
import { succeeded, withElement, withEntry } from '../shared/monitors/cycle.js';
import { typedErrors } from '../shared/monitors/typed-errors.js';
import type { Booked } from './bookings.js';
import { sittingName } from './events.js';
import { bookingsOf, capacityOf, coversBySitting, sittingOf, wholeBookings } from './invariants.js';
import type { BookTable } from './requests.js';

/** The booking that this step told its caller of. */
function acknowledged(event: StepEvent): Pick<Booked, 'bookingId' | 'restaurantId' | 'date' | 'slot'> | null {
  const value = succeeded(event)?.value as Partial<Booked> | null | undefined;
  return typeof value?.bookingId === 'number' ? (value as Booked) : null;
}

/** The order that this step belongs to, by restaurant and key; null for operations without one. */
function orderOf({ input }: StepEvent): string | null {
  const { restaurantId, idempotencyKey } = input as Partial<BookTable>;
  return idempotencyKey === undefined ? null : `${restaurantId} ${idempotencyKey}`;
}

/** By booking id: the sitting that its guest was told last. */
type Told = Readonly<Record<string, string>>;

/** What was acknowledged is there, in the sitting that was acknowledged. Not for restores, which take newer bookings away by nature. */
export const acknowledgedStands: Monitor = {
  name: 'acknowledged-stands',
  initial: (): Told => ({}),
  observe: (told: Told, event): Told => {
    const booking = acknowledged(event);
    return booking === null ? told : withEntry(told, String(booking.bookingId), sittingName(booking));
  },
  violations: (told: Told, committed) => {
    const there = new Map(bookingsOf(committed).map((booking) => [String(booking.id), sittingName(sittingOf(booking))]));
    return Object.entries(told)
      .filter(([id, sitting]) => there.get(id) !== sitting)
      .map(([id, sitting]) => ({
        resource: `booking ${id}`,
        message: `was acknowledged for ${sitting}, and ${there.has(id) ? `is in ${there.get(id)}` : 'is not there'}`,
      }));
  },
};

interface Answers {
  /** By order: the booking that answered it. */
  readonly answers: Readonly<Record<string, number>>;
  readonly differing: readonly string[];
}

/**
 * An order is answered with the same booking however often it is sent. After a restore that holds for the bookings that it brought back: the
 * others are gone, and their orders may be placed again.
 */
export const oneAnswerPerKey: Monitor = {
  name: 'one-answer-per-key',
  initial: (committed): Answers => ({ answers: keysOf(committed), differing: [] }),
  observe: (state: Answers, event): Answers => {
    if (event.operation === 'restore' && succeeded(event) !== null) {
      const there = new Set(bookingsOf(event.committed).map(({ id }) => id));
      const kept = Object.entries(state.answers).filter(([, id]) => there.has(id));
      return { ...state, answers: { ...Object.fromEntries(kept), ...keysOf(event.committed) } };
    }
    const booking = acknowledged(event);
    const order = orderOf(event);
    if (booking === null || order === null) return state;
    const answer = state.answers[order];
    if (answer === undefined) return { ...state, answers: withEntry(state.answers, order, booking.bookingId) };
    return answer === booking.bookingId ? state : { ...state, differing: withElement(state.differing, order) };
  },
  violations: ({ differing }: Answers) =>
    differing.map((order) => ({ resource: `order ${order}`, message: 'was answered with one booking and then with another' })),
};

function keysOf(state: CommittedState): Record<string, number> {
  return bookingsOf(state).reduce<Record<string, number>>(
    (keys, { restaurant_id, idempotency_key, id }) =>
      idempotency_key === null ? keys : withEntry(keys, `${restaurant_id} ${idempotency_key}`, id),
    {},
  );
}

interface Orders {
  readonly before: number;
  readonly orders: readonly string[];
}

/** Nobody has more bookings than orders. Told by the orders that were begun, whatever keys the code gave them. */
export const oneBookingPerOrder: Monitor = {
  name: 'one-booking-per-order',
  initial: (committed): Orders => ({ before: bookingsOf(committed).length, orders: Object.keys(keysOf(committed)) }),
  observe: (state: Orders, event): Orders => {
    const order = orderOf(event);
    return order === null ? state : { ...state, orders: withElement(state.orders, order) };
  },
  violations: ({ before, orders }: Orders, committed) => {
    const allowed = Math.max(before, orders.length);
    const bookings = bookingsOf(committed).length;
    return bookings <= allowed ? [] : [{ resource: 'bookings', message: `${bookings} of them for ${allowed} orders` }];
  },
};

/** A booking whose guest has come to an end, or has died, holds the covers that it should. */
export const wholeInTheEnd: Monitor = {
  name: 'whole-in-the-end',
  initial: (): readonly string[] => [],
  observe: (ended: readonly string[], event): readonly string[] => {
    const order = orderOf(event);
    return order !== null && (event.finished !== null || event.kind === 'dies') ? withElement(ended, order) : ended;
  },
  violations: (ended: readonly string[], committed) => {
    const ids = keysOf(committed);
    const over = new Set(ended.map((order) => `booking ${ids[order]}`));
    return wholeBookings.check!(committed).filter(({ resource }) => over.has(resource));
  },
};

interface Refusals {
  /** By sitting: the most covers that were ever booked. */
  readonly most: Readonly<Record<string, number>>;
  readonly groundless: readonly string[];
}

const mostCovers = (most: Refusals['most'], state: CommittedState): Refusals['most'] =>
  [...coversBySitting(state)].reduce((all, [name, { covers }]) => (covers > (all[name] ?? 0) ? withEntry(all, name, covers) : all), most);

/** Nobody is told that a sitting is full which at no time was: one restaurant's bookings never turn another's guests away. */
export const groundedRefusals: Monitor = {
  name: 'grounded-refusals',
  initial: (committed): Refusals => ({ most: mostCovers({}, committed), groundless: [] }),
  observe: (state: Refusals, event): Refusals => {
    const most = event.changed ? mostCovers(state.most, event.committed) : state.most;
    const { partySize, ...sitting } = event.input as BookTable;
    const value = event.finished !== null && 'value' in event.finished ? event.finished.value : null;
    if (partySize === undefined || !isRejection(value) || value.code !== 'AVAILABILITY_CONFLICT') return { ...state, most };
    const limit = capacityOf(event.committed, sitting);
    const wasFull = limit !== null && (most[sittingName(sitting)] ?? 0) + partySize > limit;
    return { most, groundless: wasFull ? state.groundless : withElement(state.groundless, event.actor) };
  },
  violations: ({ groundless }: Refusals) =>
    groundless.map((actor) => ({ resource: actor, message: 'was told that a sitting is full which never was' })),
};

/** What every variant without a restore is held to. */
export const bookingMonitors: readonly Monitor[] = [acknowledgedStands, oneAnswerPerKey, groundedRefusals, typedErrors];
