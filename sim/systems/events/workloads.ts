import { always, integer, type Role, record, type Workload } from '../../../src/index.js';

/** Everybody is the same user: a difference between bookers that no code looks at would only multiply the plans. */
const userId = always(1);
const eventId = always(1);

export function bookers(min: number, max: number, seats = always(1)): Role {
  return { operation: 'bookSeats', input: record({ userId, eventId, seats }), min, max };
}

/** Cancel the first booking that is made, or find none; two of them give its seats back once. */
function cancellers(min: number, max: number): Role {
  return { operation: 'cancelBooking', input: always({ userId: 1, eventId: 1, bookingId: 1 }), min, max };
}

/** Two bookers at once, of one seat or two, for one seat or two. */
export const pair: Workload = { name: 'pair', capacity: integer(1, 2), roles: [bookers(2, 2, integer(1, 2))] };

/** Three bookers of one seat each: more than there are. */
export const trio: Workload = { name: 'trio', capacity: integer(1, 2), roles: [bookers(3, 3)] };

/** Seats come back while others look for some. */
export const cancellation: Workload = { name: 'cancellation', capacity: always(1), roles: [bookers(1, 2), cancellers(1, 1)] };

/** Two cancel the same booking. */
export const doubleCancellation: Workload = { name: 'double-cancellation', capacity: always(1), roles: [bookers(1, 1), cancellers(2, 2)] };

const visitors = (count: number): Role => ({ operation: 'viewEvent', input: record({ eventId }), min: count, max: count });

/** Two visitors look at an event while its last seat is booked; the cache may go down. */
export const visit: Workload = {
  name: 'visit',
  capacity: always(1),
  roles: [bookers(1, 1), visitors(2)],
  faults: [{ kind: 'cache-down' }],
};

/** Two bookers of the last seat, and one who looks. */
export const lastSeatInView: Workload = { name: 'last-seat-in-view', capacity: always(1), roles: [bookers(2, 2), visitors(1)] };

/** A booking before, during and after a backup and a restore. */
export const cycle: Workload = {
  name: 'cycle',
  capacity: integer(1, 2),
  roles: [
    bookers(1, 1),
    { operation: 'backup', input: always({}), name: 'backup' },
    { operation: 'restore', input: always({}), name: 'restore' },
  ],
};
