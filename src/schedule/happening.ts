import { type Choice, isOwn } from './choice.js';
import type { Policy } from './policy.js';
import randomStream from './random.js';

/**
 * What no actor does happens at moments of its own, each step alike; the actors' order is the given policy's. Of `count` moments some lie behind the
 * end: then nothing happens.
 */
export function withHappenings(policy: Policy, seed: string, count: number, steps: number): Policy {
  const random = randomStream(seed);
  const moments = Array.from({ length: count }, () => random.integer(0, Math.ceil(1.25 * steps)));
  let step = 0;
  return {
    choose: (choices, view): Choice => {
      const others = choices.filter((choice) => !isOwn(choice));
      const due = moments.findIndex((moment) => moment <= step);
      step += 1;
      if (others.length === choices.length || (others.length > 0 && due >= 0)) {
        if (due >= 0) moments.splice(due, 1);
        return others[random.integer(0, others.length - 1)]!;
      }
      return policy.choose(choices.filter(isOwn), view);
    },
  };
}
