/** A plain stress test of every verdict of which a violation is expected: all actors of a plan at once, and the invariants at the end. */
import { DEFAULT_LIMITS, explorePlan, type IsolationLevel, openServer, type Plan, type Scenario, suitePlans } from '../../src/index.js';
import { FreeRun } from '../compare/free-run.js';
import { here, type StressData, type StressResult } from './data.js';

/** The plans of the suite take turns. */
export async function stress(
  shipped: readonly Scenario[],
  seed: string,
  rounds: number,
  progress: (text: string) => void,
): Promise<StressData> {
  const buggy = shipped.flatMap((scenario) =>
    Object.entries(scenario.expect).flatMap(([level, expected]) =>
      expected === 'violated' ? [{ scenario, isolation: level as IsolationLevel }] : [],
    ),
  );
  const results: StressResult[] = [];
  const server = await openServer('embedded');
  try {
    for (const [index, { scenario, isolation }] of buggy.entries()) {
      const plans = suitePlans(scenario, isolation, seed);
      const free = await FreeRun.open(server, scenario);
      let failed = 0;
      for (let round = 0; round < rounds; round += 1) if ((await free.run(plans[round % plans.length]!)).length > 0) failed += 1;
      await free.close();
      progress(`${index + 1}/${buggy.length} ${scenario.name} ${isolation}: ${failed} of ${rounds} rounds violate`);
      results.push({ name: scenario.name, isolation, rounds, failed, inReach: await isInReach(scenario, plans) });
    }
    return { seed, measured: here(server.version), results };
  } finally {
    await server.close();
  }
}

/** Whether a stress test could see it at all. */
export async function isInReach(scenario: Scenario, plans: readonly Plan[]): Promise<boolean> {
  const options = { strategy: 'auto', limits: DEFAULT_LIMITS, postgres: null, model: true } as const;
  for (const { faults: _faults, ...plan } of plans)
    if ((await explorePlan({ ...scenario, monitors: [] }, plan, options)).failure !== null) return true;
  return false;
}
