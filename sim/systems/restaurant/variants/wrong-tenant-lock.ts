import { always, defineScenario, type Operation, type Workload } from '../../../../src/index.js';
import { inTransaction } from '../../shared/transaction.js';
import { type BookingStrategy, bookTable } from '../book-table.js';
import { unknownSlot } from '../capacity.js';
import { checkAndInsert } from '../check-and-insert.js';
import { bookingInvariants, usage } from '../invariants.js';
import { lockRule } from '../locks.js';
import { bookingMonitors } from '../monitors.js';
import { schema, seed } from '../schema.js';
import { order } from '../workloads.js';

/** Restaurants of one group book for each other. Locked is the restaurant of whoever is signed in, counted the one that is booked. */
const strategy =
  (signedInAt: number): BookingStrategy =>
  (client, request, admitted) =>
    inTransaction(client, async () =>
      (await lockRule(client, signedInAt, request.slot)) ? checkAndInsert(client, request, admitted) : unknownSlot(request),
    );

const book: Operation = (context, input: { readonly signedInAt: number }) =>
  bookTable(strategy(input.signedInAt), { attempts: 2 })(context, input);

const colleague = (name: string, signedInAt: number) => ({
  operation: 'bookTable',
  input: always({ ...order(name), signedInAt }),
  name,
});

/** One at the restaurant itself and one at its sister, for the last cover. */
const colleagues: Workload = { name: 'colleagues', capacity: always(1), roles: [colleague('here', 1), colleague('there', 2)] };

export const wrongTenantLock = defineScenario({
  name: 'restaurant/wrong-tenant-lock',
  description: "Locks the rule of the signed-in user's restaurant, and counts in the one that is booked.",
  schema,
  seed,
  operations: { bookTable: book },
  workloads: [colleagues],
  invariants: bookingInvariants,
  monitors: bookingMonitors,
  requires: ['overlap'],
  usage,
  zoo: {
    class: 'lock on the wrong row',
    anomaly: 'write skew on a predicate (G2)',
    leastActors: 2,
    seenIn: 'hoangdaochuz/booking#27',
    fix: 'restaurant/locked-rule',
  },
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated', SERIALIZABLE: 'holds' },
});
