import { type Client, isRejection, type Operation } from '../../../src/index.js';
import { reject } from '../shared/rejections.js';
import { type RetryOptions, withRetry } from '../shared/retry.js';
import { inTransaction } from '../shared/transaction.js';
import { type NamedBooking, readNamedBooking } from './requests.js';

/** The part of a cancellation that happens in one transaction; false where there is nothing to cancel. */
export type Cancellation = (client: Client, request: NamedBooking) => Promise<boolean>;

/** The booking's own status decides, under its row's lock, so of two cancellations one finds nothing to cancel. */
export const markCancelled: Cancellation = async (client, { bookingId, packageId, userId }) => {
  const { rowCount } = await client.query(
    "UPDATE bookings SET status = 'cancelled' WHERE id = $1 AND package_id = $2 AND user_id = $3 AND status <> 'cancelled'",
    [bookingId, packageId, userId],
  );
  return rowCount === 1;
};

export async function deleteLedgerRows(client: Client, { bookingId }: NamedBooking): Promise<void> {
  await client.query('DELETE FROM equipment_availability WHERE booking_id = $1', [bookingId]);
}

const cancelWithLedger: Cancellation = async (client, request) => {
  if (!(await markCancelled(client, request))) return false;
  await deleteLedgerRows(client, request);
  return true;
};

/**
 * Cancels a booking and takes it out of the ledger, in one transaction. No lock of the package: that there is more room than somebody
 * counted harms nobody.
 */
export const cancelBooking = (options: RetryOptions = {}): Operation => cancelBookingWith(cancelWithLedger, options);

export function cancelBookingWith(cancel: Cancellation, { attempts = 3 }: RetryOptions = {}): Operation {
  return async ({ client }, input: unknown) => {
    const request = readNamedBooking(input);
    if (isRejection(request)) return request;
    const { userId, packageId, bookingId } = request;
    return withRetry(attempts, () =>
      inTransaction(client, async () =>
        (await cancel(client, request))
          ? { cancelledBookingId: bookingId, packageId }
          : reject('NOT_FOUND', `user ${userId} has no active booking ${bookingId} of package ${packageId}`),
      ),
    );
  };
}
