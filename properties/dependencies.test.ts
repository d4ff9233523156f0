import { expect, it } from 'vitest';
import courses from '../docs/examples/course-places.js';
import { ModelEngine } from '../src/engine/model/engine.js';
import { Machine } from '../src/machine.js';
import type { Plan } from '../src/plan/plan.js';
import { recordHistory } from '../src/record.js';
import { explain } from '../src/report/explain.js';
import { run } from '../src/run.js';
import type { IsolationLevel, Scenario } from '../src/scenario.js';
import { ordered } from '../src/schedule/arbitrary.js';

const [unlocked, , locked] = courses as [Scenario, Scenario, Scenario];

/** Why capacity broke, with two who enrol in this order. */
async function why(scenario: Scenario, isolation: IsolationLevel, order: readonly number[]): Promise<string[]> {
  const actors = ['bea', 'cem'].map((student) => ({ name: student, operation: 'enrol', input: { course: 1, student } }));
  const plan: Plan = { scenario: scenario.name, workload: 'rush', isolation, capacity: 2, actors, seed: '1' };
  const machine = new Machine(scenario, plan, new ModelEngine());
  return explain(recordHistory(machine, await run(machine, ordered(order))), 'capacity', isolation);
}

it('at READ COMMITTED a statement reads what was committed before it', async () => {
  expect((await why(unlocked, 'READ COMMITTED', [0, 0, 1, 1, 1, 0])).slice(0, 2)).toEqual([
    'bea read enrolments (step 1) before cem committed a change to it (step 5), and was not told',
    'cem read enrolments (step 3) before bea committed a change to it (step 6), and was not told',
  ]);
});

it('at REPEATABLE READ it reads what was committed before the first statement of its transaction, although that one waited', async () => {
  const lines = await why(locked, 'REPEATABLE READ', [0, 0, 0, 1, 0, 1, 1, 1, 1]);
  expect(lines).toHaveLength(3);
  expect(lines[0]).toBe('cem read enrolments (step 7) as it had been at step 4, before bea committed a change to it (step 5)');
  expect(lines[2]).toContain('a cycle: cem -rw-> bea -rw-> cem');
});
