import { defineScenario } from '../../../../src/index.js';
import { stale } from '../../shared/retry.js';
import { type BookingStrategy, bookSeats } from '../book-seats.js';
import { refusal } from '../counted.js';
import { capacity, usage } from '../invariants.js';
import { countedSchema, countedSeed } from '../schema.js';
import { pair, trio } from '../workloads.js';

/** One statement is not one moment: its count is as old as its snapshot, and until it commits nobody else can count its row. */
const strategy: BookingStrategy = async (client, request) => {
  const { eventId, userId, seats } = request;
  const { rows } = await client.query<{ id: number }>(
    "INSERT INTO bookings (event_id, user_id, seats, status) SELECT id, $2::int, $3::int, 'active' FROM events WHERE id = $1 AND total_seats >= $3::int + (SELECT COALESCE(SUM(seats), 0)::int FROM bookings WHERE event_id = $1 AND status = 'active') RETURNING id",
    [eventId, userId, seats],
  );
  const booking = rows[0];
  if (booking !== undefined) return { bookingId: booking.id, eventId, seats };
  return (await refusal(client, request)) ?? stale;
};

export const insertSelect = defineScenario({
  name: 'events/insert-select',
  description: 'One autocommitted INSERT ... SELECT ... WHERE seats are left, outside any transaction.',
  schema: countedSchema,
  seed: countedSeed,
  operations: { bookSeats: bookSeats(strategy, { attempts: 2 }) },
  workloads: [pair, trio],
  invariants: [capacity],
  requires: ['overlap'],
  usage,
  zoo: {
    class: 'check and insert in one statement',
    anomaly: 'write skew on a predicate (G2)',
    leastActors: 2,
    seenIn: 'knex/knex#4694',
    fix: 'events/conditional',
  },
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
});
