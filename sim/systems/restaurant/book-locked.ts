import { inTransaction } from '../shared/transaction.js';
import type { BookingStrategy } from './book-table.js';
import { lockCheckAndInsert } from './check-and-insert.js';

/**
 * Locks the slot's rule, then looks, decides and inserts. Everything that the decision rests on, key, override and bookings, is read after the
 * lock is there, by statements with snapshots of their own, which is what READ COMMITTED means; at REPEATABLE READ the snapshot is as old as
 * the wait for the lock.
 */
export const lockedRule: BookingStrategy = (client, request, admitted) =>
  inTransaction(client, () => lockCheckAndInsert(client, request, admitted));
