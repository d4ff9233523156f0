import { inTransaction } from '../../shared/transaction.js';
import { seedWithTwoHolds } from '../first-rows.js';
import { findHold, holdOf, noActiveHold } from '../holds.js';
import { givenBackOnce } from '../monitors.js';
import { changeCounts } from '../nights.js';
import { type Release, releaseHoldWith } from '../release-hold.js';
import { doubleRelease as workload } from '../workloads.js';
import { defineHotel } from './define.js';

/** Both find it active, and both give its room back. Where nobody else holds one, CHECK (tentative_count >= 0) hides it. */
const afterLook: Release = (client, request) =>
  inTransaction(client, async () => {
    const found = await findHold(client, request);
    if (found?.status !== 'active') return noActiveHold(request);
    await client.query("UPDATE booking_holds SET status = 'released' WHERE id = $1", [found.id]);
    await changeCounts(client, holdOf(found), { tentative: -found.rooms });
    return { releasedHoldId: found.id };
  });

export const doubleRelease = defineHotel({
  name: 'hotel/double-release',
  description: 'Releases after a look at the status, without a lock and without a guard in the UPDATE: the room is given back twice.',
  seed: seedWithTwoHolds,
  operations: { releaseHold: releaseHoldWith(afterLook, { attempts: 2 }) },
  workloads: [workload],
  monitors: [givenBackOnce],
  requires: ['overlap', 'lock-wait'],
  // At REPEATABLE READ the second UPDATE finds the hold changed since its snapshot: 40001, and it looks again.
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'holds' },
  zoo: {
    class: 'double release',
    anomaly: "capacity given back twice: somebody else's hold counts no more",
    leastActors: 2,
    seenIn: 'pass-culture/pass-culture-api#2458',
    fix: 'hotel/ends-of-holds',
  },
});
