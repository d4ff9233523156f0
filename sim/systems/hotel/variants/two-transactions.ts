import { isRejection } from '../../../../src/index.js';
import { inTransaction } from '../../shared/transaction.js';
import { type Confirmation, confirmHoldWith, insertBooking, markConfirmed } from '../confirm-hold.js';
import { createHold } from '../create-hold.js';
import { seedWithHold } from '../first-rows.js';
import { findHold, holdOf, lockHold, noActiveHold, refuseHold } from '../holds.js';
import { allotment, capacity } from '../invariants.js';
import { changeCounts, lockNights } from '../nights.js';
import { confirmation } from '../workloads.js';
import { defineHotel } from './define.js';

/** Each does its part rightly. Between them the room is neither held nor booked, for a moment, or after a crash for ever. */
const inTwo: Confirmation = async (client, request, clock) => {
  const hold = await inTransaction(client, async () => {
    const found = await findHold(client, request);
    if (found === undefined) return noActiveHold(request);
    const hold = holdOf(found);
    await lockNights(client, hold);
    const refused = refuseHold(request, await lockHold(client, hold.id), clock.now());
    if (refused !== undefined) return refused;
    await markConfirmed(client, hold);
    await changeCounts(client, hold, { tentative: -hold.rooms });
    return hold;
  });
  if (isRejection(hold)) return hold;
  return inTransaction(client, async () => {
    await changeCounts(client, hold, { booked: hold.rooms });
    return insertBooking(client, hold);
  });
};

export const twoTransactions = defineHotel({
  name: 'hotel/two-transactions',
  description: 'Takes the room from tentative in one transaction and adds it to booked in the next: another guest comes between.',
  seed: seedWithHold,
  operations: { confirmHold: confirmHoldWith(inTwo, { attempts: 2 }), createHold: createHold({ attempts: 2 }) },
  workloads: [confirmation],
  invariants: [capacity, allotment],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'crash between two transactions that should be one',
    anomaly: 'overbooking between them',
    leastActors: 2,
    seenIn: 'hoangdaochuz/booking#16, #23',
    fix: 'hotel/holds',
  },
});
