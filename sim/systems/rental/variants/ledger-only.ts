import { inTransaction } from '../../shared/transaction.js';
import { type BookingStrategy, capacityBy, createBooking, insertBooking, refuseAt, unknownPackage } from '../create-booking.js';
import { capacity as capacityInvariant, ledgerWhereThereIsOne, noOrphans } from '../invariants.js';
import { seedWithoutLedger } from '../schema.js';
import { besideLegacyBooking } from '../workloads.js';
import { defineRental } from './define.js';

const lockPackage = capacityBy('SELECT capacity FROM packages WHERE id = $1 FOR UPDATE');

/** What has no row in the ledger is not counted. */
const strategy: BookingStrategy = (client, request) =>
  inTransaction(client, async () => {
    const { packageId, startDate, endDate } = request;
    const capacity = await lockPackage(client, request);
    if (capacity === undefined) return unknownPackage(packageId);
    const { rows } = await client.query<{ day: string; used: number }>(
      'SELECT day, SUM(quantity)::int AS used FROM equipment_availability WHERE package_id = $1 AND day >= $2 AND day <= $3 GROUP BY day',
      [packageId, startDate, endDate],
    );
    const usage = new Map(rows.map(({ day, used }) => [day, used]));
    return refuseAt(request, capacity, usage) ?? insertBooking(client, request);
  });

export const ledgerOnly = defineRental({
  name: 'rental/ledger-only',
  description: 'Counts by the ledger alone where a booking from before there was a ledger has no rows in it.',
  seed: seedWithoutLedger,
  operations: { createBooking: createBooking(strategy, { attempts: 2 }) },
  workloads: [besideLegacyBooking],
  invariants: [capacityInvariant, ledgerWhereThereIsOne, noOrphans],
  requires: ['overlap', 'lock-wait'],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'derived rows trusted where they are missing',
    anomaly: 'overbooking, in any order',
    leastActors: 2,
    seenIn: '(general knowledge)',
    fix: 'rental/legacy-bookings',
  },
});
