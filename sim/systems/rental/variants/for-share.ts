import { capacityBy, checkedBooking, createBooking } from '../create-booking.js';
import { pair } from '../workloads.js';
import { defineRental } from './define.js';

/** A lock that two may hold. Nobody changes the row afterwards, so there is no deadlock to come to the rescue either. */
const strategy = checkedBooking(capacityBy('SELECT capacity FROM packages WHERE id = $1 FOR SHARE'));

export const forShare = defineRental({
  name: 'rental/for-share',
  description: "Locks the package's row FOR SHARE, which two may hold, before counting.",
  operations: { createBooking: createBooking(strategy, { attempts: 2 }) },
  workloads: [pair],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'FOR SHARE instead of FOR UPDATE',
    anomaly: 'write skew',
    leastActors: 2,
    seenIn: 'PostgreSQL, README.tuplock',
    fix: 'rental/no-key-update',
  },
});
