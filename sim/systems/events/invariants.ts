import type { CommittedState, Invariant, Usage, Violation } from '../../../src/index.js';

interface Event {
  readonly id: number;
  readonly total_seats: number;
  readonly available_seats: number;
}

interface Booking {
  readonly id: number;
  readonly event_id: number;
  readonly seats: number;
  readonly status: string;
}

const eventsOf = ({ tables }: CommittedState) => (tables.events ?? []) as unknown as readonly Event[];
const bookingsOf = ({ tables }: CommittedState) => (tables.bookings ?? []) as unknown as readonly Booking[];

function activeSeats(state: CommittedState, eventId: number): number {
  return bookingsOf(state).reduce(
    (sum, { event_id, seats, status }) => (event_id === eventId && status === 'active' ? sum + seats : sum),
    0,
  );
}

/** Seats taken by active bookings against seats there are, event by event. */
export function usage(state: CommittedState): readonly Usage[] {
  return eventsOf(state).map(({ id, total_seats }) => ({
    resource: `event ${id}`,
    used: activeSeats(state, id),
    capacity: total_seats,
  }));
}

/** No event has sold more seats than it has. */
export const capacity: Invariant = {
  name: 'capacity',
  check: (state) =>
    usage(state)
      .filter(({ used, capacity }) => used > capacity)
      .map(({ resource, used, capacity }) => ({ resource, message: `usage ${used} > capacity ${capacity}`, usage: used, capacity })),
};

/** The counter says what the bookings say. */
export const counter: Invariant = {
  name: 'counter',
  check: (state) =>
    eventsOf(state).flatMap(({ id, total_seats, available_seats }): readonly Violation[] => {
      const used = activeSeats(state, id);
      if (available_seats === total_seats - used) return [];
      const message = `available_seats is ${available_seats}, but ${total_seats} seats less ${used} booked make ${total_seats - used}`;
      return [{ resource: `event ${id}`, message, usage: used, capacity: total_seats }];
    }),
};

/** The CHECK constraint promises as much; this holds the harness and the restore to it. */
export const nonNegative: Invariant = {
  name: 'non-negative',
  check: (state) =>
    eventsOf(state)
      .filter(({ available_seats }) => available_seats < 0)
      .map(({ id, available_seats }) => ({ resource: `event ${id}`, message: `available_seats is ${available_seats}` })),
};

/** Every booking is for an event that exists: capacity alone would not see a booking for none. */
export const noOrphans: Invariant = {
  name: 'no-orphans',
  check: (state) => {
    const events = new Set(eventsOf(state).map(({ id }) => id));
    return bookingsOf(state)
      .filter(({ event_id }) => !events.has(event_id))
      .map(({ id, event_id }) => ({ resource: `booking ${id}`, message: `is for event ${event_id}, which does not exist` }));
  },
};

/** For schemas with a counter. */
export const counterInvariants: readonly Invariant[] = [capacity, counter, nonNegative];
