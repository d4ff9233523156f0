import { defineScenario } from '../../../../src/index.js';
import { inTransaction } from '../../shared/transaction.js';
import { type BookingStrategy, bookSeats, insertBooking } from '../book-seats.js';
import { refusal } from '../counted.js';
import { capacity, usage } from '../invariants.js';
import { countedSchema, countedSeed } from '../schema.js';
import { pair, trio } from '../workloads.js';

/** A transaction is not a lock: two of them count the same bookings, and neither insert is in the other's way. */
const strategy: BookingStrategy = (client, request) =>
  inTransaction(client, async () => (await refusal(client, request)) ?? insertBooking(client, request));

export const checkThenInsert = defineScenario({
  name: 'events/check-then-insert',
  description: 'Counts the seats that are booked and inserts if they leave enough, in one transaction, without a lock.',
  schema: countedSchema,
  seed: countedSeed,
  operations: { bookSeats: bookSeats(strategy, { attempts: 2 }) },
  workloads: [pair, trio],
  invariants: [capacity],
  requires: ['overlap'],
  usage,
  zoo: {
    class: 'check-then-insert without a lock',
    anomaly: 'write skew on a predicate (G2)',
    leastActors: 2,
    seenIn: 'calcom/cal.diy#28151; elabftw/elabftw#6909 (GHSA-mpcq-p889-qcv2)',
    fix: 'events/pessimistic',
  },
  // At REPEATABLE READ this is write skew: different rows are written, so there is nothing to refuse.
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
});
