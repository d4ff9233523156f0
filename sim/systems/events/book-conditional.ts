import { inTransaction } from '../shared/transaction.js';
import { type BookingStrategy, insertBooking, unknownEvent } from './book-seats.js';
import { capacityConflict } from './capacity.js';
import { type EventSeats, occupancyOf } from './counter.js';

/**
 * Takes the seats and checks that they are there in one statement, which PostgreSQL evaluates again on the newest row if it had
 * to wait. Only its row count tells whether it did anything.
 */
export const conditional: BookingStrategy = (client, request) =>
  inTransaction(client, async () => {
    const { eventId, seats } = request;
    const { rowCount } = await client.query(
      'UPDATE events SET available_seats = available_seats - $2, version = version + 1 WHERE id = $1 AND available_seats >= $2',
      [eventId, seats],
    );
    if (rowCount === 1) return insertBooking(client, request);
    const { rows } = await client.query<EventSeats>('SELECT starts_at, total_seats, available_seats FROM events WHERE id = $1', [eventId]);
    const event = rows[0];
    return event === undefined ? unknownEvent(eventId) : capacityConflict(request, occupancyOf(event));
  });
