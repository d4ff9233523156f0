import type { Policy } from './policy.js';

/**
 * Actors run one after the other in order, but for a few delays: at each of the given steps the one that would run lets the next go first
 * (delay-bounded scheduling; Emmi, Qadeer and Rakamaric, POPL 2011). Most bugs need very few.
 */
export function delayed(delays: readonly number[]): Policy {
  let step = 0;
  let behind = 0;
  const at = new Map<number, number>();
  for (const delay of delays) at.set(delay, (at.get(delay) ?? 0) + 1);
  return {
    choose: (choices) => {
      behind += at.get(step) ?? 0;
      step += 1;
      return choices[behind % choices.length]!;
    },
  };
}

/** All ways to place `count` delays over the first `steps` steps, few at a time: [0], [1], ..., [0, 0], [0, 1], ... */
export function* delayPlacements(count: number, steps: number, from = 0): Generator<number[]> {
  if (count === 0) {
    yield [];
    return;
  }
  for (let first = from; first < steps; first += 1) for (const rest of delayPlacements(count - 1, steps, first)) yield [first, ...rest];
}
