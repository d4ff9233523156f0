import { defineScenario } from '../../../../src/index.js';
import { inTransaction } from '../../shared/transaction.js';
import { type BookingStrategy, bookSeats, insertBooking } from '../book-seats.js';
import { refusal } from '../counted.js';
import { capacity, usage } from '../invariants.js';
import { countedSchema, countedSeed } from '../schema.js';
import { pair, trio } from '../workloads.js';

/** The lock is right and comes too late: what was checked before it is not checked again under it. */
const strategy: BookingStrategy = async (client, request) => {
  const refused = await refusal(client, request);
  if (refused !== undefined) return refused;
  return inTransaction(client, async () => {
    await client.query('SELECT id FROM events WHERE id = $1 FOR UPDATE', [request.eventId]);
    return insertBooking(client, request);
  });
};

export const checkOutsideTransaction = defineScenario({
  name: 'events/check-outside-transaction',
  description: 'Counts the seats before the transaction that locks the event and inserts the booking.',
  schema: countedSchema,
  seed: countedSeed,
  operations: { bookSeats: bookSeats(strategy, { attempts: 2 }) },
  workloads: [pair, trio],
  invariants: [capacity],
  requires: ['overlap', 'lock-wait'],
  usage,
  zoo: {
    class: 'check outside the transaction',
    anomaly: 'write skew on a predicate (G2)',
    leastActors: 2,
    seenIn: 'calcom/cal.diy#28151; ossdaiict/SBG-Website#16',
    fix: 'events/pessimistic',
  },
  // A lock changes no row, so REPEATABLE READ sees no conflict either.
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
});
