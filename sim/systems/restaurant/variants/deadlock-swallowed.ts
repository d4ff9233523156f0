import { defineScenario, isRejection, type Operation } from '../../../../src/index.js';
import { isTransient } from '../../shared/database-errors.js';
import { withRetry } from '../../shared/retry.js';
import { bookingInvariants, usage } from '../invariants.js';
import { bookingMonitors } from '../monitors.js';
import { type LockOrder, moveUnderLocks } from '../move-booking.js';
import { readMoveBooking } from '../requests.js';
import { schema } from '../schema.js';
import { seedWithTwoSlots, swap } from '../swap.js';

/** The slot that is wanted first: two who want each other's wait for each other. */
const wantedFirst: LockOrder = (from, to) => [to, from];

/** Of two who deadlock one is thrown out. That is taken for a hiccup of the database, and the guest is told what was asked for. */
const move: Operation = async ({ client, clock }, input: unknown) => {
  const request = readMoveBooking(clock, input);
  if (isRejection(request)) return request;
  return withRetry(2, async () => {
    try {
      return await moveUnderLocks(client, request, wantedFirst);
    } catch (error) {
      if (!isTransient(error)) throw error;
      const { bookingId, restaurantId, date, slot } = request;
      return { bookingId, restaurantId, date, slot };
    }
  });
};

export const deadlockSwallowed = defineScenario({
  name: 'restaurant/deadlock-swallowed',
  description: 'Moves a booking under locks on both rules, the wanted slot first, and swallows the deadlock.',
  schema,
  seed: seedWithTwoSlots,
  operations: { moveBooking: move },
  workloads: [swap],
  invariants: bookingInvariants,
  monitors: bookingMonitors,
  requires: ['overlap', 'lock-wait', 'deadlock'],
  usage,
  zoo: {
    class: 'locks in inconsistent order, the deadlock swallowed',
    anomaly: 'an acknowledged change that was rolled back',
    leastActors: 2,
    seenIn: 'neveroversell, design notes',
    fix: 'restaurant/ordered-locks',
  },
  expect: { 'READ COMMITTED': 'violated' },
});
