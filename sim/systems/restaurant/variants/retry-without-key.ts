import { defineScenario, type Operation } from '../../../../src/index.js';
import { lockedRule } from '../book-locked.js';
import { bookTable } from '../book-table.js';
import { bookingInvariants, usage } from '../invariants.js';
import { bookingMonitors, oneBookingPerOrder } from '../monitors.js';
import type { BookTable } from '../requests.js';
import { sendsAgain, sentAgain } from '../retrying-client.js';
import { schema, seed } from '../schema.js';

const book = bookTable(lockedRule, { attempts: 2 });

/** A key made where the request is sent names the sending, not the order. */
const withNewKey: Operation = (context, input: BookTable) => book(context, { ...input, idempotencyKey: context.random.uuid() });

export const retryWithoutKey = defineScenario({
  name: 'restaurant/retry-without-key',
  description: 'Sends an order again when its outcome is unknown, under a new key each time.',
  schema,
  seed,
  operations: { bookTable: book, bookAgain: sendsAgain(withNewKey) },
  workloads: [sentAgain],
  invariants: bookingInvariants,
  monitors: [...bookingMonitors, oneBookingPerOrder],
  requires: ['overlap', 'fault'],
  usage,
  zoo: {
    class: 'retry after a lost acknowledgement without an idempotency key',
    anomaly: 'one order booked twice',
    leastActors: 1,
    seenIn: 'Eventra#5431; jepsen#596',
    fix: 'restaurant/idempotent-retry',
  },
  expect: { 'READ COMMITTED': 'violated' },
});
