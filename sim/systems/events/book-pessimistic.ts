import { inTransaction } from '../shared/transaction.js';
import { type BookingStrategy, insertBooking, unknownEvent } from './book-seats.js';
import { capacityConflict } from './capacity.js';
import { type EventSeats, occupancyOf } from './counter.js';

/**
 * Locks the event's row, then decides. Whoever waits for the lock at READ COMMITTED gets the row as the holder left it; at
 * REPEATABLE READ a changed row is a serialization failure (40001) and the whole transaction is tried again. What was read under
 * the lock stays true until the commit, so the new count may be computed here.
 */
export const pessimistic: BookingStrategy = (client, request) =>
  inTransaction(client, async () => {
    const { eventId, seats } = request;
    const { rows } = await client.query<EventSeats>('SELECT starts_at, total_seats, available_seats FROM events WHERE id = $1 FOR UPDATE', [
      eventId,
    ]);
    const event = rows[0];
    if (event === undefined) return unknownEvent(eventId);
    if (event.available_seats < seats) return capacityConflict(request, occupancyOf(event));
    await client.query('UPDATE events SET available_seats = $2, version = version + 1 WHERE id = $1', [
      eventId,
      event.available_seats - seats,
    ]);
    return insertBooking(client, request);
  });
