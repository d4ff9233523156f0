/** Which plans of a workload are explored, what is said of the others, and that no verdict hangs on the seed. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eventsScenarios } from '../sim/systems/events/index.js';
import { pessimistic } from '../sim/systems/events/variants/pessimistic.js';
import {
  always,
  combine,
  coverPlans,
  DEFAULT_LIMITS,
  defineScenario,
  drawPlans,
  explorePlan,
  integer,
  type Operation,
  type Plan,
  type PlanCounts,
  PlanCovering,
  PlanForm,
  type PlanOutcome,
  record,
  runsOfEach,
  type Scenario,
  scenarioText,
  suiteLine,
  sumCounts,
  type TextOptions,
  TooManyPlansError,
  type WantedPlans,
  type Workload,
} from '../src/index.js';
import { allOf, showCounts } from '../src/plan/counts.js';

/** Looks whether the seat is taken, and takes it: two who want the same seat both get it. */
const book: Operation = async ({ client }, { seat }: { seat: number }) => {
  const { rows } = await client.query('SELECT 1 FROM bookings WHERE seat = $1', [seat]);
  if (rows.length > 0) return { rejected: true, code: 'AVAILABILITY_CONFLICT', status: 409, message: 'taken' };
  await client.query('INSERT INTO bookings (seat) VALUES ($1)', [seat]);
  return { seat };
};

const seats = (count: number) => record({ seat: integer(1, count) });
const theater = (workload: Partial<Workload>, more: Partial<Scenario> = {}): Scenario =>
  defineScenario({
    name: 'theater/checked-first',
    description: 'Checked, then inserted.',
    schema: 'CREATE TABLE bookings (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, seat int NOT NULL);',
    seed: () => 'SELECT 1;',
    operations: { book, rebook: book },
    workloads: [{ name: 'two', capacity: always(1), roles: [{ operation: 'book', min: 2, max: 2, input: seats(3) }], ...workload }],
    invariants: [
      { name: 'seat', sql: "SELECT seat AS resource, 'booked twice' AS message FROM bookings GROUP BY seat HAVING count(*) > 1" },
    ],
    expect: { 'READ COMMITTED': 'violated' },
    ...more,
  });

const coveringOf = (scenario: Scenario, wanted: WantedPlans = 'default', limits: Partial<typeof DEFAULT_LIMITS> = {}, seed = '1') =>
  new PlanCovering(new PlanForm(scenario, scenario.workloads[0]!, 'READ COMMITTED', {}, seed), wanted, { ...DEFAULT_LIMITS, ...limits });

const seatsOf = ({ actors }: Plan): number[] => actors.map(({ input }) => (input as { seat: number }).seat);

/** An outcome that has cost so many steps. */
const outcomeOf = (plan: Plan, transitions: number, more: Partial<PlanOutcome> = {}): PlanOutcome => ({
  plan,
  verdict: 'explored',
  model: { interleavings: '20', violating: '0', states: 9, transitions, exhaustive: true, strategy: 'exhaustive', coarse: [] },
  postgres: null,
  witnesses: {},
  operations: {},
  activity: null,
  reason: null,
  limits: [],
  failure: null,
  divergence: null,
  ...more,
});

describe('a scenario of which half of the plans are right', () => {
  const explore = (scenario: Scenario) => async (plan: Plan) => ({
    outcome: await explorePlan(scenario, plan, { strategy: 'auto', limits: DEFAULT_LIMITS, postgres: null, model: true }),
  });

  test('is violated under every seed from 1 to 20, in the smallest of its plans that fail', async () => {
    const scenario = theater({});
    for (let seed = 1; seed <= 20; seed += 1) {
      const { results, counts } = await coverPlans(coveringOf(scenario, 'default', {}, String(seed)), explore(scenario), 2);
      const outcomes = results.map(({ outcome }) => outcome);
      expect(combine(scenario, 'READ COMMITTED', outcomes, counts)).toMatchObject({
        verdict: 'violated',
        planCounts: { explored: 6, of: '6', exact: true, drawn: 0, declared: false },
      });
      expect(seatsOf(outcomes.find(({ failure }) => failure !== null)!.plan)).toEqual([1, 1]);
    }
  });

  test('of two roles with three inputs each is explored in all of its nine plans', async () => {
    const scenario = theater({ roles: ['book', 'rebook'].map((operation) => ({ operation, input: seats(3) })) });
    const { results, counts } = await coverPlans(coveringOf(scenario), explore(scenario), 2);
    expect(counts).toEqual(allOf(9));
    expect(results.filter(({ outcome }) => outcome.verdict === 'violated').map(({ outcome }) => seatsOf(outcome.plan))).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
  });
});

