import { inTransaction } from '../../shared/transaction.js';
import { book, type Confirmation, confirmHoldWith } from '../confirm-hold.js';
import { seedWithTwoHolds } from '../first-rows.js';
import { findHold, holdOf, refuseHold } from '../holds.js';
import { lockNights } from '../nights.js';
import { releaseHold } from '../release-hold.js';
import { changeOfMind } from '../workloads.js';
import { defineHotel } from './define.js';

/** What was true of the hold when it was read need not be so when the nights' locks are there. */
const readOnce: Confirmation = (client, request, clock) =>
  inTransaction(client, async () => {
    const found = await findHold(client, request);
    const refused = refuseHold(request, found, clock.now());
    if (refused !== undefined) return refused;
    const hold = holdOf(found!);
    await lockNights(client, hold);
    return book(client, hold);
  });

export const confirmUnlocked = defineHotel({
  name: 'hotel/confirm-unlocked',
  description: 'Reads the hold before the locks of its nights and not again after them: what was released meanwhile is booked.',
  seed: seedWithTwoHolds,
  operations: { confirmHold: confirmHoldWith(readOnce, { attempts: 2 }), releaseHold: releaseHold({ attempts: 2 }) },
  workloads: [changeOfMind],
  requires: ['overlap', 'lock-wait'],
  // At REPEATABLE READ the nights that it had to wait for have changed since its snapshot: 40001, and it reads again.
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'holds' },
  zoo: {
    class: 'read before the lock and not read again after it',
    anomaly: 'a booking of a hold that is released',
    leastActors: 2,
    seenIn: 'pass-culture/pass-culture-api#2458; hoangdaochuz/booking#15',
    fix: 'hotel/ends-of-holds',
  },
});
