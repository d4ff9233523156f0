import { inTransaction } from '../../shared/transaction.js';
import { type Confirmation, confirmHoldWith, insertBooking, markConfirmed } from '../confirm-hold.js';
import { seedWithTwoHolds } from '../first-rows.js';
import { findHold, holdOf, noActiveHold, refuseHold } from '../holds.js';
import { changeCounts } from '../nights.js';
import { doubleConfirmation } from '../workloads.js';
import { defineHotel } from './define.js';

/**
 * No lock: the booking is inserted first, and of two for one hold the second waits for the first and is refused (23505) by
 * UNIQUE (hold_id). It keeps confirmations apart from each other, and from nothing else that may become of a hold.
 */
const insertFirst: Confirmation = (client, request, clock) =>
  inTransaction(client, async () => {
    const found = await findHold(client, request);
    const refused = refuseHold(request, found, clock.now());
    if (refused !== undefined || found === undefined) return refused ?? noActiveHold(request);
    const hold = holdOf(found);
    const booked = await insertBooking(client, hold);
    await markConfirmed(client, hold);
    await changeCounts(client, hold, { tentative: -hold.rooms, booked: hold.rooms });
    return booked;
  });

export const uniqueBooking = defineHotel({
  name: 'hotel/unique-booking',
  description: 'Looks at the hold without a lock, and leaves it to UNIQUE (hold_id) that it becomes no second booking.',
  seed: seedWithTwoHolds,
  operations: { confirmHold: confirmHoldWith(insertFirst, { attempts: 2 }) },
  workloads: [doubleConfirmation],
  requires: ['overlap', 'lock-wait'],
  expect: { 'READ COMMITTED': 'holds', 'REPEATABLE READ': 'holds' },
});
