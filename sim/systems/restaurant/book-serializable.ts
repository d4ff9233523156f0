import { inTransaction } from '../shared/transaction.js';
import type { BookingStrategy } from './book-table.js';
import { checkAndInsert } from './check-and-insert.js';

/**
 * Looks, decides and inserts as if nobody else were there, and leaves it to the database to refuse what no order of one after the other could
 * have given (40001). That holds only while everybody who writes what is read here is SERIALIZABLE, too: hosts, restores, and batch jobs.
 */
export const serializable: BookingStrategy = (client, request, admitted) =>
  inTransaction(client, () => checkAndInsert(client, request, admitted), 'BEGIN ISOLATION LEVEL SERIALIZABLE');
