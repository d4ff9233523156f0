import { createBooking } from '../create-booking.js';
import { noKeyUpdate as strategy } from '../strategies.js';
import { meeting, pair } from '../workloads.js';
import { defineRental } from './define.js';

export const noKeyUpdate = defineRental({
  name: 'rental/no-key-update',
  description: "Locks the package's row FOR NO KEY UPDATE, which is lock enough: bookers exclude each other, foreign keys are let through.",
  operations: { createBooking: createBooking(strategy, { attempts: 2 }) },
  workloads: [pair, meeting],
  requires: ['overlap', 'lock-wait', 'sold-out'],
  expect: { 'READ COMMITTED': 'holds', 'REPEATABLE READ': 'violated' },
});
