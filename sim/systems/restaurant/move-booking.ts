import { type Client, isRejection, type Operation, type Rejection } from '../../../src/index.js';
import { reject } from '../shared/rejections.js';
import { type RetryOptions, stale, withRetry } from '../shared/retry.js';
import { inTransaction } from '../shared/transaction.js';
import { refusal, unknownSlot } from './capacity.js';
import { readDay } from './day.js';
import { lockRule } from './locks.js';
import { type MoveBooking, readMoveBooking } from './requests.js';

export interface Moved {
  readonly bookingId: number;
  readonly restaurantId: number;
  readonly date: string;
  readonly slot: string;
  readonly partySize: number;
}

/** In which order two slots are locked. */
export type LockOrder = (from: string, to: string) => readonly string[];

/** One order for everybody, or two who move between the same slots wait for each other. */
export const bySlot: LockOrder = (from, to) => [...new Set([from, to])].sort();

/** Moves a booking to another sitting of its restaurant, if there is room; it stays where it is otherwise. */
export function moveBooking({ attempts = 3 }: RetryOptions = {}): Operation {
  return async ({ client, clock }, input: unknown) => {
    const request = readMoveBooking(clock, input);
    if (isRejection(request)) return request;
    return withRetry(attempts, () => moveUnderLocks(client, request, bySlot));
  };
}

interface BookingRow {
  readonly date: string;
  readonly slot: string;
  readonly party_size: number;
}

/** One attempt, its transaction included. What was read before the locks is written only if it is still so. */
export function moveUnderLocks(client: Client, request: MoveBooking, order: LockOrder): Promise<Moved | Rejection | typeof stale> {
  return inTransaction(client, async () => {
    const { bookingId, restaurantId, date, slot } = request;
    const { rows } = await client.query<BookingRow>(
      "SELECT date, slot, party_size FROM bookings WHERE id = $1 AND restaurant_id = $2 AND status = 'active'",
      [bookingId, restaurantId],
    );
    const booking = rows[0];
    if (booking === undefined) return reject('NOT_FOUND', `restaurant ${restaurantId} has no active booking ${bookingId}`);
    const partySize = booking.party_size;
    if (booking.date === date && booking.slot === slot) return { bookingId, restaurantId, date, slot, partySize };
    for (const locked of order(booking.slot, slot)) if (!(await lockRule(client, restaurantId, locked))) return unknownSlot(request);
    const refused = refusal(await readDay(client, restaurantId, date), request, partySize);
    if (refused !== undefined) return refused;
    const { rowCount } = await client.query(
      "UPDATE bookings SET date = $3, slot = $4 WHERE id = $1 AND restaurant_id = $2 AND date = $5 AND slot = $6 AND status = 'active'",
      [bookingId, restaurantId, date, slot, booking.date, booking.slot],
    );
    return rowCount === 1 ? { bookingId, restaurantId, date, slot, partySize } : stale;
  });
}
