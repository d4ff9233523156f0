import { defineScenario } from '../../../../src/index.js';
import { bookingInvariants, usage } from '../invariants.js';
import { bookingMonitors } from '../monitors.js';
import { moveBooking } from '../move-booking.js';
import { schema } from '../schema.js';
import { seedWithTwoSlots, swap } from '../swap.js';

export const orderedLocks = defineScenario({
  name: 'restaurant/ordered-locks',
  description: 'Moves a booking from slot to slot under locks on both rules, always taken in the order of the day.',
  schema,
  seed: seedWithTwoSlots,
  operations: { moveBooking: moveBooking({ attempts: 2 }) },
  workloads: [swap],
  invariants: bookingInvariants,
  monitors: bookingMonitors,
  requires: ['overlap', 'lock-wait'],
  usage,
  expect: { 'READ COMMITTED': 'holds' },
});
