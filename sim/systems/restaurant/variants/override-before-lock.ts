import { type Client, defineScenario } from '../../../../src/index.js';
import { inTransaction } from '../../shared/transaction.js';
import { type BookingStrategy, bookTable } from '../book-table.js';
import { unknownSlot } from '../capacity.js';
import { insertIfRoom } from '../check-and-insert.js';
import { readDay } from '../day.js';
import { bookingInvariants, usage } from '../invariants.js';
import { lockRule } from '../locks.js';
import { bookingMonitors } from '../monitors.js';
import type { BookTable } from '../requests.js';
import { schema, seed } from '../schema.js';
import { setOverride } from '../set-override.js';
import { overriding } from '../workloads.js';

/** The bookings are counted under the lock; how many there may be was looked up before it, and the host may have said otherwise since. */
const strategy: BookingStrategy = (client, request, admitted) =>
  inTransaction(client, async () => {
    const capacity = await effectiveCapacity(client, request);
    if (!(await lockRule(client, request.restaurantId, request.slot))) return unknownSlot(request);
    return insertIfRoom(client, request, admitted, (state) => ({ ...state, capacity }));
  });

async function effectiveCapacity(client: Client, { restaurantId, date, slot }: BookTable): Promise<number | null> {
  const day = await readDay(client, restaurantId, date);
  return day.find((state) => state.slot === slot)?.capacity ?? null;
}

export const overrideBeforeLock = defineScenario({
  name: 'restaurant/override-before-lock',
  description: 'Looks up rule and override, then locks the rule and counts.',
  schema,
  seed,
  operations: { bookTable: bookTable(strategy, { attempts: 2 }), setOverride: setOverride({ attempts: 2 }) },
  workloads: [overriding],
  invariants: bookingInvariants,
  monitors: bookingMonitors,
  requires: ['overlap', 'lock-wait'],
  usage,
  zoo: {
    class: 'read before the lock and not read again after it',
    anomaly: 'a decision on an override that has changed',
    leastActors: 2,
    seenIn: 'pass-culture/pass-culture-api#2458; hoangdaochuz/booking#15',
    fix: 'restaurant/locked-rule',
  },
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated', SERIALIZABLE: 'holds' },
});
