import type { Policy } from './policy.js';
import randomStream from './random.js';

/**
 * Probabilistic concurrency testing (Burckhardt and others, ASPLOS 2010): actors have random priorities, the highest runs, and at `depth - 1`
 * random steps the running one drops to the bottom. Finds any bug of that depth with a probability of at least 1 / (n k^(depth-1)).
 */
export function pct(seed: string, actors: number, steps: number, depth = 3): Policy {
  const random = randomStream(seed);
  const priorities = Array.from({ length: actors }, () => random.float() + depth);
  const drops = new Set(Array.from({ length: depth - 1 }, () => random.integer(1, Math.max(1, steps))));
  let step = 0;
  return {
    choose: (choices) => {
      step += 1;
      const highest = () => choices.reduce((best, choice) => (priorities[choice.actor]! > priorities[best.actor]! ? choice : best));
      const chosen = highest();
      if (!drops.has(step)) return chosen;
      priorities[chosen.actor] = random.float() * (depth / (step + 1));
      return highest();
    },
  };
}
