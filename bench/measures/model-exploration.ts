/**
 * All interleavings of three and four bookers of five steps on the model (two and three where it is to be quick), equal states merged, counts
 * exact. Warm: in a process that has explored before; a fresh engine parses the SQL anew, a used one does not. Cold times are model-cold's.
 */
import { ModelEngine } from '../../src/engine/model/engine.js';
import { exploreBookers } from '../bookers.js';
import { type Measured, type Measurement, perSecond } from '../figure.js';
import { sampleMs } from '../sampling.js';

export const modelExploration: Measurement = {
  name: 'model-exploration',
  measure: async (budget, progress) => {
    const figures: Measured[] = [];
    for (const actors of budget.quick ? [2, 3] : [3, 4]) {
      progress(`${actors} bookers on the model`);
      const bookers = `${actors} actors x 5 steps`;
      const work = { actors, beginIsStep: true };
      const { interleavings, states, transitions } = await exploreBookers(work);
      const fresh = await sampleMs(budget, 5, () => exploreBookers(work));
      const engine = new ModelEngine();
      await exploreBookers({ ...work, engine });
      const used = await sampleMs(budget, 5, () => exploreBookers({ ...work, engine }));
      const all = interleavings.toLocaleString('en');
      figures.push(
        {
          name: `${bookers}, all ${all} interleavings, fresh engine`,
          unit: 'ms',
          samples: fresh,
          ...(actors === 3 ? { target: { of: 'value', relation: 'at most', limit: 200 } as const } : {}),
        },
        { name: `${bookers}, the same engine again`, unit: 'ms', samples: used },
        { name: `${bookers}, interleavings covered`, unit: 'per second', samples: perSecond(Number(interleavings), fresh) },
        { name: `${bookers}, states (${states} in all)`, unit: 'per second', samples: perSecond(states, fresh) },
        { name: `${bookers}, transitions (${transitions} in all)`, unit: 'per second', samples: perSecond(transitions, fresh) },
      );
    }
    return figures;
  },
};
