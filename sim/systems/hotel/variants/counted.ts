import { confirmHoldWith } from '../confirm-hold.js';
import { confirmCounted, holdCounted, ifNotExpired } from '../counted.js';
import { createHoldWith } from '../create-hold.js';
import { countedSeed } from '../first-rows.js';
import { countedInvariants } from '../invariants.js';
import { withinAllotment } from '../monitors.js';
import { countedSchema } from '../schema.js';
import { expiredHold } from '../witnesses.js';
import { lateConfirmation } from '../workloads.js';
import { defineHotel } from './define.js';

export const counted = defineHotel({
  name: 'hotel/counted',
  description:
    'No counts and no sweeper: holds that have not expired are counted under the locks of the nights, and no other is confirmed.',
  schema: countedSchema,
  seed: countedSeed,
  operations: {
    createHold: createHoldWith(holdCounted, { attempts: 2 }),
    confirmHold: confirmHoldWith(confirmCounted(ifNotExpired), { attempts: 2 }),
  },
  workloads: [lateConfirmation],
  invariants: countedInvariants,
  monitors: [withinAllotment],
  witnesses: [expiredHold],
  requires: ['overlap', 'lock-wait', 'sold-out', 'tick', expiredHold.name],
  // At REPEATABLE READ the snapshot is older than the lock, and nothing changes the locked row: the booking of a hold that expired while
  // it was confirmed is not seen.
  expect: { 'READ COMMITTED': 'holds', 'REPEATABLE READ': 'violated' },
});
