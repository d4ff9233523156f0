import { defineScenario } from '../../../../src/index.js';
import { inTransaction } from '../../shared/transaction.js';
import { type BookingStrategy, bookTable } from '../book-table.js';
import { findByKey } from '../bookings.js';
import { unknownSlot } from '../capacity.js';
import { insertIfRoom } from '../check-and-insert.js';
import { bookingInvariants, usage } from '../invariants.js';
import { lockRule } from '../locks.js';
import { bookingMonitors } from '../monitors.js';
import { schemaWithoutUniqueKey, seed } from '../schema.js';
import { twice } from '../workloads.js';

/** The lock keeps the covers right, and the key was looked for before it: of two deliveries each finds that it is the first. */
const strategy: BookingStrategy = (client, request, admitted) =>
  inTransaction(client, async () => {
    const earlier = await findByKey(client, request);
    if (earlier !== undefined) return earlier;
    const isThere = await lockRule(client, request.restaurantId, request.slot);
    return isThere ? insertIfRoom(client, request, admitted) : unknownSlot(request);
  });

export const keyCheckedFirst = defineScenario({
  name: 'restaurant/key-checked-first',
  description: 'Looks whether the idempotency key is known, then locks, counts and inserts. No constraint on the key.',
  schema: schemaWithoutUniqueKey,
  seed,
  operations: { bookTable: bookTable(strategy, { attempts: 2 }) },
  workloads: [twice],
  invariants: bookingInvariants,
  monitors: bookingMonitors,
  requires: ['overlap', 'lock-wait'],
  usage,
  zoo: {
    class: 'idempotency key checked and then inserted',
    anomaly: 'one order booked twice',
    leastActors: 2,
    seenIn: 'janavipandole/Cara#4929',
    fix: 'restaurant/idempotent-retry',
  },
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated', SERIALIZABLE: 'holds' },
});
