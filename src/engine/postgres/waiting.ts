import { EngineError } from '../contract.js';

/**
 * The one place that knows the time of day and has timers: nothing else in the library may, since a run is to depend on its seed alone. Here
 * they say how long we are patient with a server, and never what happened.
 */

/** Tells whether that much time has passed since it was made. */
export function expiry(ms: number): () => boolean {
  const end = performance.now() + ms;
  return () => performance.now() > end;
}

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/** How long ago a moment was, given as milliseconds since 1970: the age of a file. */
export const ageMs = (momentMs: number): number => Date.now() - momentMs;

/** Waits for an answer for a while, and says whether it is there: when to ask the server, and no verdict, rests on it. */
export async function answeredWithin(
  exchange: { readonly reply: Promise<unknown>; readonly answered: boolean },
  ms: number,
): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([exchange.reply, late]);
  clearTimeout(timer);
  return exchange.answered;
}

/** The promise, or an error where it takes too long. */
export async function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new EngineError(`${what} did not come within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Milliseconds since it was made: what work took, for those who read its outcome. */
export function stopwatch(): () => number {
  const start = Date.now();
  return () => Date.now() - start;
}

/** A moment that is so far off, as milliseconds since 1970: other processes know it too. */
export const momentIn = (ms: number): number => Date.now() + ms;

export const isPast = (momentMs: number): boolean => Date.now() > momentMs;

/** Does something when that much time has passed. Returns what keeps it from being done. */
export function after(ms: number, act: () => void): () => void {
  const timer = setTimeout(act, ms);
  return () => clearTimeout(timer);
}

/** Does something when all that is under way has had its turn. */
export const soon = (act: () => void): void => void setImmediate(act);
