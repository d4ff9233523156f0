import { stale } from '../shared/retry.js';
import { inTransaction } from '../shared/transaction.js';
import { type BookingStrategy, insertBooking, unknownEvent } from './book-seats.js';
import { capacityConflict } from './capacity.js';
import { type EventSeats, occupancyOf } from './counter.js';

/**
 * Reads without a lock and takes the seats only if the event is still at the version that was read. Every change of the row
 * raises the version, a restore from backup included, so an equal version means an unchanged row.
 */
export const optimistic: BookingStrategy = (client, request) =>
  inTransaction(client, async () => {
    const { eventId, seats } = request;
    const { rows } = await client.query<EventSeats & { version: number }>(
      'SELECT starts_at, total_seats, available_seats, version FROM events WHERE id = $1',
      [eventId],
    );
    const event = rows[0];
    if (event === undefined) return unknownEvent(eventId);
    if (event.available_seats < seats) return capacityConflict(request, occupancyOf(event));
    const { rowCount } = await client.query(
      'UPDATE events SET available_seats = $2, version = version + 1 WHERE id = $1 AND version = $3',
      [eventId, event.available_seats - seats, event.version],
    );
    return rowCount === 1 ? insertBooking(client, request) : stale;
  });
