import { isTransient } from '../../shared/database-errors.js';
import { inTransaction } from '../../shared/transaction.js';
import { type BookingStrategy, createBooking, insertBooking } from '../create-booking.js';
import { serializable } from '../strategies.js';
import { pair } from '../workloads.js';
import { defineRental } from './define.js';

/** 40001 says that the count was out of date. What is tried again is the booking alone, which reads nothing and so conflicts with nobody. */
const strategy: BookingStrategy = async (client, request) => {
  try {
    return await serializable(client, request);
  } catch (error) {
    if (!isTransient(error)) throw error;
    return inTransaction(client, () => insertBooking(client, request), 'BEGIN ISOLATION LEVEL SERIALIZABLE');
  }
};

export const retryWriteOnly = defineRental({
  name: 'rental/retry-write-only',
  description: 'Counts and books at SERIALIZABLE, and after 40001 tries to book again without counting again.',
  operations: { createBooking: createBooking(strategy, { attempts: 2 }) },
  workloads: [pair],
  requires: ['overlap', 'serialization-failure'],
  // The transactions name their level, so that of the session does not matter.
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'retry that repeats only the write',
    anomaly: 'overbooking after a serialization failure',
    leastActors: 2,
    seenIn: 'Ad Hoc Transactions in Web Applications (SIGMOD 2022)',
    fix: 'rental/serializable',
  },
});
