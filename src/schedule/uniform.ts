import type { Policy } from './policy.js';
import randomStream from './random.js';

/** Each choice alike: simple, and blind to bugs that need one actor to stay away for long. */
export function uniform(seed: string): Policy {
  const random = randomStream(seed);
  return { choose: (choices) => choices[random.integer(0, choices.length - 1)]! };
}
