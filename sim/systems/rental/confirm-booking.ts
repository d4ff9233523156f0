import { type Client, isRejection, type Operation } from '../../../src/index.js';
import { reject } from '../shared/rejections.js';
import { type RetryOptions, withRetry } from '../shared/retry.js';
import { type NamedBooking, readNamedBooking } from './requests.js';

/** One attempt to confirm; false where there is nothing to confirm. */
export type Confirmation = (client: Client, request: NamedBooking) => Promise<boolean>;

/**
 * One statement, which looks at the status and changes it under the booking's row lock. Only a pending booking can be confirmed: it has
 * held its place in the ledger since it was made. One that was cancelled has given it back, and perhaps somebody else has it now.
 */
const confirmPending: Confirmation = async (client, { bookingId, packageId, userId }) => {
  const { rowCount } = await client.query(
    "UPDATE bookings SET status = 'confirmed' WHERE id = $1 AND package_id = $2 AND user_id = $3 AND status = 'pending'",
    [bookingId, packageId, userId],
  );
  return rowCount === 1;
};

/** After the payment. */
export const confirmBooking = (options: RetryOptions = {}): Operation => confirmBookingWith(confirmPending, options);

export function confirmBookingWith(confirm: Confirmation, { attempts = 3 }: RetryOptions = {}): Operation {
  return async ({ client }, input: unknown) => {
    const request = readNamedBooking(input);
    if (isRejection(request)) return request;
    const { userId, packageId, bookingId } = request;
    return withRetry(attempts, async () =>
      (await confirm(client, request))
        ? { confirmedBookingId: bookingId, packageId }
        : reject('NOT_FOUND', `user ${userId} has no pending booking ${bookingId} of package ${packageId}`),
    );
  };
}
