import type { Policy } from './policy.js';
import randomStream from './random.js';

/**
 * Each choice by the steps that its actor has left, as far as earlier runs tell: where nothing blocks, every interleaving is then equally
 * likely, which choosing among actors alike is far from.
 */
export function weighted(seed: string, lengths: readonly number[]): Policy {
  const random = randomStream(seed);
  return {
    choose: (choices, { taken }) => {
      const weights = choices.map((choice) => Math.max(1, (lengths[choice.actor] ?? 1) - (taken[choice.actor] ?? 0)));
      let at = random.float() * weights.reduce((sum, weight) => sum + weight, 0);
      for (const [index, weight] of weights.entries()) {
        at -= weight;
        if (at < 0) return choices[index]!;
      }
      return choices[choices.length - 1]!;
    },
  };
}
