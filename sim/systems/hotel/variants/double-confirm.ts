import { inTransaction } from '../../shared/transaction.js';
import { book, type Confirmation, confirmHoldWith } from '../confirm-hold.js';
import { seedWithTwoHolds } from '../first-rows.js';
import { findHold, holdOf, refuseHold } from '../holds.js';
import { schemaWithoutUniqueHold } from '../schema.js';
import { doubleConfirmation } from '../workloads.js';
import { defineHotel } from './define.js';

/** Two clicks, or a click and a webhook of the payment: both find the hold active. */
const withoutLock: Confirmation = (client, request, clock) =>
  inTransaction(client, async () => {
    const found = await findHold(client, request);
    return refuseHold(request, found, clock.now()) ?? book(client, holdOf(found!));
  });

export const doubleConfirm = defineHotel({
  name: 'hotel/double-confirm',
  description:
    'Confirms after a look at the status without a lock: one hold becomes two bookings. Without UNIQUE (hold_id), which would refuse.',
  schema: schemaWithoutUniqueHold,
  seed: seedWithTwoHolds,
  operations: { confirmHold: confirmHoldWith(withoutLock, { attempts: 2 }) },
  workloads: [doubleConfirmation],
  requires: ['overlap', 'lock-wait'],
  // At REPEATABLE READ the second finds the hold changed since its snapshot: 40001, and it looks again.
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'holds' },
  zoo: {
    class: 'double confirm',
    anomaly: 'one hold becomes two bookings',
    leastActors: 2,
    seenIn: 'nammayatri#16015; neveroversell',
    fix: 'hotel/unique-booking',
  },
});
