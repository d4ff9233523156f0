import { cancelBooking } from '../cancel-booking.js';
import { seedWithTwoBookings } from '../first-rows.js';
import { givenBackOnce } from '../monitors.js';
import { doubleCancellation } from '../workloads.js';
import { defineHotel } from './define.js';

export const cancellation = defineHotel({
  name: 'hotel/cancellation',
  description: 'A booking is cancelled once: an UPDATE that names its status, and whose row count is asked.',
  seed: seedWithTwoBookings,
  operations: { cancelBooking: cancelBooking({ attempts: 2 }) },
  workloads: [doubleCancellation],
  monitors: [givenBackOnce],
  requires: ['overlap', 'lock-wait'],
  expect: { 'READ COMMITTED': 'holds', 'REPEATABLE READ': 'holds' },
});
