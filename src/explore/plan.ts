import type { PlanOutcome } from '../outcome.js';
import type { Plan } from '../plan/plan.js';
import type { Scenario } from '../scenario.js';
import { orRefused } from './refused.js';
import { STRATEGIES, type StrategyName } from './strategies/list.js';
import { PlanTask, type TaskOptions } from './task.js';

/** Where one plan is explored, how, and how far. */
export interface ExploreOptions extends TaskOptions {
  readonly strategy: StrategyName;
}

/** Explores one plan as far as its strategy goes. */
export const explorePlan = (scenario: Scenario, plan: Plan, options: ExploreOptions): Promise<PlanOutcome> => {
  const task = new PlanTask(scenario, plan, options);
  return orRefused(task, STRATEGIES[options.strategy].explore(task));
};
