/** How failures get small where they were drawn: fast-check's own loop over our arbitrary, and the minimiser behind it. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkThenInsert } from '../sim/systems/events/variants/check-then-insert.js';
import { bookers } from '../sim/systems/events/workloads.js';
import { rerunOn, searchOnModel } from '../src/explore/trials.js';
import {
  DEFAULT_LIMITS,
  defineScenario,
  explorePlan,
  type Failure,
  integer,
  ModelEngine,
  makeCounterexample,
  openServer,
  type Plan,
  PostgresEngine,
  type PostgresServer,
} from '../src/index.js';
import { minimise, type SmallFailure } from '../src/minimise/minimise.js';
import type { Fingerprint } from '../src/outcome.js';
import { planArbitrary, simplerPlans } from '../src/plan/draw.js';
import { PlanForm } from '../src/plan/form.js';
import { type OrderedPlan, OrderedPlanArbitrary, smallerOrders } from '../src/schedule/arbitrary.js';

/** Six who book one seat or two, of one to three: two of them, one seat each, are enough. */
const crowd = defineScenario({
  ...checkThenInsert,
  name: 'events/check-then-insert-crowd',
  workloads: [{ name: 'crowd', capacity: integer(1, 3), roles: [bookers(6, 6, integer(1, 2))] }],
});
const [workload] = crowd.workloads;
const simplify = (plan: Plan) => simplerPlans(crowd, plan);
const drawn = new OrderedPlanArbitrary(planArbitrary(new PlanForm(crowd, workload!, 'READ COMMITTED', {}, 'shrinking')), simplify);
const overbooked: Fingerprint = { invariant: 'capacity', resource: 'event 1' };
const SMALLEST = { actors: 2, steps: 6, switches: 1, capacity: 1, seats: [1, 1] };
const SEEDS = Array.from({ length: 20 }, (_, seed) => seed);

const engine = new ModelEngine();
const rerun = rerunOn(crowd, engine);

const sizeOf = ({ plan, steps, switches }: SmallFailure) => ({
  actors: plan.actors.length,
  steps,
  switches,
  capacity: plan.capacity,
  seats: plan.actors.map(({ input }) => (input as { seats: number }).seats),
});

const isSmallest = (size: ReturnType<typeof sizeOf>) => JSON.stringify(size) === JSON.stringify(SMALLEST);

/** Draws until an order overbooks, and lets fast-check shrink it. */
async function drawFailure(seed: number): Promise<{ found: SmallFailure; shrunk: SmallFailure; executions: number }> {
  const failing: SmallFailure[] = [];
  let executions = 0;
  const property = fc.asyncProperty(drawn, async (value) => {
    executions += 1;
    const failure = await rerun(value, overbooked);
    if (failure !== null) failing.push(failure);
    return failure === null;
  });
  await fc.check(property, { seed, numRuns: 1_000 });
  return { found: failing[0]!, shrunk: failing.at(-1)!, executions };
}

const failureOf = (found: SmallFailure): Failure => ({ ...found, ...overbooked, schedules: 1, onServerOnly: false });

let draws: Awaited<ReturnType<typeof drawFailure>>[];

beforeAll(async () => {
  draws = [];
  for (const seed of SEEDS) draws.push(await drawFailure(seed));
});

describe('an overselling bug, drawn with six actors, twenty times', () => {
  test('is found larger than it is', () => {
    for (const { found } of draws)
      expect(sizeOf(found)).toMatchObject({ actors: 6, switches: expect.toSatisfy((count: number) => count > 1) });
  });

  test('fast-check’s loop alone ends at the minimum each time', () => {
    expect(draws.map(({ shrunk }) => sizeOf(shrunk)).filter(isSmallest)).toHaveLength(SEEDS.length);
  });

  test('so does the minimiser where it has nothing but runs, and it does not call that minimal', async () => {
    const sizes = [];
    for (const { found } of draws) {
      const minimised = await minimise(crowd, failureOf(found), { search: null, rerun }, 2_000);
      expect(minimised).toMatchObject({ minimal: false });
      sizes.push(sizeOf(minimised!.found));
    }
    expect(sizes.filter(isSmallest)).toHaveLength(SEEDS.length);
  });

  test('where it can search, it always does, and says that there is no smaller one', async () => {
    const search = searchOnModel(crowd, engine);
    for (const { found } of draws) {
      const minimised = await minimise(crowd, failureOf(found), { search, rerun }, 2_000);
      expect(minimised).toMatchObject({ minimal: true, found: { interleavings: '20', violating: '18' } });
      expect(sizeOf(minimised!.found)).toEqual(SMALLEST);
    }
  });
});

