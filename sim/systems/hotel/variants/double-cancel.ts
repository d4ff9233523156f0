import { cancelBookingWith, type MarkCancelled } from '../cancel-booking.js';
import { seedWithTwoBookings } from '../first-rows.js';
import { givenBackOnce } from '../monitors.js';
import { doubleCancellation } from '../workloads.js';
import { defineHotel } from './define.js';

/** Looks whether the booking still stands, and changes it whatever it has become since. */
const afterLook: MarkCancelled = async (client, bookingId) => {
  const { rows } = await client.query("SELECT booking_id FROM bookings WHERE booking_id = $1 AND status = 'confirmed'", [bookingId]);
  if (rows.length === 0) return false;
  await client.query("UPDATE bookings SET status = 'cancelled' WHERE booking_id = $1", [bookingId]);
  return true;
};

export const doubleCancel = defineHotel({
  name: 'hotel/double-cancel',
  description:
    "Cancels after a look at the status, without a lock and without a guard in the UPDATE: another guest's room is given back, too.",
  seed: seedWithTwoBookings,
  operations: { cancelBooking: cancelBookingWith(afterLook, { attempts: 2 }) },
  workloads: [doubleCancellation],
  monitors: [givenBackOnce],
  requires: ['overlap', 'lock-wait'],
  // At REPEATABLE READ the second UPDATE finds the booking changed since its snapshot: 40001, and it looks again.
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'holds' },
  zoo: {
    class: 'double cancel',
    anomaly: 'capacity given back twice',
    leastActors: 2,
    seenIn: 'pass-culture/pass-culture-api#2458',
    fix: 'hotel/cancellation',
  },
});
