import { acknowledgedStatus } from '../../shared/monitors/acknowledged-status.js';
import { cancelBooking } from '../cancel-booking.js';
import { confirmBooking } from '../confirm-booking.js';
import { createBooking } from '../create-booking.js';
import { cancelledOnce } from '../invariants.js';
import { seedWithPending } from '../schema.js';
import { ledger } from '../strategies.js';
import { doubleCancellation, latePayment as workload } from '../workloads.js';
import { defineRental } from './define.js';

export const latePayment = defineRental({
  name: 'rental/late-payment',
  description:
    'Confirms what is still pending and cancels what is not cancelled yet, each decided under the lock of the row that it changes.',
  seed: seedWithPending,
  operations: {
    createBooking: createBooking(ledger, { attempts: 2 }),
    cancelBooking: cancelBooking({ attempts: 2 }),
    confirmBooking: confirmBooking({ attempts: 2 }),
  },
  workloads: [workload, doubleCancellation],
  monitors: [cancelledOnce, acknowledgedStatus('confirmedBookingId', 'confirmed')],
  requires: ['overlap', 'lock-wait', 'sold-out'],
  // There is one booker, and an old snapshot shows it less room than there is.
  expect: { 'READ COMMITTED': 'holds', 'REPEATABLE READ': 'holds' },
});
