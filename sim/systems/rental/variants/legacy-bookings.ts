import { createBooking } from '../create-booking.js';
import { capacity, ledgerWhereThereIsOne, noOrphans } from '../invariants.js';
import { seedWithoutLedger } from '../schema.js';
import { writeLock } from '../strategies.js';
import { besideLegacyBooking } from '../workloads.js';
import { defineRental } from './define.js';

export const legacyBookings = defineRental({
  name: 'rental/legacy-bookings',
  description: 'A booking from before there was a ledger counts by its own dates.',
  seed: seedWithoutLedger,
  operations: { createBooking: createBooking(writeLock, { attempts: 2 }) },
  workloads: [besideLegacyBooking],
  invariants: [capacity, ledgerWhereThereIsOne, noOrphans],
  requires: ['overlap', 'lock-wait', 'sold-out'],
  expect: { 'READ COMMITTED': 'holds', 'REPEATABLE READ': 'holds' },
});
