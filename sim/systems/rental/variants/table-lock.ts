import { createBooking } from '../create-booking.js';
import { tableLock as strategy } from '../strategies.js';
import { meeting, pair } from '../workloads.js';
import { defineRental } from './define.js';

export const tableLock = defineRental({
  name: 'rental/table-lock',
  description:
    'Locks the table of bookings before the first query: slow, and safe at REPEATABLE READ too, since LOCK TABLE takes no snapshot.',
  operations: { createBooking: createBooking(strategy, { attempts: 2 }) },
  workloads: [pair, meeting],
  requires: ['overlap', 'lock-wait', 'sold-out'],
  expect: { 'READ COMMITTED': 'holds', 'REPEATABLE READ': 'holds' },
});
