/** Same seed, same bytes; and what a seed gives one thing does not change because there is another. */
import { describe, expect, test } from 'vitest';
import { eventsScenarios } from '../sim/systems/events/index.js';
import { checkThenInsert } from '../sim/systems/events/variants/check-then-insert.js';
import {
  DEFAULT_LIMITS,
  drawPlans,
  explorePlan,
  ModelEngine,
  makeCounterexample,
  type Operation,
  type Plan,
  type Scenario,
  type StrategyName,
} from '../src/index.js';
import { Machine } from '../src/machine.js';
import { run } from '../src/run.js';
import { drawOrders, ordered } from '../src/schedule/arbitrary.js';

const draw = (scenario: Scenario, seed: string, count = 5): Plan[] =>
  scenario.workloads.flatMap((workload) => drawPlans(scenario, workload, 'READ COMMITTED', {}, seed, count));

const [pair, trio] = checkThenInsert.workloads;
const planOf = (seed: string): Plan => drawPlans(checkThenInsert, trio!, 'READ COMMITTED', {}, seed, 1)[0]!;

describe('plans', () => {
  test.each(['42', '7', 'a text'])('of every variant are the same again under seed %s', (seed) => {
    for (const scenario of eventsScenarios) expect(JSON.stringify(draw(scenario, seed))).toBe(JSON.stringify(draw(scenario, seed)));
  });

  test('of other seeds are others', () => {
    const drawn = ['42', '43', '042', '-42'].map((seed) =>
      draw(checkThenInsert, seed).map((plan) => JSON.stringify([plan.capacity, plan.actors])),
    );
    expect(new Set(drawn.map(String)).size).toBe(drawn.length);
  });

  test('do not change with another workload, before or behind', () => {
    const alone = { ...checkThenInsert, workloads: [pair!] };
    const drawn = draw(alone, '42');
    for (const workloads of [
      [pair!, trio!],
      [trio!, pair!],
    ])
      expect(draw({ ...checkThenInsert, workloads }, '42').filter(({ workload }) => workload === pair!.name)).toEqual(drawn);
  });

  test('begin with the same ones however many are drawn', () => {
    const many = draw(checkThenInsert, '42', 8);
    for (const workload of checkThenInsert.workloads) {
      const mine = many.filter((plan) => plan.workload === workload.name);
      const few = drawPlans(checkThenInsert, workload, 'READ COMMITTED', {}, '42', 2);
      expect(mine.slice(0, few.length)).toEqual(few);
    }
  });
});

test('orders of a plan begin with the same ones however many are drawn', () => {
  expect(drawOrders(planOf('42'), 9).slice(0, 3)).toEqual(drawOrders(planOf('42'), 3));
});

test('what an actor draws does not change when another is there', async () => {
  const throwing: Operation = async ({ client, random }) => {
    const die = random.integer(1, 1_000_000);
    await client.query('SELECT 1');
    return [die, random.uuid()];
  };
  const scenario: Scenario = { ...checkThenInsert, operations: { throw: throwing } };
  const thrown = async (names: readonly string[], order: readonly number[], seed = '42') => {
    const plan: Plan = { ...planOf(seed), actors: names.map((name) => ({ name, operation: 'throw', input: null })) };
    const { steps } = await run(new Machine(scenario, plan, new ModelEngine()), ordered(order));
    return new Map(steps.map(({ choice, finished }) => [names[choice.actor], JSON.stringify(finished)]));
  };
  const both = await thrown(['alice', 'bob'], [0, 1]);
  expect((await thrown(['alice'], [0])).get('alice')).toBe(both.get('alice'));
  expect((await thrown(['bob', 'alice'], [1, 0])).get('alice')).toBe(both.get('alice'));
  expect(both.get('bob')).not.toBe(both.get('alice'));
  expect((await thrown(['alice'], [0], '43')).get('alice')).not.toBe(both.get('alice'));
});

describe('an exploration', () => {
  const explore = (seed: string, strategy: StrategyName, maxStates = DEFAULT_LIMITS.maxStates) =>
    explorePlan(checkThenInsert, planOf(seed), {
      strategy,
      limits: { ...DEFAULT_LIMITS, runs: 40, maxStates },
      postgres: null,
      model: true,
    });

  test.each<[string, StrategyName, number | undefined]>([
    ['of every interleaving', 'exhaustive', undefined],
    ['by a portfolio, where there are too many', 'auto', 10],
    ['at random', 'uniform', undefined],
    ['by priorities', 'pct', undefined],
    ['by few delays', 'bounded', undefined],
  ])('%s says the same again', async (_what, strategy, maxStates) => {
    const first = await explore('42', strategy, maxStates);
    expect(first.verdict).toBe('violated');
    expect(JSON.stringify(await explore('42', strategy, maxStates))).toBe(JSON.stringify(first));
  });

  test('makes the same counterexample again', async () => {
    const tokens = [];
    for (let time = 0; time < 2; time += 1) {
      const { failure } = await explore('42', 'exhaustive');
      tokens.push(await makeCounterexample(checkThenInsert, failure!, { limits: DEFAULT_LIMITS, postgres: null }));
    }
    expect(JSON.stringify(tokens[1])).toBe(JSON.stringify(tokens[0]));
  });
});
