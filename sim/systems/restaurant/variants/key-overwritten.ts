import { type Client, defineScenario } from '../../../../src/index.js';
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

/** The upsert waits for the other delivery and then takes its key away from it, finished booking and all. */
const strategy: BookingStrategy = (client, request, admitted) =>
  inTransaction(client, async () => {
    const earlier = await findInKeyTable(client, request);
    if (earlier !== undefined) return earlier;
    await claim(client, request);
    if (!(await lockRule(client, request.restaurantId, request.slot))) return unknownSlot(request);
    const answer = await insertIfRoom(client, request, admitted);
    if ('booking' in answer) await complete(client, request, answer.booking.bookingId);
    return answer;
  });

async function claim(client: Client, { restaurantId, idempotencyKey }: BookTable): Promise<void> {
  await client.query(
    'INSERT INTO idempotency_keys (restaurant_id, idempotency_key, booking_id) VALUES ($1, $2, NULL) ON CONFLICT (restaurant_id, idempotency_key) DO UPDATE SET booking_id = NULL',
    [restaurantId, idempotencyKey],
  );
}

async function complete(client: Client, { restaurantId, idempotencyKey }: BookTable, bookingId: number): Promise<void> {
  await client.query('UPDATE idempotency_keys SET booking_id = $3 WHERE restaurant_id = $1 AND idempotency_key = $2', [
    restaurantId,
    idempotencyKey,
    bookingId,
  ]);
}

export const keyOverwritten = defineScenario({
  name: 'restaurant/key-overwritten',
  description: 'Claims the idempotency key with INSERT ... ON CONFLICT DO UPDATE, which resets a key that is complete.',
  schema: schemaWithKeyTable,
  seed,
  operations: { bookTable: bookTable(strategy, { attempts: 2 }) },
  workloads: [twice],
  invariants: bookingInvariants,
  monitors: bookingMonitors,
  requires: ['overlap', 'lock-wait'],
  usage,
  zoo: {
    class: 'ON CONFLICT DO UPDATE overwrites a completed key',
    anomaly: 'one order booked twice',
    leastActors: 2,
    seenIn: 'Truxify#9954',
    fix: 'restaurant/idempotent-retry',
  },
  // At REPEATABLE READ it holds: the key that is in the way was committed after the snapshot, which is 40001, and the next attempt finds it
  // complete. That is not explored with every run, since the model answers ON CONFLICT by PostgreSQL in WebAssembly.
  expect: { 'READ COMMITTED': 'violated' },
});
