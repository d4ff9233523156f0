import { defineScenario } from '../../../../src/index.js';
import { inTransaction } from '../../shared/transaction.js';
import { serializable } from '../book-serializable.js';
import { type BookingStrategy, bookTable } from '../book-table.js';
import { checkAndInsert } from '../check-and-insert.js';
import { bookingInvariants, usage } from '../invariants.js';
import { bookingMonitors } from '../monitors.js';
import { schema, seed } from '../schema.js';
import { webAndPhone } from '../workloads.js';

/** The same check as on the web, in a transaction that the web's SERIALIZABLE knows nothing of. */
const byPhone: BookingStrategy = (client, request, admitted) => inTransaction(client, () => checkAndInsert(client, request, admitted));

export const mixedLevels = defineScenario({
  name: 'restaurant/mixed-levels',
  description: "Guests book at SERIALIZABLE; whoever answers the phone books at the session's level.",
  schema,
  seed,
  operations: { bookTable: bookTable(serializable, { attempts: 2 }), bookByPhone: bookTable(byPhone, { attempts: 2 }) },
  workloads: [webAndPhone],
  invariants: bookingInvariants,
  monitors: bookingMonitors,
  requires: ['overlap'],
  usage,
  zoo: {
    class: 'one path SERIALIZABLE and one not',
    anomaly: 'write skew on a predicate (G2)',
    leastActors: 2,
    seenIn: 'PostgreSQL, src/backend/storage/lmgr/README-SSI',
    fix: 'restaurant/serializable',
  },
  // Where the session's default is SERIALIZABLE, both are.
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated', SERIALIZABLE: 'holds' },
});
