const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** npm passes on what the terminal has sent to everybody already: signals this close together are one. */
const SAME_MS = 300;

/**
 * Ctrl-C and SIGTERM: the first asks for an orderly end, a further one for an end at once. Returns what takes the listeners away
 * again.
 */
export function onInterrupt(orderly: () => void, atOnce: () => void): () => void {
  let firstMs: number | null = null;
  const listener = () => {
    if (firstMs === null) {
      firstMs = performance.now();
      orderly();
    } else if (performance.now() - firstMs > SAME_MS) atOnce();
  };
  for (const signal of SIGNALS) process.on(signal, listener);
  return () => {
    for (const signal of SIGNALS) process.off(signal, listener);
  };
}
