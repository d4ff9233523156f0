/** Real time for an operation under way: the one place in `src/actor` that knows of timers. */

/** Resolves when all that an operation does without waiting for anybody is done: after the microtasks. */
export const turnOfEventLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Waits for a promise; calls `late` if it takes longer than so many milliseconds. */
export async function withPatience(waitMs: number, promise: Promise<void>, late: () => void): Promise<void> {
  const timer = setTimeout(late, waitMs);
  try {
    await promise;
  } finally {
    clearTimeout(timer);
  }
}