describe('on the server alone, for SQL that the model refuses', () => {
  let server: PostgresServer;
  let postgres: PostgresEngine;

  beforeAll(async () => {
    server = await openServer('embedded');
    postgres = new PostgresEngine(server);
  });

  afterAll(async () => {
    postgres?.release();
    await server?.close();
  });

  test('a failure is made small by running it there', async () => {
    const limits = { ...DEFAULT_LIMITS, runs: 20 };
    const { plan } = draws[0]!.found;
    const { failure } = await explorePlan(crowd, plan, { strategy: 'pct', limits, postgres, model: false });
    expect(failure).toMatchObject({ onServerOnly: true, plan: { actors: expect.objectContaining({ length: 6 }) } });
    const found = await makeCounterexample(crowd, failure!, { limits, postgres });
    expect(found).toMatchObject({ actors: 2, steps: 6, switches: 1, minimal: false, confirmedOnPostgres: true });
  });
});

describe('what is tried', () => {
  const named = (actors: string) =>
    [...actors].map((name) => ({ name, operation: 'bookSeats', input: { userId: 1, eventId: 1, seats: 2 } }));
  const plan: Plan = { ...fc.sample(drawn, 1)[0]!.plan, capacity: 3, actors: named('abcd') };
  const show = ({ plan: { capacity, actors }, order }: OrderedPlan) =>
    `${actors.map(({ name, input }) => name + (input as { seats: number }).seats).join('')} of ${capacity}: ${order.map((actor) => actors[actor as number]!.name).join('')}`;

  test('half of the actors left out, then each; the same with small numbers; blocks of one actor joined; numbers, all at once and one by one', () => {
    expect([...smallerOrders({ plan, order: [0, 1, 1, 0, 3, 2] }, simplify)].map(show)).toEqual([
      'c2d2 of 3: dc',
      'a2b2 of 3: abba',
      'b2c2d2 of 3: bbdc',
      'a2c2d2 of 3: aadc',
      'a2b2d2 of 3: abbad',
      'a2b2c2 of 3: abbac',
      'c1d1 of 1: dc',
      'a1b1 of 1: abba',
      'b1c1d1 of 1: bbdc',
      'a1c1d1 of 1: aadc',
      'a1b1d1 of 1: abbad',
      'a1b1c1 of 1: abbac',
      'a2b2c2d2 of 3: aabbdc',
      'a1b1c1d1 of 1: abbadc',
      'a2b2c2d2 of 1: abbadc',
      'a2b2c2d2 of 2: abbadc',
      'a1b2c2d2 of 3: abbadc',
      'a2b1c2d2 of 3: abbadc',
      'a2b2c1d2 of 3: abbadc',
      'a2b2c2d1 of 3: abbadc',
    ]);
  });

  test('nothing, where all is as small as it can be', () => {
    const least = { ...plan, capacity: 1, actors: named('a').map((actor) => ({ ...actor, input: { userId: 1, eventId: 1, seats: 1 } })) };
    expect([...smallerOrders({ plan: least, order: [0, 0, 0] }, simplify)]).toEqual([]);
  });

  test('only what is smaller, so that shrinking comes to an end (seed 42)', () => {
    const size = ({ plan: { capacity, actors }, order }: OrderedPlan) => [
      actors.length,
      order.filter((actor, index) => actor !== order[index - 1]).length,
      capacity + actors.reduce((sum, { input }) => sum + (input as { seats: number }).seats, 0),
    ];
    const property = fc.property(drawn, (value) => {
      for (const candidate of smallerOrders(value, simplify)) {
        const [before, after] = [size(value), size(candidate)];
        const first = after.findIndex((part, index) => part !== before[index]);
        expect(after[first]).toBeLessThan(before[first] ?? Number.NEGATIVE_INFINITY);
      }
    });
    fc.assert(property, { seed: 42, numRuns: 50 });
  });
});
