import { inTransaction } from '../../shared/transaction.js';
import { type BookingStrategy, capacityBy, createBooking, insertBooking, refuseAt, unknownPackage } from '../create-booking.js';
import { meeting } from '../workloads.js';
import { defineRental } from './define.js';

const lockPackage = capacityBy('SELECT capacity FROM packages WHERE id = $1 FOR UPDATE');

/** The comparison of a hotel, where guests leave on the morning of the last day. Here the last day is part of the booking. */
const strategy: BookingStrategy = (client, request) =>
  inTransaction(client, async () => {
    const { packageId, startDate, endDate } = request;
    const capacity = await lockPackage(client, request);
    if (capacity === undefined) return unknownPackage(packageId);
    const { rows } = await client.query<{ used: number }>(
      "SELECT COALESCE(SUM(quantity), 0)::int AS used FROM bookings WHERE package_id = $1 AND status <> 'cancelled' AND start_date < $3 AND end_date > $2",
      [packageId, startDate, endDate],
    );
    return refuseAt(request, capacity, new Map([[startDate, rows[0]!.used]])) ?? insertBooking(client, request);
  });

export const halfOpenRange = defineRental({
  name: 'rental/half-open-range',
  description: 'Compares windows as if their last day were not part of them: two that share a day are both let through.',
  operations: { createBooking: createBooking(strategy, { attempts: 2 }) },
  workloads: [meeting],
  requires: ['overlap', 'lock-wait'],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'half-open versus closed date ranges',
    anomaly: 'overlap not seen, in any order',
    leastActors: 2,
    seenIn: '3dem/emhub#119',
    fix: 'rental/no-key-update',
  },
});