describe('what is explored', () => {
  const cheap = (steps: number) => async (plan: Plan) => ({ outcome: outcomeOf(plan, steps) });
  const large = theater({ roles: [{ operation: 'book', min: 2, max: 3, input: seats(40) }] });

  test('is all that the limits allow, the smallest first, and two more that the seed gives', async () => {
    const { results, counts } = await coverPlans(coveringOf(large, 'default', { plans: 30 }), cheap(1), 2);
    const plans = results.map(({ outcome }) => outcome.plan);
    expect(plans.slice(0, 4).map(seatsOf)).toEqual([
      [1, 1],
      [1, 2],
      [1, 3],
      [2, 2],
    ]);
    expect(new Set(plans.map((plan) => JSON.stringify(plan))).size).toBe(32);
    expect(counts).toEqual({ explored: 32, of: '12300', exact: true, drawn: 2, declared: false });
    expect(showCounts(counts)).toBe('32 of 12,300 plans, the 30 smallest, and 2 drawn from the seed');
  });

  test.each([1, 2, 3, 7, 30])('is the same however many are explored at once (%i), up to the budget of steps', async (atOnce) => {
    let running = 0;
    const explore = async (plan: Plan) => {
      running += 1;
      for (let turn = 0; turn < (seatsOf(plan)[1]! * 7) % 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return { outcome: outcomeOf(plan, 30) };
    };
    const { results, counts } = await coverPlans(coveringOf(large, 'default', { planSteps: 100 }), explore, atOnce);
    expect(running).toBe(0);
    expect(results.map(({ outcome }) => seatsOf(outcome.plan)).slice(0, 4)).toEqual([
      [1, 1],
      [1, 2],
      [1, 3],
      [2, 2],
    ]);
    expect(counts).toMatchObject({ explored: 6, drawn: 2 });
  });

  test('is no further plan once the time is up', async () => {
    let begun = 0;
    const explore = async (plan: Plan) => {
      begun += 1;
      return { outcome: outcomeOf(plan, 1, begun === 3 ? { limits: ['time'], verdict: 'inconclusive', model: null } : {}) };
    };
    const { results, counts } = await coverPlans(coveringOf(large), explore, 1);
    expect(results.map(({ outcome }) => outcome.verdict)).toEqual(['explored', 'explored', 'inconclusive']);
    expect([begun, counts.explored]).toEqual([3, 3]);
  });

  test('costs ten steps for each schedule where the server alone is sampled', async () => {
    const sampled = (plan: Plan) =>
      outcomeOf(plan, 0, { model: null, postgres: { runs: 100, transitionsConfirmed: 0, transitionsUnforceable: 0, divergences: 0 } });
    const { counts } = await coverPlans(
      coveringOf(large, 'default', { planSteps: 3_000 }),
      async (plan) => ({ outcome: sampled(plan) }),
      2,
    );
    expect(counts).toMatchObject({ explored: 5, drawn: 2 });
  });

  test('is what --plans says: as many of the smallest, or all', async () => {
    expect(coveringOf(large, 7).plans).toHaveLength(7);
    expect((await coverPlans(coveringOf(large, 7), cheap(1_000_000), 2)).counts).toMatchObject({ explored: 7, drawn: 0 });
    expect((await coverPlans(coveringOf(theater({}), 'all'), cheap(1_000_000), 2)).counts).toEqual(allOf(6));
    expect(coveringOf(large, 'all').plans).toHaveLength(12_300);
  });

  test('cannot be all where they are too many, or their number is not known', () => {
    const two = (input: Workload['roles'][number]['input']) => theater({ roles: [{ operation: 'book', min: 2, max: 2, input }] });
    expect(() => coveringOf(two(seats(1_000)), 'all')).toThrow(
      new TooManyPlansError('workload "two" of theater/checked-first has 500,500 plans, and 20,000 are explored at the most'),
    );
    expect(() => coveringOf(two(fc.record({ seat: fc.nat(3) })), 'all')).toThrow('does not say which values it has');
  });

  test('is nothing where there is no plan, and nobody draws for ever', () => {
    const none = (input: Workload['roles'][number]['input'], more: object = {}) =>
      theater({ roles: [{ operation: 'book', input, ...more }] }, { drawnPlans: 2 });
    const message = "a filter leaves no value, or a role's `max` is less than its `min`";
    expect(() => coveringOf(none(seats(3).filter(() => false)))).toThrow(message);
    expect(() => coveringOf(none(seats(3), { min: 2, max: 1 }))).toThrow(message);
  });

  test('is drawn where a generator does not say which values it has, and no number is guessed', async () => {
    const scenario = theater({ roles: [{ operation: 'book', min: 2, max: 2, input: fc.record({ seat: fc.nat(1) }) }] });
    const { results, counts } = await coverPlans(coveringOf(scenario), cheap(1), 2);
    expect(results).toHaveLength(3);
    expect(counts).toEqual({ explored: 3, of: null, exact: false, drawn: 3, declared: false });
    expect(showCounts(counts)).toBe('3 of an unknown number of plans, drawn from the seed');
  });

  test('is what the scenario declares, drawn from the seed, unless --plans says otherwise', async () => {
    const declaring = theater({}, { drawnPlans: 2 });
    const [workload] = declaring.workloads;
    expect(coveringOf(declaring).plans).toEqual(drawPlans(declaring, workload!, 'READ COMMITTED', {}, '1', 8).slice(0, 2));
    const { counts } = await coverPlans(coveringOf(declaring), cheap(1_000_000), 2);
    expect(counts).toEqual({ explored: 2, of: '6', exact: true, drawn: 2, declared: true });
    expect((await coverPlans(coveringOf(declaring, 'all'), cheap(1), 2)).counts).toEqual(allOf(6));
  });

  test('fails where a plan does, and not where one does that is beyond the budget', async () => {
    const failing = (bad: string) => async (plan: Plan) => {
      if (JSON.stringify(seatsOf(plan)) === bad) throw new Error('broken');
      return { outcome: outcomeOf(plan, 30) };
    };
    await expect(coverPlans(coveringOf(large), failing('[1,2]'), 4)).rejects.toThrow('broken');
    const within = await coverPlans(coveringOf(large, 'default', { planSteps: 30, drawnPlans: 0 }), failing('[1,2]'), 4);
    expect(within.counts.explored).toBe(1);
  });

  test('shares the sampled schedules of two plans, where there are more', () => {
    expect([1, 2, 4, 9, 1_000].map((plans) => runsOfEach(DEFAULT_LIMITS, plans))).toEqual([1_000, 1_000, 500, 223, 100]);
  });
});

test('every shipped variant declares two plans of each workload', () => {
  expect(eventsScenarios.map(({ drawnPlans }) => drawnPlans)).toEqual(eventsScenarios.map(() => 2));
});

describe('the verdict', () => {
  const plan = coveringOf(theater({})).plans[0]!;
  const proved = outcomeOf(plan, 10, { verdict: 'proved' });
  const some: PlanCounts = { explored: 12, of: '72', exact: true, drawn: 0, declared: false };
  const verdictOf = (outcome: PlanOutcome, counts: PlanCounts, scenario = pessimistic) => {
    const { verdict, reason } = combine({ ...scenario, requires: [] }, 'READ COMMITTED', [outcome], counts);
    return { verdict, reason };
  };

  test('is proved or explored where all plans were', () => {
    expect(verdictOf(proved, allOf(1))).toEqual({ verdict: 'proved', reason: null });
    expect(verdictOf(outcomeOf(plan, 10), allOf(1))).toMatchObject({ verdict: 'explored' });
  });

  test('is that of a sample where others were left out', () => {
    const sample = { verdict: 'passed', reason: '12 of 72 plans, the smallest first' };
    expect(verdictOf(proved, some)).toEqual(sample);
    expect(verdictOf(outcomeOf(plan, 10), some)).toEqual(sample);
    expect(verdictOf(proved, { ...some, of: null, exact: false, drawn: 12 })).toMatchObject({ verdict: 'passed' });
    expect(verdictOf(proved, { ...some, explored: 72, exact: false })).toEqual({
      verdict: 'passed',
      reason: '72 of at most 72 plans, the smallest first',
    });
  });

  test('is about the plans that the scenario declares, where it does', () => {
    expect(verdictOf(proved, { ...some, declared: true })).toEqual({ verdict: 'proved', reason: null });
    expect(showCounts({ ...some, declared: true })).toBe('12 of 72 plans, as the scenario declares');
  });

  test('is no better than it was', () => {
    for (const verdict of ['violated', 'diverged', 'inconclusive', 'unmodelled'] as const)
      expect(verdictOf(outcomeOf(plan, 10, { verdict, reason: 'why' }), some)).toEqual({ verdict, reason: 'why' });
  });
});

describe('what is shown', () => {
  const options: TextOptions = { width: 120, postgres: null, version: '0', color: false, replayCommand: 'replay' };
  const plans = coveringOf(theater({ roles: [{ operation: 'book', min: 2, max: 2, input: seats(40) }] }), 190).plans;
  const shown = (outcomes: readonly PlanOutcome[], counts: PlanCounts) => {
    const combined = combine({ ...pessimistic, requires: [] }, 'READ COMMITTED', outcomes, counts);
    return { ...combined, elapsedMs: 0, firstViolation: null, counterexample: null };
  };

  test('of two hundred plans are the first of those that came out alike, and how many others did', () => {
    const outcomes = plans.map((each, index) => outcomeOf(each, 10, { verdict: index < 188 ? 'proved' : 'explored' }));
    expect(scenarioText(shown(outcomes, { explored: 190, of: '820', exact: true, drawn: 0, declared: false }), options)).toBe(
      [
        'verdict     passed: no violation in any of 3,800 interleavings of 190 of 820 plans. A sample is no proof',
        'plans       190 of 820 plans, the smallest first; all of them: --plans all',
        '  plan      two: alice (seat 1), bob (seat 1), capacity 1: proved (20 interleavings, 9 states)',
        '  plan      ... and 187 more of two: proved (3,740 interleavings, 1,683 states)',
        '  plan      two: alice (seat 21), bob (seat 7), capacity 1: explored (20 interleavings, 9 states)',
        '  plan      ... and 1 more of two: explored (20 interleavings, 9 states)',
      ].join('\n'),
    );
  });

  test('of a suite is how many plans of how many', () => {
    const line = suiteLine(shown([outcomeOf(plans[0]!, 10)], { explored: 4, of: '8', exact: true, drawn: 4, declared: true }), options, 20);
    expect(line).toContain('explored   4 of 8 plans, 20 interleavings · ');
  });

  test('of several workloads is their sum', () => {
    expect(showCounts(sumCounts([allOf(2), allOf(9)]))).toBe('11 of 11 plans');
    expect(showCounts(sumCounts([allOf(2), { explored: 2, of: '10', exact: false, drawn: 2, declared: true }]))).toBe(
      '4 of at most 12 plans, as the scenario declares',
    );
    expect(showCounts(sumCounts([allOf(2), { explored: 3, of: null, exact: false, drawn: 3, declared: false }]))).toBe(
      '5 of an unknown number of plans, the 2 smallest, and 3 drawn from the seed',
    );
  });
});
