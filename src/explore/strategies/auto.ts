import { UnmodelledError } from '../../engine/contract.js';
import { refusedByModel } from '../refused.js';
import { dporOnServer } from './dpor.js';
import { searched } from './exhaustive.js';
import { portfolio } from './sampling.js';
import type { Strategy } from './strategy.js';

/** Every interleaving on the model while the state graph fits, else samples of them; what the model refuses, in every order that matters on the server. */
export const auto: Strategy = {
  name: 'auto',
  summary: 'exhaustive while the state graph fits, else samples; dpor where the model does not answer',
  rewinds: false,
  explore: async (task) => {
    if (!task.options.model) return dporOnServer(task, (await task.options.postgres)!);
    try {
      return (await searched(task)) ?? (await portfolio.explore(task));
    } catch (error) {
      if (!(error instanceof UnmodelledError)) throw error;
      return refusedByModel(task, error, (postgres) => dporOnServer(task, postgres));
    }
  },
};
