import { type Client, defineScenario } from '../../../../src/index.js';
import { inTransaction } from '../../shared/transaction.js';
import { type BookingStrategy, bookTable } from '../book-table.js';
import { checkAndInsert } from '../check-and-insert.js';
import { bookingInvariants, usage } from '../invariants.js';
import { bookingMonitors } from '../monitors.js';
import { schema, seed } from '../schema.js';
import { lastCover } from '../workloads.js';

/** Better to book without the lock than not to book, said whoever wrote this. It is not held exactly when somebody else holds it. */
const strategy: BookingStrategy = (client, request, admitted) =>
  inTransaction(client, async () => {
    await tryLock(client, request.restaurantId);
    return checkAndInsert(client, request, admitted);
  });

async function tryLock(client: Client, restaurantId: number): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS locked', [restaurantId]);
  return rows[0]!.locked;
}

export const lockFailsOpen = defineScenario({
  name: 'restaurant/lock-fails-open',
  description: "Tries an advisory lock on the restaurant, and goes on without it when it is somebody else's.",
  schema,
  seed,
  operations: { bookTable: bookTable(strategy, { attempts: 2 }) },
  workloads: [lastCover],
  invariants: bookingInvariants,
  monitors: bookingMonitors,
  requires: ['overlap'],
  usage,
  zoo: {
    class: 'lock that fails open',
    anomaly: 'write skew on a predicate (G2)',
    leastActors: 2,
    seenIn: 'Truxify#6023, #2950',
    fix: 'restaurant/locked-rule',
  },
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
});
