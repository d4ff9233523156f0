import { confirmHoldWith } from '../confirm-hold.js';
import { confirmCounted, holdCounted } from '../counted.js';
import { createHoldWith } from '../create-hold.js';
import { countedSeed } from '../first-rows.js';
import { noActiveHold } from '../holds.js';
import { countedInvariants } from '../invariants.js';
import { withinAllotment } from '../monitors.js';
import { countedSchema } from '../schema.js';
import { lateConfirmation } from '../workloads.js';
import { defineHotel } from './define.js';

/** "Active" is what nobody has written anything else over. That its time is over is written nowhere. */
const ifActive = confirmCounted((request, hold) => (hold?.status === 'active' ? undefined : noActiveHold(request)));

export const confirmExpired = defineHotel({
  name: 'hotel/confirm-expired',
  description: 'Confirms a hold that is active without asking whether it has expired: its room is held by somebody else by then.',
  schema: countedSchema,
  seed: countedSeed,
  operations: { createHold: createHoldWith(holdCounted, { attempts: 2 }), confirmHold: confirmHoldWith(ifActive, { attempts: 2 }) },
  workloads: [lateConfirmation],
  invariants: countedInvariants,
  monitors: [withinAllotment],
  requires: ['overlap', 'tick'],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'confirm without re-checking expiry',
    anomaly: 'overbooking, also without any overlap',
    leastActors: 2,
    seenIn: 'hoangdaochuz/booking#31',
    fix: 'hotel/counted',
  },
});
