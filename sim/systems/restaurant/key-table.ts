import type { Client, Rejection } from '../../../src/index.js';
import { type Answer, type BookingRow, earlierAnswer } from './bookings.js';
import type { BookTable } from './requests.js';

/** The booking that the table of keys knows for this request's key. */
export async function findInKeyTable(client: Client, request: BookTable): Promise<Answer | Rejection | undefined> {
  const { rows } = await client.query<BookingRow>(
    'SELECT b.id, b.date, b.slot, b.party_size, b.status FROM idempotency_keys k JOIN bookings b ON b.id = k.booking_id WHERE k.restaurant_id = $1 AND k.idempotency_key = $2',
    [request.restaurantId, request.idempotencyKey],
  );
  return rows[0] === undefined ? undefined : earlierAnswer(request, rows[0]);
}
