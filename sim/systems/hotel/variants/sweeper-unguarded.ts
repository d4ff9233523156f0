import { confirmHold } from '../confirm-hold.js';
import { type Expiry, expireHoldsWith } from '../expire-holds.js';
import { seedWithTwoHolds } from '../first-rows.js';
import { changeCounts, lockNights } from '../nights.js';
import { expiry } from '../workloads.js';
import { defineHotel } from './define.js';

/** The list said that the hold is active, and that was before the lock. */
const asListed: Expiry = async (client, hold) => {
  await lockNights(client, hold);
  await client.query("UPDATE booking_holds SET status = 'expired' WHERE id = $1", [hold.id]);
  await changeCounts(client, hold, { tentative: -hold.rooms });
  return true;
};

export const sweeperUnguarded = defineHotel({
  name: 'hotel/sweeper-unguarded',
  description:
    'The sweeper ends every hold of its list without a look at what has become of it: one that is confirmed meanwhile loses its room.',
  seed: seedWithTwoHolds,
  operations: { confirmHold: confirmHold({ attempts: 2 }), expireHolds: expireHoldsWith(asListed, { attempts: 2 }) },
  workloads: [expiry],
  requires: ['overlap', 'tick'],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'sweeper without a status guard',
    anomaly: 'a booking whose hold has expired, and a count that is too low',
    leastActors: 2,
    seenIn: 'hoangdaochuz/booking#31',
    fix: 'hotel/holds',
  },
});
