import { defineScenario } from '../../../../src/index.js';
import { inTransaction } from '../../shared/transaction.js';
import { type BookingStrategy, bookSeats, insertBooking } from '../book-seats.js';
import { refusal } from '../counted.js';
import { capacity, usage } from '../invariants.js';
import { countedSchema, countedSeed } from '../schema.js';
import { pair, trio } from '../workloads.js';

/** Locks what is booked, then counts. Where nothing is booked yet nothing is locked, and the first bookings do not see each other. */
const strategy: BookingStrategy = (client, request) =>
  inTransaction(client, async () => {
    await client.query("SELECT id FROM bookings WHERE event_id = $1 AND status = 'active' ORDER BY id FOR UPDATE", [request.eventId]);
    return (await refusal(client, request)) ?? insertBooking(client, request);
  });

export const lockExistingBookings = defineScenario({
  name: 'events/lock-existing-bookings',
  description: "Locks the event's bookings FOR UPDATE before counting them; there may be none to lock.",
  schema: countedSchema,
  seed: countedSeed,
  operations: { bookSeats: bookSeats(strategy, { attempts: 2 }) },
  workloads: [pair, trio],
  invariants: [capacity],
  requires: ['overlap'],
  usage,
  zoo: {
    class: 'lock on the rows that exist',
    anomaly: 'write skew on a predicate (G2)',
    leastActors: 2,
    seenIn: 'the fix proposed in calcom/cal.diy#28151',
    fix: 'events/pessimistic',
  },
  // At REPEATABLE READ locking bookings that do exist would not help either: the snapshot is older than the lock.
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
});
