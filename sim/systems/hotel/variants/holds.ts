import { confirmHold } from '../confirm-hold.js';
import { createHold } from '../create-hold.js';
import { expireHolds } from '../expire-holds.js';
import { seedWithHold } from '../first-rows.js';
import { acknowledgedHolds, sweptClean } from '../monitors.js';
import { expiredHold, sweptHold } from '../witnesses.js';
import { expiry, sweep } from '../workloads.js';
import { defineHotel } from './define.js';

export const holds = defineHotel({
  name: 'hotel/holds',
  description: 'A hold is confirmed or swept, decided under the locks of its nights; a room that was swept is held again.',
  seed: seedWithHold,
  operations: {
    createHold: createHold({ attempts: 2 }),
    confirmHold: confirmHold({ attempts: 2 }),
    expireHolds: expireHolds({ attempts: 2 }),
  },
  workloads: [expiry, sweep],
  monitors: [sweptClean, acknowledgedHolds],
  witnesses: [expiredHold, sweptHold],
  requires: ['overlap', 'lock-wait', 'sold-out', 'tick', expiredHold.name, sweptHold.name],
  expect: { 'READ COMMITTED': 'holds', 'REPEATABLE READ': 'holds' },
});
