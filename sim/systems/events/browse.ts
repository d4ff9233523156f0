import { isRejection, type Operation } from '../../../src/index.js';
import { withRetry } from '../shared/retry.js';
import { pageKey, throughCache } from './event-cache.js';
import { type EventRow, eventView } from './event-view.js';
import { readBrowse } from './requests.js';

/** A page of events, by id: pages stay put while events are created. What it shows may be a minute old. */
export const browse: Operation = async ({ cache, client }, input: unknown) => {
  const request = readBrowse(input);
  if (isRejection(request)) return request;
  const load = async () => {
    const { rows } = await client.query<EventRow>(
      'SELECT id, name, starts_at, total_seats, available_seats FROM events WHERE id > $1 ORDER BY id LIMIT 50',
      [request.afterId],
    );
    return { events: rows.map(eventView) };
  };
  return throughCache(cache, pageKey(request.afterId), () => withRetry(1, load));
};
