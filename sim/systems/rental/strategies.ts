import { type BookingStrategy, capacityBy, checkedBooking, type ReadCapacity } from './create-booking.js';

/** Reads the capacity and locks nothing. */
export const withoutLock: ReadCapacity = capacityBy('SELECT capacity FROM packages WHERE id = $1');

/**
 * Locks the package's row, then counts. Whoever waits for the lock at READ COMMITTED counts with a snapshot that is younger than the
 * holder's commit. At REPEATABLE READ the snapshot is older than the lock, and nothing changes the locked row: no 40001 to tell.
 */
export const ledger: BookingStrategy = checkedBooking(capacityBy('SELECT capacity FROM packages WHERE id = $1 FOR UPDATE'));

/** The same with a lock that lets foreign keys look at the package meanwhile (FOR KEY SHARE): its key is not going to change. */
export const noKeyUpdate: BookingStrategy = checkedBooking(capacityBy('SELECT capacity FROM packages WHERE id = $1 FOR NO KEY UPDATE'));

/**
 * Locks the package's row by writing it as it is. A new version of the row is a change, so at REPEATABLE READ whoever waited for it
 * fails with 40001 and begins anew, with a snapshot that shows the booking.
 */
export const writeLock: BookingStrategy = checkedBooking(
  capacityBy('UPDATE packages SET capacity = capacity WHERE id = $1 RETURNING capacity'),
);

/** A lock that ends with the transaction, and not before: whoever gets it next counts what was committed. */
export const advisoryTransactionLock: BookingStrategy = checkedBooking(async (client, request) => {
  await client.query('SELECT pg_advisory_xact_lock($1)', [request.packageId]);
  return withoutLock(client, request);
});

/**
 * No lock: PostgreSQL refuses one of two transactions that counted without each other (40001), and the whole transaction is run
 * again, its count included. The level is named because one path at another level would undo it.
 */
export const serializable: BookingStrategy = checkedBooking(withoutLock, 'BEGIN ISOLATION LEVEL SERIALIZABLE');

/** LOCK TABLE takes no snapshot, so the transaction's first one is younger than the lock even at REPEATABLE READ. One booker at a time. */
export const tableLock: BookingStrategy = checkedBooking(async (client, request) => {
  await client.query('LOCK TABLE bookings IN SHARE ROW EXCLUSIVE MODE');
  return withoutLock(client, request);
});
