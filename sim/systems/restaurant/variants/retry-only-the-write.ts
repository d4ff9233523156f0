import { defineScenario } from '../../../../src/index.js';
import { isTransient } from '../../shared/database-errors.js';
import { inTransaction } from '../../shared/transaction.js';
import { type BookingStrategy, bookTable } from '../book-table.js';
import { insertBooking } from '../bookings.js';
import { checkAndInsert } from '../check-and-insert.js';
import { bookingInvariants, usage } from '../invariants.js';
import { bookingMonitors } from '../monitors.js';
import { schema, seed } from '../schema.js';
import { lastCover } from '../workloads.js';

const begin = 'BEGIN ISOLATION LEVEL SERIALIZABLE';

/** 40001 says that what was read is no longer so. Here it is heard as "try the write again", and the second INSERT has nothing to conflict with. */
const strategy: BookingStrategy = async (client, request, admitted) => {
  let passed = false;
  try {
    return await inTransaction(
      client,
      () =>
        checkAndInsert(client, request, () => {
          passed = true;
          admitted();
        }),
      begin,
    );
  } catch (error) {
    if (!isTransient(error) || !passed) throw error;
    return inTransaction(client, () => insertBooking(client, request), begin);
  }
};

export const retryOnlyTheWrite = defineScenario({
  name: 'restaurant/retry-only-the-write',
  description: 'Counts and inserts at SERIALIZABLE; when the database refuses, only the INSERT is tried again.',
  schema,
  seed,
  operations: { bookTable: bookTable(strategy, { attempts: 2 }) },
  workloads: [lastCover],
  invariants: bookingInvariants,
  monitors: bookingMonitors,
  requires: ['overlap', 'serialization-failure'],
  usage,
  zoo: {
    class: 'retry that repeats only the write',
    anomaly: 'write skew on a predicate (G2), brought back by the retry',
    leastActors: 2,
    seenIn: 'ad hoc transactions study (SIGMOD 2022), class',
    fix: 'restaurant/serializable',
  },
  expect: { SERIALIZABLE: 'violated' },
});
