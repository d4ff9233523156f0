/** Safe booking code from which one safeguard was taken: the exploration must find what it was for. */
import { expect, test } from 'vitest';
import { type Sent, type Tampering, tampered } from '../bench/zoo/tampering.js';
import { schemaWithoutForeignKey } from '../sim/systems/events/schema.js';
import { backupRestore } from '../sim/systems/events/variants/backup-restore.js';
import { conditional } from '../sim/systems/events/variants/conditional.js';
import { optimistic } from '../sim/systems/events/variants/optimistic.js';
import { pessimistic } from '../sim/systems/events/variants/pessimistic.js';
import { combine, DEFAULT_LIMITS, drawPlans, explorePlan, type Scenario } from '../src/index.js';

const SEED = 'mutants';

/** The verdict over the plans that the suite would explore, on the model alone. */
async function verdictOf(scenario: Scenario) {
  const options = { strategy: 'auto', limits: DEFAULT_LIMITS, postgres: null, model: true } as const;
  const plans = scenario.workloads.flatMap((workload) => drawPlans(scenario, workload, 'READ COMMITTED', {}, SEED, 2));
  const outcomes = await Promise.all(plans.map((plan) => explorePlan(scenario, plan, options)));
  const { verdict, reason } = combine(scenario, 'READ COMMITTED', outcomes);
  return { verdict, reason, violates: [...new Set(outcomes.flatMap((outcome) => outcome.failure?.invariant ?? []))] };
}

const without =
  (part: string) =>
  (statement: Sent): Sent =>
    statement.text.includes(part) ? { ...statement, text: statement.text.replace(part, '') } : statement;

/** Without the foreign key, which would refuse to let an unlocked restore delete an event that was just booked. */
const restoreAlone: Scenario = { ...backupRestore, schema: schemaWithoutForeignKey };

interface Mutant {
  readonly what: string;
  readonly scenario: Scenario;
  readonly operation: string;
  readonly tampering: Tampering;
  readonly violates: string;
}

const MUTANTS: readonly Mutant[] = [
  {
    what: 'the lock of the event’s row',
    scenario: pessimistic,
    operation: 'bookSeats',
    tampering: { sent: without(' FOR UPDATE') },
    violates: 'capacity',
  },
  {
    what: 'the version in the compare-and-swap',
    scenario: optimistic,
    operation: 'bookSeats',
    tampering: {
      sent: (statement) =>
        statement.text.endsWith(' AND version = $3')
          ? { text: statement.text.replace(' AND version = $3', ''), values: statement.values.slice(0, 2) }
          : statement,
    },
    violates: 'capacity',
  },
  {
    what: 'the check of the row count',
    scenario: conditional,
    operation: 'bookSeats',
    tampering: { answered: (sent, result) => (sent.text.startsWith('UPDATE') ? { ...result, rowCount: 1 } : result) },
    violates: 'capacity',
  },
  {
    what: 'the status that a cancellation asks for',
    scenario: pessimistic,
    operation: 'cancelBooking',
    tampering: { sent: without(" AND status = 'active'") },
    violates: 'counter',
  },
  {
    what: 'the table locks of the restore',
    scenario: restoreAlone,
    operation: 'restore',
    tampering: {
      sent: (statement) => (statement.text.startsWith('LOCK TABLE') ? { text: 'SELECT 1', values: [] } : statement),
    },
    violates: 'counter',
  },
  {
    what: 'the snapshot of the backup',
    scenario: backupRestore,
    operation: 'backup',
    tampering: { sent: without(' ISOLATION LEVEL REPEATABLE READ') },
    violates: 'backup-content',
  },
];

test.each(MUTANTS)('$scenario.name without $what', async ({ scenario, operation, tampering, violates }) => {
  expect(await verdictOf(scenario)).toEqual({ verdict: 'explored', reason: expect.any(String), violates: [] });
  const mutant = tampered(scenario, operation, tampering);
  const found = await verdictOf(mutant.scenario);
  expect(mutant.touched()).toBeGreaterThan(0);
  expect(found).toMatchObject({ verdict: 'violated', violates: expect.arrayContaining([violates]) });
});
