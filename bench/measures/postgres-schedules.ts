/**
 * Schedules per second on an embedded PostgreSQL, three sessions of four steps, with no, one and two steps that wait: by lastseat alone, in
 * lockstep with the model, and by PostgreSQL's isolationtester, in turn, on the same server and database, with the same reset before each
 * schedule. isolationtester's start and its connections are taken off its time; lastseat's were made before, and it is warm. Everything is measured
 * twice: all on one core (server, lastseat, isolationtester), and where the system puts it. Beside that stands what a run of lastseat does, which has
 * a worker with a server of its own on every core; isolationtester runs one schedule at a time.
 */

import { lastCore, onCore } from '../cores.js';
import { type Budget, type Measured, type Measurement, pairedRatio, type Target } from '../figure.js';
import { findIsolationTester, runIsolationTester, toSpecText } from '../isolationtester.js';
import { repeat, timeMs } from '../sampling.js';
import type { BenchServer } from '../servers.js';
import { type Specification, specificationWith } from '../specification.js';
import { specificationRuns } from '../specification-runs.js';
import { startWorkers } from '../workers.js';

/** Schedules a round, by number of blocked steps: enough for isolationtester's start to be small beside them. */
const BATCH = [200, 30, 30];
const QUICK_BATCH = [20, 3, 3];
/** Executions that are timed together. */
const ORDERS_AT_ONCE = 60;
const WAYS = ['no step waits', 'one step waits', 'two steps wait'];
const ONE_CORE = 'one core';
const AS_MANY: Target = { of: 'ratio', relation: 'at least', limit: 1 };
const TEN_TIMES: Target = { of: 'ratio', relation: 'at least', limit: 10 };

export const postgresSchedules: Measurement = {
  name: 'postgres-schedules',
  measure: async (budget, progress, servers) => {
    const core = lastCore();
    const placements = core === null || budget.quick ? [core] : [core, null];
    const figures: Measured[] = [];
    for (const placement of placements) {
      const where = placement === null ? 'unpinned' : ONE_CORE;
      const measured = await servers.use(placement, (server) =>
        onCore(placement, () => measureOn(server, where, budget, (text) => progress(`${text}, ${where}`))),
      );
      figures.push(...measured);
    }
    return figures;
  },
};

async function measureOn(server: BenchServer, where: string, budget: Budget, progress: (text: string) => void): Promise<Measured[]> {
  const figures: Measured[] = [];
  for (const [blockedSteps, way] of WAYS.entries()) {
    progress(`schedules on PostgreSQL, ${way}`);
    const batch = (budget.quick ? QUICK_BATCH : BATCH)[blockedSteps]!;
    const specification = await specificationWith(blockedSteps, batch);
    figures.push(...(await compare(server, specification, blockedSteps, { where, way }, budget)));
  }
  return figures;
}

async function compare(
  server: BenchServer,
  specification: Specification,
  blockedSteps: number,
  { where, way }: { readonly where: string; readonly way: string },
  budget: Budget,
): Promise<Measured[]> {
  const name = `PostgreSQL ${where}, ${way}`;
  const { schedules } = specification;
  const { alone, together, everyOrder, warmUp } = await specificationRuns(specification, server.engine);
  const tester = findIsolationTester();
  const workers = where === ONE_CORE ? await startWorkers(blockedSteps, schedules.length, budget.quick) : null;
  const rates: Record<'alone' | 'together' | 'orders' | 'workers' | 'tester', number[]> = {
    alone: [],
    together: [],
    orders: [],
    workers: [],
    tester: [],
  };
  const rate = (ms: number) => (schedules.length / ms) * 1000;
  await warmUp(budget.quick);
  await repeat(budget, 3, async (round) => {
    const takeOurs = async () => {
      rates.alone.push(rate(await timeMs(alone)));
      rates.together.push(rate(await timeMs(together)));
      rates.orders.push(await executionRate(everyOrder));
      if (workers !== null) rates.workers.push(workers.count * rate(await workers.batchMs()));
    };
    const takeTheirs = async () => {
      if (tester !== null) rates.tester.push(await testerRate(tester, specification, blockedSteps, server));
    };
    // Who goes first alternates.
    for (const take of round % 2 === 0 ? [takeOurs, takeTheirs] : [takeTheirs, takeOurs]) await take();
  }).finally(() => workers?.stop());
  const against = (samples: readonly number[]): Pick<Measured, 'comparison' | 'target'> => {
    if (tester === null) return {};
    const comparison = { to: 'isolationtester', ratio: pairedRatio(samples, rates.tester) };
    return blockedSteps === 1 ? { comparison, target: TEN_TIMES } : { comparison };
  };
  const unit = 'per second';
  const figures: Measured[] = [
    { name, unit, samples: rates.alone, ...against(rates.alone) },
    { name: `${name}, in lockstep with the model`, unit, samples: rates.together, ...against(rates.together) },
  ];
  const lockstep = { to: 'in lockstep with the model', ratio: pairedRatio(rates.orders, rates.together) };
  figures.push({ name: `${name}, the orders that matter`, unit, samples: rates.orders, comparison: lockstep, target: AS_MANY });
  if (workers !== null)
    figures.push({
      name: `PostgreSQL ${workers.count} workers, ${way}, in lockstep with the model`,
      unit,
      samples: rates.workers,
      ...against(rates.workers),
    });
  if (tester !== null) figures.push({ name: `${name}, isolationtester`, unit, samples: rates.tester });
  return figures;
}

/** Executions per second. Rounds of them are short, so several are timed at once. */
async function executionRate(everyOrder: () => Promise<number>): Promise<number> {
  let executions = 0;
  const ms = await timeMs(async () => {
    while (executions < ORDERS_AT_ONCE) executions += await everyOrder();
  });
  return (executions / ms) * 1000;
}

/** Its rate without its start: the time for all schedules less that for the first alone. Checks that it did what it was to do. */
async function testerRate(tester: string, specification: Specification, blockedSteps: number, server: BenchServer): Promise<number> {
  const { schedules } = specification;
  const first = await runIsolationTester(tester, toSpecText(specification, schedules.slice(0, 1)), server.database());
  const all = await runIsolationTester(tester, toSpecText(specification, schedules), server.database());
  if (all.permutations !== schedules.length || all.waits !== schedules.length * blockedSteps)
    throw new Error(
      `isolationtester ran ${all.permutations} schedules with ${all.waits} waits, not ${schedules.length} with ${blockedSteps} each`,
    );
  return ((schedules.length - 1) / (all.ms - first.ms)) * 1000;
}
