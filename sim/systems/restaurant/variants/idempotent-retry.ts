import { defineScenario } from '../../../../src/index.js';
import { lockedRule } from '../book-locked.js';
import { serializable } from '../book-serializable.js';
import { bookTable } from '../book-table.js';
import { bookingInvariants, usage } from '../invariants.js';
import { bookingMonitors, oneBookingPerOrder } from '../monitors.js';
import { sendsAgain, sentAgain } from '../retrying-client.js';
import { schema, seed } from '../schema.js';
import { keyRefused } from '../witnesses.js';
import { twice } from '../workloads.js';

const options = { attempts: 2 };

export const idempotentRetry = defineScenario({
  name: 'restaurant/idempotent-retry',
  description: 'An order that is delivered twice, or sent again by a client that never heard of the first answer, books once.',
  schema,
  seed,
  operations: { bookTable: bookTable(serializable, options), bookAgain: sendsAgain(bookTable(lockedRule, options)) },
  workloads: [twice, sentAgain],
  invariants: bookingInvariants,
  monitors: [...bookingMonitors, oneBookingPerOrder],
  witnesses: [keyRefused],
  requires: ['overlap', 'fault'],
  usage,
  expect: { 'READ COMMITTED': 'holds' },
});
