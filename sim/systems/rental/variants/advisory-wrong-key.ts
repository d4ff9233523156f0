import { dayNumber } from '../../shared/days.js';
import { checkedBooking, createBooking } from '../create-booking.js';
import { withoutLock } from '../strategies.js';
import { meeting } from '../workloads.js';
import { defineRental } from './define.js';

/** Two bookings of one day need not begin on one day. */
const strategy = checkedBooking(async (client, request) => {
  await client.query('SELECT pg_advisory_xact_lock($1, $2)', [request.packageId, dayNumber(request.startDate)]);
  return withoutLock(client, request);
});

export const advisoryWrongKey = defineRental({
  name: 'rental/advisory-wrong-key',
  description: 'Takes an advisory lock on package and first day: windows that overlap and begin on different days do not meet.',
  operations: { createBooking: createBooking(strategy, { attempts: 2 }) },
  workloads: [meeting],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'advisory lock with the wrong key',
    anomaly: 'write skew',
    leastActors: 2,
    seenIn: 'hoangdaochuz/booking#27',
    fix: 'rental/advisory-xact',
  },
});
