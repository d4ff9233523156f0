import { isRejection, type Operation } from '../../../src/index.js';
import { withRetry } from '../shared/retry.js';
import { unknownEvent } from './book-seats.js';
import { eventKey, throughCache } from './event-cache.js';
import { type EventRow, eventView } from './event-view.js';
import { readViewEvent } from './requests.js';

/** One event. What it shows may be out of date when it arrives; only a booking decides. */
export const viewEvent: Operation = async ({ cache, client }, input: unknown) => {
  const request = readViewEvent(input);
  if (isRejection(request)) return request;
  const load = async () => {
    const { rows } = await client.query<EventRow>('SELECT id, name, starts_at, total_seats, available_seats FROM events WHERE id = $1', [
      request.eventId,
    ]);
    const event = rows[0];
    return event === undefined ? unknownEvent(request.eventId) : eventView(event);
  };
  return throughCache(cache, eventKey(request.eventId), () => withRetry(1, load));
};
