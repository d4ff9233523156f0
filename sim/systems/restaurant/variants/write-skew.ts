import { defineScenario } from '../../../../src/index.js';
import { inTransaction } from '../../shared/transaction.js';
import { type BookingStrategy, bookTable } from '../book-table.js';
import { checkAndInsert } from '../check-and-insert.js';
import { bookingInvariants, usage } from '../invariants.js';
import { bookingMonitors } from '../monitors.js';
import { schema, seed } from '../schema.js';
import { lastCover } from '../workloads.js';

/** REPEATABLE READ refuses two writes of one row. Two inserts are two rows, and what each has counted stays as old as its snapshot. */
const strategy: BookingStrategy = (client, request, admitted) =>
  inTransaction(client, () => checkAndInsert(client, request, admitted), 'BEGIN ISOLATION LEVEL REPEATABLE READ');

export const writeSkew = defineScenario({
  name: 'restaurant/write-skew',
  description: 'The SERIALIZABLE booking with REPEATABLE READ in its BEGIN, retries and all.',
  schema,
  seed,
  operations: { bookTable: bookTable(strategy, { attempts: 2 }) },
  workloads: [lastCover],
  invariants: bookingInvariants,
  monitors: bookingMonitors,
  requires: ['overlap'],
  usage,
  zoo: {
    class: 'write skew under REPEATABLE READ',
    anomaly: 'write skew on a predicate (G2)',
    leastActors: 2,
    seenIn: 'Hermitage, G2',
    fix: 'restaurant/serializable',
  },
  expect: { 'REPEATABLE READ': 'violated' },
});
