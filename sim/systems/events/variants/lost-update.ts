import { defineScenario } from '../../../../src/index.js';
import { inTransaction } from '../../shared/transaction.js';
import { type BookingStrategy, bookSeats, insertBooking, unknownEvent } from '../book-seats.js';
import { capacityConflict } from '../capacity.js';
import { type EventSeats, occupancyOf } from '../counter.js';
import { counterInvariants, usage } from '../invariants.js';
import { schema, seed } from '../schema.js';
import { pair, trio } from '../workloads.js';

/**
 * The pessimistic strategy without its FOR UPDATE: the number that is written back was computed from an old one, and the second
 * writer undoes what the first has taken. CHECK does not help, since the number was checked when computed and is never negative.
 */
const strategy: BookingStrategy = (client, request) =>
  inTransaction(client, async () => {
    const { eventId, seats } = request;
    const { rows } = await client.query<EventSeats>('SELECT starts_at, total_seats, available_seats FROM events WHERE id = $1', [eventId]);
    const event = rows[0];
    if (event === undefined) return unknownEvent(eventId);
    if (event.available_seats < seats) return capacityConflict(request, occupancyOf(event));
    await client.query('UPDATE events SET available_seats = $2, version = version + 1 WHERE id = $1', [
      eventId,
      event.available_seats - seats,
    ]);
    return insertBooking(client, request);
  });

export const lostUpdate = defineScenario({
  name: 'events/lost-update',
  description: 'Reads available_seats, subtracts in the program, and writes the result back.',
  schema,
  seed,
  operations: { bookSeats: bookSeats(strategy, { attempts: 2 }) },
  workloads: [pair, trio],
  invariants: counterInvariants,
  requires: ['overlap', 'lock-wait'],
  usage,
  zoo: {
    class: 'lost update of a counter',
    anomaly: 'lost update (P4)',
    leastActors: 2,
    seenIn: 'Hermitage, P4; LibreBooking#147',
    fix: 'events/optimistic',
  },
  // At REPEATABLE READ the second writer finds the row changed since its snapshot: 40001, and the transaction starts again.
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'holds' },
});
