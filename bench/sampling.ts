/** How often something is measured. */
import { setImmediate } from 'node:timers/promises';
import type { Budget } from './figure.js';

/** Rounds beyond which a median does not get better. */
const MOST_ROUNDS = 2_000;

export async function timeMs(work: () => Promise<unknown>): Promise<number> {
  const since = performance.now();
  await work();
  return performance.now() - since;
}

/** Repeats a round until the budget is used up, `least` times in any case, and once where it is to be quick. A round does all that is compared. */
export async function repeat({ seconds, quick }: Budget, least: number, round: (index: number) => Promise<void>): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  const rounds = quick ? 1 : MOST_ROUNDS;
  for (let index = 0; index < rounds && (index < least || performance.now() < deadline); index += 1) {
    await round(index);
    // Exploration never lets go of the event loop by itself: signals come in here.
    await setImmediate();
  }
}

/** Times a piece of work again and again. */
export async function sampleMs(budget: Budget, least: number, work: () => Promise<unknown>): Promise<number[]> {
  const samples: number[] = [];
  await repeat(budget, least, async () => {
    samples.push(await timeMs(work));
  });
  return samples;
}
