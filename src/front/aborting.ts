/** Work that a signal ends: rejects with the signal's reason as soon as it says so. `end` is called in every case, and waited for. */
export async function abortable<T>(signal: AbortSignal | undefined, work: () => Promise<T>, end: () => Promise<void>): Promise<T> {
  signal?.throwIfAborted();
  let abort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal!.reason);
    signal?.addEventListener('abort', abort);
  });
  try {
    return await Promise.race([work(), aborted]);
  } finally {
    signal?.removeEventListener('abort', abort);
    await end();
  }
}
