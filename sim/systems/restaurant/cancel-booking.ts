import { isRejection, type Operation } from '../../../src/index.js';
import { reject } from '../shared/rejections.js';
import { type RetryOptions, withRetry } from '../shared/retry.js';
import { readCancelBooking } from './requests.js';

/**
 * Gives a booking's covers back: there is no counter, so a cancelled booking is simply not counted, and a second cancellation finds nothing.
 * One statement, which only ever makes room, and so needs neither a lock nor a level. The key stays with the booking: an order that is sent
 * again after its cancellation is not booked anew.
 */
export function cancelBooking({ attempts = 3 }: RetryOptions = {}): Operation {
  return async ({ client }, input: unknown) => {
    const request = readCancelBooking(input);
    if (isRejection(request)) return request;
    const { restaurantId, bookingId } = request;
    return withRetry(attempts, async () => {
      const { rowCount } = await client.query(
        "UPDATE bookings SET status = 'cancelled' WHERE id = $1 AND restaurant_id = $2 AND status = 'active'",
        [bookingId, restaurantId],
      );
      if (rowCount !== 1) return reject('NOT_FOUND', `restaurant ${restaurantId} has no active booking ${bookingId}`);
      return { cancelledBookingId: bookingId, restaurantId };
    });
  };
}
