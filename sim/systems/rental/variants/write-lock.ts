import { createBooking } from '../create-booking.js';
import { writeLock as strategy } from '../strategies.js';
import { meeting, pair } from '../workloads.js';
import { defineRental } from './define.js';

export const writeLock = defineRental({
  name: 'rental/write-lock',
  description: "Locks the package's row by updating it to what it is: safe at REPEATABLE READ too, where whoever waited fails with 40001.",
  operations: { createBooking: createBooking(strategy, { attempts: 2 }) },
  workloads: [pair, meeting],
  requires: ['overlap', 'lock-wait', 'sold-out'],
  expect: { 'READ COMMITTED': 'holds', 'REPEATABLE READ': 'holds' },
});
