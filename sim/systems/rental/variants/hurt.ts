import { always } from '../../../../src/index.js';
import { hurtWorkloads } from '../../shared/hurt.js';
import { acknowledgedStands } from '../../shared/monitors/acknowledged-stands.js';
import { idIn } from '../../shared/monitors/cycle.js';
import { typedErrors } from '../../shared/monitors/typed-errors.js';
import { createBooking } from '../create-booking.js';
import { ledger as strategy } from '../strategies.js';
import { bookers } from '../workloads.js';
import { defineRental } from './define.js';

export const hurt = defineRental({
  name: 'rental/hurt',
  description: 'Two bookers of the last day while sessions end, statements are given up, processes die, and the server crashes.',
  operations: { createBooking: createBooking(strategy, { attempts: 2 }) },
  workloads: hurtWorkloads('pair', always(1), [bookers({ min: 2 })]),
  monitors: [acknowledgedStands({ table: 'bookings', column: 'id' }, idIn('bookingId')), typedErrors],
  requires: ['overlap', 'lock-wait', 'sold-out', 'fault'],
  expect: { 'READ COMMITTED': 'holds' },
});
