import { EngineError } from '../contract.js';

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
