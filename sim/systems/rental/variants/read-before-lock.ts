import { inTransaction } from '../../shared/transaction.js';
import { type BookingStrategy, capacityBy, createBooking, insertBooking, refuseAt, unknownPackage } from '../create-booking.js';
import { usageByDay } from '../usage-by-day.js';
import { pair } from '../workloads.js';
import { defineRental } from './define.js';

const lockPackage = capacityBy('SELECT capacity FROM packages WHERE id = $1 FOR UPDATE');

/** The right lock, and what was read before it had to be waited for. */
const strategy: BookingStrategy = (client, request) =>
  inTransaction(client, async () => {
    const usage = await usageByDay(client, request.packageId, request);
    const capacity = await lockPackage(client, request);
    if (capacity === undefined) return unknownPackage(request.packageId);
    return refuseAt(request, capacity, usage) ?? insertBooking(client, request);
  });

export const readBeforeLock = defineRental({
  name: 'rental/read-before-lock',
  description: "Counts first and locks the package's row then, without counting again.",
  operations: { createBooking: createBooking(strategy, { attempts: 2 }) },
  workloads: [pair],
  requires: ['overlap', 'lock-wait'],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'read before the lock and not read again after it',
    anomaly: 'write skew',
    leastActors: 2,
    seenIn: 'pass-culture/pass-culture-api#2458; hoangdaochuz/booking#15',
    fix: 'rental/ledger',
  },
});
