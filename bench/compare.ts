/**
 * What other ways to test the same code show, on the same plans and the same kind of server.
 *
 *   npx tsx bench/compare.ts [--rounds N] [--seed S]
 *
 * A stress test: the operations of a plan at once, over connections of their own, `--rounds` times (default 200); the invariants are checked
 * when all are through. fast-check's scheduler: the same operations with every query handed to `fc.scheduler()`.
 * The stress test alone, of everything that is broken on purpose: `npm run zoo -- --stress`.
 */
import { parseArgs } from 'node:util';
import courses from '../docs/examples/course-places.js';
import { checkThenInsert } from '../sim/systems/events/variants/check-then-insert.js';
import { insertSelect } from '../sim/systems/events/variants/insert-select.js';
import { pessimistic } from '../sim/systems/events/variants/pessimistic.js';
import { restoreUnlocked } from '../sim/systems/events/variants/restore-unlocked.js';
import { tornBackup } from '../sim/systems/events/variants/torn-backup.js';
import { DEFAULT_LIMITS, drawPlans, explorePlan, openServer, type Plan, type Scenario } from '../src/index.js';
import { underScheduler } from './compare/fast-check-scheduler.js';
import { FreeRun } from './compare/free-run.js';

const SCENARIOS = [checkThenInsert, insertSelect, ...courses.slice(1), tornBackup, restoreUnlocked];
const PLANS_PER_WORKLOAD = 2;
const WIDTH = 28;

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '200' }, seed: { type: 'string', default: '42' } } });
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) {
  console.error(`--rounds takes a whole number above 0, and not ${values.rounds}`);
  process.exit(2);
}

const plansOf = (scenario: Scenario): Plan[] =>
  scenario.workloads.flatMap((workload) =>
    drawPlans(scenario, workload, 'READ COMMITTED', {}, values.seed, PLANS_PER_WORKLOAD * 4).slice(0, PLANS_PER_WORKLOAD),
  );

/** Of all interleavings of the plans: how many violate. Without monitors, which a stress test has none of. */
async function explored(whole: Scenario, plans: readonly Plan[]): Promise<{ violating: bigint; all: bigint }> {
  const scenario = { ...whole, monitors: [] };
  let violating = 0n;
  let all = 0n;
  for (const plan of plans) {
    const { model } = await explorePlan(scenario, plan, { strategy: 'exhaustive', limits: DEFAULT_LIMITS, model: true, postgres: null });
    violating += BigInt(model?.violating ?? 0);
    all += BigInt(model?.interleavings ?? 0);
  }
  return { violating, all };
}

async function firstWith<T>(items: readonly T[], wanted: (item: T) => Promise<boolean>): Promise<T | undefined> {
  for (const item of items) if (await wanted(item)) return item;
  return undefined;
}

const server = await openServer('embedded');
try {
  console.log(`PostgreSQL ${server.version}, READ COMMITTED, seed ${values.seed}, ${rounds} rounds\n`);
  console.log(`${''.padEnd(WIDTH)}${'stress test'.padEnd(WIDTH)}all interleavings on the model`);
  for (const scenario of SCENARIOS) {
    const plans = plansOf(scenario);
    const { violating, all } = await explored(scenario, plans);
    const free = await FreeRun.open(server, scenario);
    let failed = 0;
    for (let round = 0; round < rounds; round += 1) if ((await free.run(plans[round % plans.length]!)).length > 0) failed += 1;
    await free.close();
    console.log(`${scenario.name.padEnd(WIDTH)}${`${failed} of ${rounds} rounds violate`.padEnd(WIDTH)}${violating} of ${all} violate`);
  }
  console.log('\nfast-check scheduler');
  for (const scenario of [checkThenInsert, pessimistic]) {
    const plans = plansOf(scenario);
    const violated = await firstWith(plans, async (plan) => (await explored(scenario, [plan])).violating > 0n);
    const free = await FreeRun.open(server, scenario);
    console.log(`${scenario.name.padEnd(WIDTH)}${await underScheduler(free, violated ?? plans[0]!, values.seed, rounds)}`);
    await free.close();
  }
} finally {
  await server.close();
}
