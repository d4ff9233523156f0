import { defineScenario } from '../../../../src/index.js';
import { inTransaction } from '../../shared/transaction.js';
import { type BookingStrategy, bookTable } from '../book-table.js';
import { checkAndInsert } from '../check-and-insert.js';
import { bookingInvariants, usage } from '../invariants.js';
import { bookingMonitors } from '../monitors.js';
import { schema, seed } from '../schema.js';
import { lastCover } from '../workloads.js';

/** The safe transaction at whatever level the session has: what protects it is the level, and nobody asked for it. */
const strategy: BookingStrategy = (client, request, admitted) => inTransaction(client, () => checkAndInsert(client, request, admitted));

export const checkThenInsert = defineScenario({
  name: 'restaurant/check-then-insert',
  description: "Looks at the day and inserts if there is room, in one transaction at the session's level, without a lock.",
  schema,
  seed,
  operations: { bookTable: bookTable(strategy, { attempts: 2 }) },
  workloads: [lastCover],
  invariants: bookingInvariants,
  monitors: bookingMonitors,
  requires: ['overlap'],
  usage,
  zoo: {
    class: 'check-then-insert without a lock',
    anomaly: 'write skew on a predicate (G2)',
    leastActors: 2,
    seenIn: 'calcom/cal.diy#28151; elabftw/elabftw#6909 (GHSA-mpcq-p889-qcv2)',
    fix: 'restaurant/serializable',
  },
  expect: { 'READ COMMITTED': 'violated', SERIALIZABLE: 'holds' },
});
