/** Small scenarios for tests of verdicts: a table of seats, one operation or several, and what an exploration of its one plan says. */
import {
  always,
  combine,
  DEFAULT_LIMITS,
  defineScenario,
  explorePlan,
  type Operation,
  type Plan,
  type PlanOptions,
  type Scenario,
} from '../src/index.js';

/** `seats` with the row (1, 1); `actors` of each operation. */
export function seatsScenario(operations: Readonly<Record<string, Operation>>, rest: Partial<Scenario> = {}, actors = 2): Scenario {
  return defineScenario({
    name: 'own/seats',
    description: 'Seats.',
    schema: 'CREATE TABLE seats (id int PRIMARY KEY, free int NOT NULL);',
    seed: () => 'INSERT INTO seats VALUES (1, 1);',
    operations,
    workloads: [
      {
        name: 'all',
        capacity: always(1),
        roles: Object.keys(operations).map((operation) => ({ operation, min: actors, max: actors, input: always({}) })),
      },
    ],
    invariants: [],
    expect: { 'READ COMMITTED': 'holds' },
    ...rest,
  });
}

const NAMES = ['alice', 'bob', 'carol', 'dave'];

/** The plan in which each actor does what is named, with an empty input. */
export const planOf = (scenario: Scenario, ...operations: string[]): Plan => ({
  scenario: scenario.name,
  workload: scenario.workloads[0]!.name,
  isolation: 'READ COMMITTED',
  capacity: 1,
  actors: operations.map((operation, index) => ({ name: NAMES[index]!, operation, input: {} })),
  seed: '1',
});

/** Explores plans of a scenario, on the model alone where nothing else is asked for, and puts them together. */
export async function outcomeOf(scenario: Scenario, plans: readonly Plan[], options: Partial<PlanOptions> = {}) {
  const explored = [];
  for (const plan of plans)
    explored.push(await explorePlan(scenario, plan, { strategy: 'auto', limits: DEFAULT_LIMITS, postgres: null, model: true, ...options }));
  return combine(scenario, 'READ COMMITTED', explored);
}
