import { type Client, defineScenario } from '../../../../src/index.js';
import { inTransaction } from '../../shared/transaction.js';
import { type BookingStrategy, bookTable } from '../book-table.js';
import { checkAndInsert } from '../check-and-insert.js';
import { bookingInvariants, usage } from '../invariants.js';
import { bookingMonitors } from '../monitors.js';
import type { BookTable } from '../requests.js';
import { schemaWithOpenDays, seed } from '../schema.js';
import { unlimited } from '../workloads.js';

/**
 * Two open the day at once, and the second is refused (23505). That is swallowed, as the day is open now, but the transaction is over: PostgreSQL
 * answers its COMMIT with ROLLBACK, which is no error, and the guest is told of a booking that is not there.
 */
const strategy: BookingStrategy = (client, request, admitted) =>
  inTransaction(client, async () => {
    const answer = await checkAndInsert(client, request, admitted);
    if ('booking' in answer) await openDay(client, request);
    return answer;
  });

async function openDay(client: Client, { restaurantId, date }: BookTable): Promise<void> {
  const { rows } = await client.query('SELECT date FROM open_days WHERE restaurant_id = $1 AND date = $2', [restaurantId, date]);
  if (rows.length > 0) return;
  try {
    await client.query('INSERT INTO open_days (restaurant_id, date) VALUES ($1, $2)', [restaurantId, date]);
  } catch {
    // Somebody else was faster: the day is open.
  }
}

export const continuedAfterError = defineScenario({
  name: 'restaurant/continued-after-error',
  description: "Books in a slot without a limit, then inserts the day's row and goes on when that fails, in one transaction.",
  schema: schemaWithOpenDays,
  seed,
  operations: { bookTable: bookTable(strategy, { attempts: 2 }) },
  workloads: [unlimited],
  invariants: bookingInvariants,
  monitors: bookingMonitors,
  requires: ['overlap', 'lock-wait'],
  usage,
  zoo: {
    class: 'continuing after an error inside a transaction',
    anomaly: 'an acknowledged booking that is not there',
    leastActors: 2,
    seenIn: 'sequelize/sequelize#13482',
    fix: 'restaurant/serializable',
  },
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
});
