import { type Client, defineScenario } from '../../../../src/index.js';
import { violatedConstraint } from '../../shared/database-errors.js';
import { inTransaction } from '../../shared/transaction.js';
import { type BookingStrategy, bookTable } from '../book-table.js';
import { unknownSlot } from '../capacity.js';
import { insertIfRoom } from '../check-and-insert.js';
import { bookingInvariants, usage } from '../invariants.js';
import { findInKeyTable } from '../key-table.js';
import { lockRule } from '../locks.js';
import { bookingMonitors } from '../monitors.js';
import type { BookTable } from '../requests.js';
import { schemaWithKeyTable, seed } from '../schema.js';
import { twice } from '../workloads.js';

/** The key is noted once the booking is safe, in a transaction of its own. Who asks in between, or after a crash there, finds no key. */
const strategy: BookingStrategy = async (client, request, admitted) => {
  const answer = await inTransaction(client, async () => {
    if (!(await lockRule(client, request.restaurantId, request.slot))) return unknownSlot(request);
    return (await findInKeyTable(client, request)) ?? insertIfRoom(client, request, admitted);
  });
  if ('booking' in answer && answer.isNew) await noteKey(client, request, answer.booking.bookingId);
  return answer;
};

async function noteKey(client: Client, { restaurantId, idempotencyKey }: BookTable, bookingId: number): Promise<void> {
  try {
    await client.query('INSERT INTO idempotency_keys (restaurant_id, idempotency_key, booking_id) VALUES ($1, $2, $3)', [
      restaurantId,
      idempotencyKey,
      bookingId,
    ]);
  } catch (error) {
    // Somebody has noted it already, and for the same order.
    if (violatedConstraint(error) !== 'idempotency_keys_pkey') throw error;
  }
}

export const keyAfterTheWork = defineScenario({
  name: 'restaurant/key-after-the-work',
  description: 'Looks for the key under the lock and books, commits, and then stores the key in a transaction of its own.',
  schema: schemaWithKeyTable,
  seed,
  operations: { bookTable: bookTable(strategy, { attempts: 2 }) },
  workloads: [twice],
  invariants: bookingInvariants,
  monitors: bookingMonitors,
  requires: ['overlap', 'lock-wait'],
  usage,
  zoo: {
    class: 'idempotency key stored after the work',
    anomaly: 'one order booked twice',
    leastActors: 2,
    seenIn: 'thesongzhu/Friday#403',
    fix: 'restaurant/idempotent-retry',
  },
  // No level helps: one after the other, too, the second booking may come between the first and its key.
  expect: { 'READ COMMITTED': 'violated', SERIALIZABLE: 'violated' },
});
