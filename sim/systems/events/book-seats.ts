import { type Client, isRejection, type Operation, type Rejection } from '../../../src/index.js';
import { reject } from '../shared/rejections.js';
import { type RetryOptions, type stale, withRetry } from '../shared/retry.js';
import { capacityConflict, capacityExceeded, isCapacityConflict } from './capacity.js';
import { type BookSeats, readBookSeats } from './requests.js';

export interface Booked {
  readonly bookingId: number;
  readonly eventId: number;
  readonly seats: number;
}

/** One attempt at a booking, its transaction included. `stale` asks for another attempt. */
export type BookingStrategy = (client: Client, request: BookSeats) => Promise<Booked | Rejection | typeof stale>;

/** What every way of booking has in common: the request is checked before any SQL, conflicts are retried, a full event is reported. */
export function bookSeats(strategy: BookingStrategy, { attempts = 3 }: RetryOptions = {}): Operation {
  return async ({ client, emit }, input: unknown) => {
    const request = readBookSeats(input);
    if (isRejection(request)) return request;
    const result = await withRetry(attempts, () => strategy(client, request), {
      events_available_seats_not_negative: () => capacityConflict(request, { startsAt: null, usage: null, capacity: null }),
      bookings_event_id_fkey: () => unknownEvent(request.eventId),
    });
    if (isCapacityConflict(result)) emit(capacityExceeded(request, result));
    return result;
  };
}

export function unknownEvent(eventId: number): Rejection {
  return reject('NOT_FOUND', `there is no event ${eventId}`);
}

export async function insertBooking(client: Client, { eventId, userId, seats }: BookSeats): Promise<Booked> {
  const { rows } = await client.query<{ id: number }>(
    "INSERT INTO bookings (event_id, user_id, seats, status) VALUES ($1, $2, $3, 'active') RETURNING id",
    [eventId, userId, seats],
  );
  return { bookingId: rows[0]!.id, eventId, seats };
}
