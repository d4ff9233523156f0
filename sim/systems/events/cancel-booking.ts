import { isRejection, type Operation } from '../../../src/index.js';
import { reject } from '../shared/rejections.js';
import { type RetryOptions, withRetry } from '../shared/retry.js';
import { inTransaction } from '../shared/transaction.js';
import { unknownEvent } from './book-seats.js';
import { readCancelBooking } from './requests.js';

/**
 * Gives a booking's seats back, once: the booking's own status decides, under its row's lock, so of two cancellations one finds
 * nothing to cancel.
 *
 * The event's row is locked first although it is changed last. Bookings take events before bookings, a restore locks the tables
 * in that order too, and an operation that came from the other side could deadlock with them.
 */
export function cancelBooking({ attempts = 3 }: RetryOptions = {}): Operation {
  return async ({ client }, input: unknown) => {
    const request = readCancelBooking(input);
    if (isRejection(request)) return request;
    const { userId, eventId, bookingId } = request;
    return withRetry(attempts, () =>
      inTransaction(client, async () => {
        const event = await client.query('SELECT id FROM events WHERE id = $1 FOR UPDATE', [eventId]);
        if (event.rows.length === 0) return unknownEvent(eventId);
        const { rows } = await client.query<{ seats: number }>(
          "UPDATE bookings SET status = 'cancelled' WHERE id = $1 AND event_id = $2 AND user_id = $3 AND status = 'active' RETURNING seats",
          [bookingId, eventId, userId],
        );
        const booking = rows[0];
        if (booking === undefined) return reject('NOT_FOUND', `user ${userId} has no active booking ${bookingId} for event ${eventId}`);
        await client.query('UPDATE events SET available_seats = available_seats + $2, version = version + 1 WHERE id = $1', [
          eventId,
          booking.seats,
        ]);
        return { cancelledBookingId: bookingId, eventId, seats: booking.seats };
      }),
    );
  };
}
