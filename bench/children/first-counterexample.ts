/** A process that searches a broken variant: says when it has seen a violation, and when it has made the counterexample minimal. Model alone. */

import { eventsScenarios } from '../../sim/systems/events/index.js';
import { makeCounterexample } from '../../src/explore/counterexample.js';
import { explorePlan } from '../../src/explore/plan.js';
import { DEFAULT_LIMITS } from '../../src/limits.js';
import { drawPlans } from '../../src/plan/draw.js';

const scenario = eventsScenarios.find(({ name }) => name === 'events/check-then-insert');
if (scenario === undefined) throw new Error('events/check-then-insert is gone');
const plans = scenario.workloads.flatMap((workload) => drawPlans(scenario, workload, 'READ COMMITTED', {}, '42', 2));
for (const plan of plans) {
  const { failure } = await explorePlan(scenario, plan, { strategy: 'auto', limits: DEFAULT_LIMITS, postgres: null, model: true });
  if (failure === null) continue;
  console.log('violation');
  const { token } = await makeCounterexample(scenario, failure, { limits: DEFAULT_LIMITS, postgres: null });
  console.log(`counterexample ${token}`);
  break;
}
