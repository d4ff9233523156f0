import { placeOf } from './place.js';
import type { Request } from './request.js';

/** Errors that were made where requests were: their stacks are read only where somebody asks, since that takes longer than a step. */
const calls = new WeakMap<Request, Error>();

export const noteCall = (request: Request, called: Error): void => {
  calls.set(request, called);
};

/** Where in the operation's code a request was made; null where that is not known. */
export function siteOf(request: Request): string | null {
  const called = calls.get(request);
  return request.site ?? (called === undefined ? null : placeOf(called));
}
