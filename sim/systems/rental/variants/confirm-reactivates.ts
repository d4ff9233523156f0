import { inTransaction } from '../../shared/transaction.js';
import { cancelBooking } from '../cancel-booking.js';
import { type Confirmation, confirmBookingWith } from '../confirm-booking.js';
import { createBooking, insertLedgerRows } from '../create-booking.js';
import { seedWithPending } from '../schema.js';
import { ledger } from '../strategies.js';
import { latePayment } from '../workloads.js';
import { defineRental } from './define.js';

interface Paid {
  readonly start_date: string;
  readonly end_date: string;
  readonly quantity: number;
  readonly status: string;
}

/** Paid is paid: what was cancelled meanwhile is put back into the ledger, and nobody asks whether its place is still free. */
const confirmWhatever: Confirmation = (client, { bookingId, packageId, userId }) =>
  inTransaction(client, async () => {
    const { rows } = await client.query<Paid>(
      'SELECT start_date, end_date, quantity, status FROM bookings WHERE id = $1 AND package_id = $2 AND user_id = $3 FOR UPDATE',
      [bookingId, packageId, userId],
    );
    const booking = rows[0];
    if (booking === undefined) return false;
    const { start_date: startDate, end_date: endDate, quantity, status } = booking;
    if (status === 'cancelled') await insertLedgerRows(client, bookingId, { packageId, startDate, endDate, quantity });
    await client.query("UPDATE bookings SET status = 'confirmed' WHERE id = $1", [bookingId]);
    return true;
  });

export const confirmReactivates = defineRental({
  name: 'rental/confirm-reactivates',
  description: 'A payment that comes in late brings a cancelled booking back to life without counting again.',
  seed: seedWithPending,
  operations: {
    createBooking: createBooking(ledger, { attempts: 2 }),
    cancelBooking: cancelBooking({ attempts: 2 }),
    confirmBooking: confirmBookingWith(confirmWhatever, { attempts: 2 }),
  },
  workloads: [latePayment],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'status change that skips the capacity check',
    anomaly: 'overbooking, in some serial order too',
    leastActors: 3,
    seenIn: 'calcom/cal.diy#29966, #29968',
    fix: 'rental/late-payment',
  },
});
