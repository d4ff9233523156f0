import { typedErrors } from '../../shared/monitors/typed-errors.js';
import { createBooking } from '../create-booking.js';
import { serializable as strategy } from '../strategies.js';
import { pair } from '../workloads.js';
import { defineRental } from './define.js';

export const serializable = defineRental({
  name: 'rental/serializable',
  description: 'Counts and books without a lock at SERIALIZABLE, and runs the whole transaction again on 40001 and 40P01.',
  operations: { createBooking: createBooking(strategy, { attempts: 2 }) },
  workloads: [pair],
  monitors: [typedErrors],
  requires: ['overlap', 'serialization-failure', 'sold-out'],
  // The transactions name their level, so that of the session does not matter.
  expect: { 'READ COMMITTED': 'holds', 'REPEATABLE READ': 'holds' },
});
