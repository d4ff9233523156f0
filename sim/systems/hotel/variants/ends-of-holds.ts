import { confirmHold } from '../confirm-hold.js';
import { seedWithTwoHolds } from '../first-rows.js';
import { givenBackOnce } from '../monitors.js';
import { releaseHold } from '../release-hold.js';
import { changeOfMind, doubleConfirmation, doubleRelease } from '../workloads.js';
import { defineHotel } from './define.js';

export const endsOfHolds = defineHotel({
  name: 'hotel/ends-of-holds',
  description: 'A hold is confirmed or released once, whatever comes at once: its status is read again under lock.',
  seed: seedWithTwoHolds,
  operations: { confirmHold: confirmHold({ attempts: 2 }), releaseHold: releaseHold({ attempts: 2 }) },
  workloads: [doubleConfirmation, doubleRelease, changeOfMind],
  monitors: [givenBackOnce],
  requires: ['overlap', 'lock-wait'],
  expect: { 'READ COMMITTED': 'holds', 'REPEATABLE READ': 'holds' },
});
