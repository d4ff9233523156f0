/** The first exploration in a process: modules are loaded, nothing is compiled or cached yet. Each sample is a process of its own. */
import type { Measurement } from '../figure.js';
import { childPath, runTypeScript } from '../process.js';

export const modelCold: Measurement = {
  name: 'model-cold',
  measure: async ({ quick }, progress) => {
    progress('first explorations in cold processes');
    const samples: number[] = [];
    for (let sample = 0; sample < (quick ? 1 : 7); sample += 1) {
      const { lines } = await runTypeScript(childPath('cold-exploration'), ['3']);
      samples.push(Number(lines[0]!.text));
    }
    return [
      {
        name: '3 actors x 5 steps, first exploration in a process',
        unit: 'ms',
        samples,
        target: { of: 'value', relation: 'at most', limit: 200 },
      },
    ];
  },
};
