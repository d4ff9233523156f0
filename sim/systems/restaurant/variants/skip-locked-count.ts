import { type Client, defineScenario, isRejection, type Operation } from '../../../../src/index.js';
import { withRetry } from '../../shared/retry.js';
import { inTransaction } from '../../shared/transaction.js';
import { type BookingStrategy, bookTable } from '../book-table.js';
import { unknownSlot } from '../capacity.js';
import { insertIfRoom } from '../check-and-insert.js';
import { bookingInvariants, usage } from '../invariants.js';
import { lockRule } from '../locks.js';
import { bookingMonitors } from '../monitors.js';
import { type BookTable, readCancelBooking } from '../requests.js';
import { schema, seedWithBooking } from '../schema.js';
import { bookerAndHost } from '../workloads.js';

/** Bookers come one after the other, and none waits for a host who has a booking open. What is skipped is not counted. */
const strategy: BookingStrategy = (client, request, admitted) =>
  inTransaction(client, async () => {
    if (!(await lockRule(client, request.restaurantId, request.slot))) return unknownSlot(request);
    const covers = await countUnlocked(client, request);
    return insertIfRoom(client, request, admitted, (state) => ({ ...state, covers }));
  });

async function countUnlocked(client: Client, { restaurantId, date, slot }: BookTable): Promise<number> {
  const { rows } = await client.query<{ party_size: number }>(
    "SELECT party_size FROM bookings WHERE restaurant_id = $1 AND date = $2 AND slot = $3 AND status = 'active' ORDER BY id FOR UPDATE SKIP LOCKED",
    [restaurantId, date, slot],
  );
  return rows.reduce((sum, { party_size }) => sum + party_size, 0);
}

/** The host opens a booking, with its row locked against other hosts, and closes it as it was. */
const openBooking: Operation = async ({ client }, input: unknown) => {
  const request = readCancelBooking(input);
  if (isRejection(request)) return request;
  return withRetry(2, () =>
    inTransaction(client, async () => {
      const { rows } = await client.query('SELECT id, party_size FROM bookings WHERE id = $1 AND restaurant_id = $2 FOR UPDATE', [
        request.bookingId,
        request.restaurantId,
      ]);
      return { seen: rows.length };
    }),
  );
};

export const skipLockedCount = defineScenario({
  name: 'restaurant/skip-locked-count',
  description: 'Locks the rule, then counts the bookings FOR UPDATE SKIP LOCKED.',
  schema,
  seed: seedWithBooking,
  operations: { bookTable: bookTable(strategy, { attempts: 2 }), openBooking },
  workloads: [bookerAndHost],
  invariants: bookingInvariants,
  monitors: bookingMonitors,
  requires: ['overlap', 'sold-out'],
  usage,
  zoo: {
    class: 'SKIP LOCKED used to count',
    anomaly: 'a count that leaves out what is being looked at',
    leastActors: 2,
    seenIn: '(general knowledge)',
    fix: 'restaurant/locked-rule',
  },
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
});
