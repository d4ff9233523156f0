import { always, defineScenario, isRejection, type Operation, type Workload } from '../../../../src/index.js';
import { withRetry } from '../../shared/retry.js';
import { inTransaction } from '../../shared/transaction.js';
import { takeCovers } from '../book-numbered.js';
import { checkAndInsert } from '../check-and-insert.js';
import { bookingInvariants, usage } from '../invariants.js';
import { bookingMonitors, wholeInTheEnd } from '../monitors.js';
import { readBookTable } from '../requests.js';
import { schemaWithNumberedCovers, seed } from '../schema.js';
import { booker } from '../workloads.js';

/** The booking in one transaction and its covers in the next. Whoever dies in between leaves a booking without a seat. */
const book: Operation = async ({ client, clock }, input: unknown) => {
  const request = readBookTable(clock, input);
  if (isRejection(request)) return request;
  return withRetry(2, async () => {
    const answer = await inTransaction(client, () => checkAndInsert(client, request, () => {}), 'BEGIN ISOLATION LEVEL SERIALIZABLE');
    if (!('booking' in answer)) return answer;
    await inTransaction(client, () => takeCovers(client, request, answer.booking.bookingId, [1]));
    return answer.booking;
  });
};

/** One guest, whose process may die. */
const halfway: Workload = { name: 'halfway', capacity: always(1), roles: [booker('alice')], faults: [{ kind: 'process-dies' }] };

export const crashBetween = defineScenario({
  name: 'restaurant/crash-between',
  description: 'Inserts the booking in one transaction and its numbered covers in another.',
  schema: schemaWithNumberedCovers,
  seed,
  operations: { bookTable: book },
  workloads: [halfway],
  invariants: bookingInvariants,
  // Between the two transactions a booking is half, and its guest is still at it.
  monitors: [...bookingMonitors, wholeInTheEnd],
  requires: ['fault'],
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
