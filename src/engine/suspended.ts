import type { MaybePromise } from '../maybe-promise.js';

/** Thrown where something is needed that is on its way, PGlite or the server's version: whoever began the action waits, and begins it anew. */
export class Suspended {
  readonly until: Promise<void>;

  constructor(until: Promise<void>) {
    this.until = until;
  }
}

/**
 * Does something that may need what is not there yet, and does it anew once it is. What it does must be a function of its arguments, so that nothing
 * has happened that would happen twice.
 */
export function whenThere<T>(action: () => T): MaybePromise<T> {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof Suspended)) throw error;
    return error.until.then(() => whenThere(action));
  }
}
