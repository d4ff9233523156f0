import { type Cache, isRejection, type Operation, type Rejection } from '../../../src/index.js';
import type { BookSeats } from './requests.js';

/** How long a view may be out of date where nobody says that it is. */
const ttlMs = 60_000;

export const eventKey = (eventId: number): string => `event ${eventId}`;
export const pageKey = (afterId: number): string => `events after ${afterId}`;

/**
 * Cache-aside: what has been loaded is answered again until it is a minute old or somebody removes it. For reading only: a stale answer misinforms a visitor, and
 * what a booking decides on is never one. A cache that does not answer is none: the database is asked.
 */
export async function throughCache<T extends object>(
  cache: Cache,
  key: string,
  load: () => Promise<T | Rejection>,
): Promise<T | Rejection> {
  const known = await orNull(() => cache.get(key));
  if (known !== null) return JSON.parse(known) as T;
  const loaded = await load();
  if (!isRejection(loaded)) await orNull(() => cache.set(key, JSON.stringify(loaded), ttlMs));
  return loaded;
}

/**
 * Removes the view of an event whose seats an operation has changed: after its commit, since before it the old would be loaded again. Pages grow old by
 * themselves.
 */
export function invalidating(operation: Operation): Operation {
  return async (context, input) => {
    const answer = await operation(context, input);
    if (!isRejection(answer)) await orNull(() => context.cache.delete(eventKey((input as BookSeats).eventId)));
    return answer;
  };
}

async function orNull<T>(call: () => Promise<T>): Promise<T | null> {
  try {
    return await call();
  } catch {
    // Down: nothing is known, and what should be removed is not served either.
    return null;
  }
}
