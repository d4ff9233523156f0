import { isRejection, type Operation } from '../../../src/index.js';
import { withRetry } from '../shared/retry.js';
import { readCreateEvent } from './requests.js';

/** One statement, which is a transaction by itself. It is not repeated on any error: a lost reply might hide a created event. */
export const createEvent: Operation = async ({ client, clock }, input: unknown) => {
  const request = readCreateEvent(clock, input);
  if (isRejection(request)) return request;
  const { name, startsAt, totalSeats } = request;
  return withRetry(1, async () => {
    const { rows } = await client.query<{ id: number }>(
      'INSERT INTO events (name, starts_at, total_seats, available_seats, version) VALUES ($1, $2, $3, $3, 0) RETURNING id',
      [name, startsAt, totalSeats],
    );
    return { eventId: rows[0]!.id };
  });
};
