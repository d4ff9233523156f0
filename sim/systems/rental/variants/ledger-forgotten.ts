import { cancelBookingWith, markCancelled } from '../cancel-booking.js';
import { createBooking } from '../create-booking.js';
import { ledger } from '../strategies.js';
import { cancellation } from '../workloads.js';
import { defineRental } from './define.js';

export const ledgerForgotten = defineRental({
  name: 'rental/ledger-forgotten',
  description: 'A cancellation changes the status and leaves the ledger rows where they are.',
  operations: {
    createBooking: createBooking(ledger, { attempts: 2 }),
    cancelBooking: cancelBookingWith(markCancelled, { attempts: 2 }),
  },
  workloads: [cancellation],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'derived rows forgotten on cancel',
    anomaly: 'ledger and bookings disagree',
    leastActors: 2,
    seenIn: 'InternHack#2719',
    fix: 'rental/late-payment',
  },
});
