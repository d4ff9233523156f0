import { createBooking } from '../create-booking.js';
import { advisoryTransactionLock } from '../strategies.js';
import { meeting, pair } from '../workloads.js';
import { defineRental } from './define.js';

export const advisoryXact = defineRental({
  name: 'rental/advisory-xact',
  description: 'Takes an advisory lock on the package, which ends with the transaction, before counting.',
  operations: { createBooking: createBooking(advisoryTransactionLock, { attempts: 2 }) },
  workloads: [pair, meeting],
  requires: ['overlap', 'lock-wait', 'sold-out'],
  // The SELECT that takes the lock takes the snapshot first.
  expect: { 'READ COMMITTED': 'holds', 'REPEATABLE READ': 'violated' },
});
