/** What merging equal states is worth: the same plan with every interleaving walked to its end, in turn with the merged exploration. */
import { exploreBookers } from '../bookers.js';
import { type Measurement, median, pairedRatio } from '../figure.js';
import { repeat, timeMs } from '../sampling.js';

export const modelUnmerged: Measurement = {
  name: 'model-unmerged',
  measure: async (budget, progress) => {
    // BEGIN goes with its statement here: 70 interleavings of two actors, 34,650 of three.
    const actors = budget.quick ? 2 : 3;
    progress(`${actors} bookers without merging`);
    const merged: number[] = [];
    const unmerged: number[] = [];
    await exploreBookers({ actors, beginIsStep: false });
    await repeat(budget, 3, async () => {
      unmerged.push(await timeMs(() => exploreBookers({ actors, beginIsStep: false, unmerged: true })));
      merged.push(await settledMs(() => exploreBookers({ actors, beginIsStep: false })));
    });
    const plan = `${actors} actors x 4 steps`;
    const comparison = { to: 'with merging', ratio: pairedRatio(unmerged, merged) };
    return [
      { name: `${plan}, equal states merged`, unit: 'ms', samples: merged },
      { name: `${plan}, every interleaving walked`, unit: 'ms', samples: unmerged, comparison },
    ];
  },
};

/** Times enough for the garbage of the long walk before to be paid for, and the machine code thrown away with it to come back. */
const SETTLING = 25;

async function settledMs(work: () => Promise<unknown>): Promise<number> {
  const samples: number[] = [];
  for (let index = 0; index < SETTLING; index += 1) samples.push(await timeMs(work));
  return median(samples);
}
