import { inTransaction } from '../../shared/transaction.js';
import { type BookingStrategy, createBooking, insertBooking, refusal, unknownPackage } from '../create-booking.js';
import { withoutLock } from '../strategies.js';
import { pair } from '../workloads.js';
import { defineRental } from './define.js';

/** Given back inside the transaction: who gets the lock next cannot see the booking yet, which is committed a moment later. */
const strategy: BookingStrategy = (client, request) =>
  inTransaction(client, async () => {
    await client.query('SELECT pg_advisory_lock($1)', [request.packageId]);
    const capacity = await withoutLock(client, request);
    const result =
      capacity === undefined
        ? unknownPackage(request.packageId)
        : ((await refusal(client, request, capacity)) ?? (await insertBooking(client, request)));
    await client.query('SELECT pg_advisory_unlock($1)', [request.packageId]);
    return result;
  });

export const advisoryReleasedEarly = defineRental({
  name: 'rental/advisory-released-early',
  description: "Gives the session's advisory lock back before the commit.",
  operations: { createBooking: createBooking(strategy, { attempts: 2 }) },
  workloads: [pair],
  requires: ['overlap', 'lock-wait'],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'advisory lock released before the commit',
    anomaly: 'write skew',
    leastActors: 2,
    seenIn: 'Truxify#6023; nammayatri#12315',
    fix: 'rental/advisory-xact',
  },
});
