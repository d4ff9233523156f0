/** Single runs on the model under a random policy: what sampling does where a plan is too large for exhaustive exploration. */
import { ModelEngine } from '../../src/engine/model/engine.js';
import { run } from '../../src/run.js';
import { uniform } from '../../src/schedule/uniform.js';
import { bookersMachine } from '../bookers.js';
import { type Measurement, perSecond } from '../figure.js';
import { sampleMs } from '../sampling.js';

export const modelSchedules: Measurement = {
  name: 'model-schedules',
  measure: async (budget, progress) => {
    progress('random schedules on the model');
    const machine = bookersMachine(new ModelEngine(), 3, false);
    const batch = budget.quick ? 20 : 200;
    let seed = 0;
    const runBatch = async () => {
      for (let index = 0; index < batch; index += 1) {
        seed += 1;
        await run(machine, uniform(String(seed)));
      }
    };
    await runBatch();
    const samples = await sampleMs(budget, 3, runBatch);
    return [{ name: '3 actors x 4 steps, random schedules on the model', unit: 'per second', samples: perSecond(batch, samples) }];
  },
};
