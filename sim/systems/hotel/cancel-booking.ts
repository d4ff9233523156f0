import { type Client, isRejection, type Operation } from '../../../src/index.js';
import { reject } from '../shared/rejections.js';
import { type RetryOptions, withRetry } from '../shared/retry.js';
import { inTransaction } from '../shared/transaction.js';
import { type HoldRow, holdOf } from './holds.js';
import { changeCounts, lockNights } from './nights.js';
import { type NamedBooking, readNamedBooking, type Stay } from './requests.js';

/** Marks a booking as cancelled; false where there is nothing to cancel. */
export type MarkCancelled = (client: Client, bookingId: number, stay: Stay) => Promise<boolean>;

/** The booking's own status decides, under its row's lock and those of its nights, so of two cancellations one finds nothing to cancel. */
const underLock: MarkCancelled = async (client, bookingId, stay) => {
  await lockNights(client, stay);
  const { rowCount } = await client.query("UPDATE bookings SET status = 'cancelled' WHERE booking_id = $1 AND status = 'confirmed'", [
    bookingId,
  ]);
  return rowCount === 1;
};

/** Cancels a booking and gives its rooms back. Its details stay, to tell what it was. */
export const cancelBooking = (options: RetryOptions = {}): Operation => cancelBookingWith(underLock, options);

export function cancelBookingWith(markCancelled: MarkCancelled, { attempts = 3 }: RetryOptions = {}): Operation {
  return async ({ client }, input: unknown) => {
    const request = readNamedBooking(input);
    if (isRejection(request)) return request;
    const { userId, bookingId } = request;
    return withRetry(attempts, () =>
      inTransaction(client, async () => {
        const stay = await findStay(client, request);
        if (stay === undefined || !(await markCancelled(client, bookingId, stay)))
          return reject('NOT_FOUND', `user ${userId} has no confirmed booking ${bookingId}`);
        await changeCounts(client, stay, { booked: -stay.rooms });
        return { cancelledBookingId: bookingId };
      }),
    );
  };
}

/** The hold that became the booking says who booked what. */
async function findStay(client: Client, { userId, bookingId }: NamedBooking): Promise<Stay | undefined> {
  const { rows } = await client.query<HoldRow>(
    'SELECT h.id, h.room_type_id, h.check_in, h.check_out, h.rooms FROM bookings b JOIN booking_holds h ON h.id = b.hold_id WHERE b.booking_id = $1 AND h.user_id = $2',
    [bookingId, userId],
  );
  return rows[0] && holdOf(rows[0]);
}
