import type { Client, Rejection } from '../../../src/index.js';
import { reject } from '../shared/rejections.js';
import type { BookTable } from './requests.js';

export interface Booked {
  readonly bookingId: number;
  readonly restaurantId: number;
  readonly date: string;
  readonly slot: string;
  readonly partySize: number;
  readonly status: 'active' | 'cancelled';
}

/** A booking, and whether this request made it or an earlier one with the same key. */
export interface Answer {
  readonly booking: Booked;
  readonly isNew: boolean;
}

/** The constraint that gives a key to one booking. */
export const keyConstraint = 'bookings_idempotency_key';

export interface BookingRow {
  readonly id: number;
  readonly date: string;
  readonly slot: string;
  readonly party_size: number;
  readonly status: Booked['status'];
}

/**
 * The booking that has this request's key, as it is now. A key that comes back with another request is a mistake of the caller's, and neither
 * the old booking nor a new one is what was asked for.
 */
export async function findByKey(client: Client, request: BookTable): Promise<Answer | Rejection | undefined> {
  const { restaurantId, idempotencyKey } = request;
  const { rows } = await client.query<BookingRow>(
    'SELECT id, date, slot, party_size, status FROM bookings WHERE restaurant_id = $1 AND idempotency_key = $2',
    [restaurantId, idempotencyKey],
  );
  return rows[0] === undefined ? undefined : earlierAnswer(request, rows[0]);
}

export function earlierAnswer(request: BookTable, { id, date, slot, party_size, status }: BookingRow): Answer | Rejection {
  if (date !== request.date || slot !== request.slot || party_size !== request.partySize)
    return reject('INVALID_INPUT', `the idempotency key ${request.idempotencyKey} was used for another request`);
  return { booking: { bookingId: id, restaurantId: request.restaurantId, date, slot, partySize: party_size, status }, isNew: false };
}

export async function insertBooking(client: Client, request: BookTable): Promise<Answer> {
  const { restaurantId, date, slot, partySize, idempotencyKey, source } = request;
  const { rows } = await client.query<{ id: number }>(
    "INSERT INTO bookings (restaurant_id, date, slot, party_size, idempotency_key, status, source) VALUES ($1, $2, $3, $4, $5, 'active', $6) RETURNING id",
    [restaurantId, date, slot, partySize, idempotencyKey, source],
  );
  return { booking: { bookingId: rows[0]!.id, restaurantId, date, slot, partySize, status: 'active' }, isNew: true };
}
