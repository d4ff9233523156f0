import { inTransaction } from '../../shared/transaction.js';
import { book, type Confirmation, confirmHoldWith } from '../confirm-hold.js';
import { expireHolds } from '../expire-holds.js';
import { seedWithTwoHolds } from '../first-rows.js';
import { findHold, holdOf, refuseHold } from '../holds.js';
import { lockNights } from '../nights.js';
import { expiry } from '../workloads.js';
import { defineHotel } from './define.js';

/** As where one service checks and the next one books: the hold's quarter of an hour may end between them, and the sweeper be quicker. */
const checkFirst: Confirmation = async (client, request, clock) => {
  const found = await findHold(client, request);
  const refused = refuseHold(request, found, clock.now());
  if (refused !== undefined) return refused;
  const hold = holdOf(found!);
  return inTransaction(client, async () => {
    await lockNights(client, hold);
    return book(client, hold);
  });
};

export const checkOutsideTransaction = defineHotel({
  name: 'hotel/check-outside-transaction',
  description: 'Checks the hold without a lock before the transaction that books it, while the sweeper gives its room back.',
  seed: seedWithTwoHolds,
  operations: { confirmHold: confirmHoldWith(checkFirst, { attempts: 2 }), expireHolds: expireHolds({ attempts: 2 }) },
  workloads: [expiry],
  requires: ['overlap', 'tick'],
  // No level helps: the check has a snapshot of its own.
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'check outside the transaction',
    anomaly: 'a booking of a hold that was swept',
    leastActors: 2,
    seenIn: 'calcom/cal.diy#28151; ossdaiict/SBG-Website#16',
    fix: 'hotel/holds',
  },
});
