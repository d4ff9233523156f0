import { type Cancellation, cancelBookingWith, deleteLedgerRows } from '../cancel-booking.js';
import { cancelledOnce } from '../invariants.js';
import { seedWithPending } from '../schema.js';
import { doubleCancellation } from '../workloads.js';
import { defineRental } from './define.js';

/** Looks whether the booking is still active, and changes it whatever it has become since. */
const cancelAfterLook: Cancellation = async (client, request) => {
  const { bookingId, packageId, userId } = request;
  const { rows } = await client.query(
    "SELECT id FROM bookings WHERE id = $1 AND package_id = $2 AND user_id = $3 AND status <> 'cancelled'",
    [bookingId, packageId, userId],
  );
  if (rows.length === 0) return false;
  await client.query("UPDATE bookings SET status = 'cancelled' WHERE id = $1", [bookingId]);
  await deleteLedgerRows(client, request);
  return true;
};

export const doubleCancel = defineRental({
  name: 'rental/double-cancel',
  description:
    'Looks at the status before cancelling, without a lock and without a guard in the UPDATE: two cancel, and two are paid back.',
  seed: seedWithPending,
  operations: { cancelBooking: cancelBookingWith(cancelAfterLook, { attempts: 2 }) },
  workloads: [doubleCancellation],
  monitors: [cancelledOnce],
  requires: ['overlap', 'lock-wait'],
  // At REPEATABLE READ the second UPDATE finds the row changed since its snapshot: 40001, and it looks again.
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'holds' },
  zoo: {
    class: 'double cancel',
    anomaly: 'done twice: both were told that they cancelled',
    leastActors: 2,
    seenIn: 'pass-culture/pass-culture-api#2458',
    fix: 'rental/late-payment',
  },
});
