import { always, defineScenario, isRejection, type Operation, oneOf, type Workload } from '../../../../src/index.js';
import { withRetry } from '../../shared/retry.js';
import { inTransaction } from '../../shared/transaction.js';
import { takeCovers } from '../book-numbered.js';
import { checkAndInsert } from '../check-and-insert.js';
import { bookingInvariants, usage, wholeBookings } from '../invariants.js';
import { bookingMonitors } from '../monitors.js';
import { readBookTable } from '../requests.js';
import { schemaWithNumberedCovers, seed } from '../schema.js';
import { order } from '../workloads.js';

/** The booking in one transaction and its covers in the next. Whoever stops in between leaves a booking without a seat. */
const book: Operation = async ({ client, clock }, input: { readonly dies: boolean }) => {
  const request = readBookTable(clock, input);
  if (isRejection(request)) return request;
  return withRetry(2, async () => {
    const answer = await inTransaction(client, () => checkAndInsert(client, request, () => {}), 'BEGIN ISOLATION LEVEL SERIALIZABLE');
    if (!('booking' in answer)) return answer;
    // Stands for a process that is killed here: nothing more is done, and nobody is told anything.
    if (input.dies) return { died: true };
    await inTransaction(client, () => takeCovers(client, request, answer.booking.bookingId, [1]));
    return answer.booking;
  });
};

/** One guest, and a process that may be killed halfway. */
const halfway: Workload = {
  name: 'halfway',
  capacity: always(1),
  roles: [{ operation: 'bookTable', input: oneOf(true, false).map((dies) => ({ ...order('alice'), dies })), name: 'alice' }],
};

export const crashBetween = defineScenario({
  name: 'restaurant/crash-between',
  description: 'Inserts the booking in one transaction and its numbered covers in another.',
  schema: schemaWithNumberedCovers,
  seed,
  operations: { bookTable: book },
  workloads: [halfway],
  invariants: [...bookingInvariants, wholeBookings],
  monitors: bookingMonitors,
  usage,
  zoo: {
    class: 'crash between two transactions that should be one',
    anomaly: 'half a booking',
    leastActors: 1,
    seenIn: 'hoangdaochuz/booking#16, #23',
    fix: 'restaurant/unique-seat',
  },
  expect: { 'READ COMMITTED': 'violated' },
});
