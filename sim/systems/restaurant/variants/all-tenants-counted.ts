import { type Client, defineScenario } from '../../../../src/index.js';
import { inTransaction } from '../../shared/transaction.js';
import { type BookingStrategy, bookTable } from '../book-table.js';
import { unknownSlot } from '../capacity.js';
import { insertIfRoom } from '../check-and-insert.js';
import { bookingInvariants, usage } from '../invariants.js';
import { lockRule } from '../locks.js';
import { bookingMonitors } from '../monitors.js';
import type { BookTable } from '../requests.js';
import { schema, seed } from '../schema.js';
import { tenants } from '../workloads.js';

/** Nothing is overbooked by this: one restaurant is full for its guests when another is. */
const strategy: BookingStrategy = (client, request, admitted) =>
  inTransaction(client, async () => {
    if (!(await lockRule(client, request.restaurantId, request.slot))) return unknownSlot(request);
    const covers = await countEverywhere(client, request);
    return insertIfRoom(client, request, admitted, (state) => ({ ...state, covers }));
  });

async function countEverywhere(client: Client, { date, slot }: BookTable): Promise<number> {
  const { rows } = await client.query<{ covers: number }>(
    "SELECT COALESCE(SUM(party_size), 0)::int AS covers FROM bookings WHERE date = $1 AND slot = $2 AND status = 'active'",
    [date, slot],
  );
  return rows[0]!.covers;
}

export const allTenantsCounted = defineScenario({
  name: 'restaurant/all-tenants-counted',
  description: "Locks the restaurant's rule, and counts the slot's bookings without asking whose they are.",
  schema,
  seed,
  operations: { bookTable: bookTable(strategy, { attempts: 2 }) },
  workloads: [tenants],
  invariants: bookingInvariants,
  monitors: bookingMonitors,
  requires: ['overlap', 'sold-out'],
  usage,
  zoo: {
    class: 'count without the tenant',
    anomaly: "a refusal because of another tenant's bookings",
    leastActors: 2,
    seenIn: '(general knowledge)',
    fix: 'restaurant/locked-rule',
  },
  expect: { 'READ COMMITTED': 'violated' },
});
