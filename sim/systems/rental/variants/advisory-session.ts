import { type BookingStrategy, checkedBooking, createBooking } from '../create-booking.js';
import { withoutLock } from '../strategies.js';
import { pair } from '../workloads.js';
import { defineRental } from './define.js';

const counted = checkedBooking(withoutLock);

/** The lock encloses the transaction, and with it the snapshot: it is taken before BEGIN and given back after COMMIT, also after an error. */
const strategy: BookingStrategy = async (client, request) => {
  await client.query('SELECT pg_advisory_lock($1)', [request.packageId]);
  try {
    return await counted(client, request);
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [request.packageId]);
  }
};

export const advisorySession = defineRental({
  name: 'rental/advisory-session',
  description: 'Takes an advisory lock on the package before the transaction and gives it back after the commit.',
  operations: { createBooking: createBooking(strategy, { attempts: 2 }) },
  workloads: [pair],
  // Transactions never overlap here: that is the point.
  requires: ['lock-wait', 'sold-out'],
  expect: { 'READ COMMITTED': 'holds', 'REPEATABLE READ': 'holds' },
});
