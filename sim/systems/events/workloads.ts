import { always, integer, type Role, record, type Workload } from '../../../src/index.js';

/** Everybody is the same user: a difference between bookers that no code looks at would only multiply the plans. */
const userId = always(1);
const eventId = always(1);

export function bookers(min: number, max: number): Role {
  return { operation: 'bookSeats', input: record({ userId, eventId, seats: integer(1, 2) }), min, max };
}

/** Cancel the first booking that is made, or find none; two of them give its seats back once. */
const cancellers: Role = { operation: 'cancelBooking', input: always({ userId: 1, eventId: 1, bookingId: 1 }), min: 1, max: 2 };

/** Two or three bookers at once, for one or two seats. */
export const rush: Workload = { name: 'rush', capacity: integer(1, 2), roles: [bookers(2, 3)] };

/** Seats come back while others look for some. */
export const cancellation: Workload = { name: 'cancellation', capacity: integer(1, 2), roles: [bookers(1, 2), cancellers] };

/** A booking before, during and after a backup and a restore. */
export const cycle: Workload = {
  name: 'cycle',
  capacity: integer(1, 2),
  roles: [
    bookers(1, 2),
    { operation: 'backup', input: always({}), name: 'backup' },
    { operation: 'restore', input: always({}), name: 'restore' },
  ],
};
