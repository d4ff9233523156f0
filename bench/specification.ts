/** Three sessions of four steps that both lastseat and PostgreSQL's isolationtester can run, and schedules of them. */
import type { OperationContext } from '../src/context.js';
import { ModelEngine } from '../src/engine/model/engine.js';
import { Machine } from '../src/machine.js';
import type { Plan } from '../src/plan/plan.js';
import { run, scheduleOf } from '../src/run.js';
import type { Scenario } from '../src/scenario.js';
import type { Choice } from '../src/schedule/choice.js';
import { uniform } from '../src/schedule/uniform.js';
import { planOf } from './bookers.js';

const SESSIONS = 3;
const TABLES = `CREATE TABLE slots (id int PRIMARY KEY, capacity int NOT NULL);
  CREATE TABLE bookings (id int PRIMARY KEY, slot_id int NOT NULL, qty int NOT NULL)`;
const FIRST_ROWS = 'INSERT INTO slots VALUES (1, 3)';
/** What the engine does before each schedule, for isolationtester to do the same. */
export const RESET = `TRUNCATE slots, bookings; ${FIRST_ROWS};`;

export interface Specification {
  readonly scenario: Scenario;
  readonly plan: Plan;
  /** By session: the SQL of each step. BEGIN goes with the statement behind it. */
  readonly steps: readonly (readonly string[])[];
  readonly schedules: readonly Schedule[];
}

export interface Schedule {
  readonly choices: readonly Choice[];
  /** The sessions in the order in which their steps are sent: without the resumptions, which isolationtester does not schedule. */
  readonly sent: readonly number[];
}

/** Schedules in which exactly so many steps wait: with none nobody locks, with some the first step locks the slot. */
export async function specificationWith(blockedSteps: number, schedules: number): Promise<Specification> {
  const lock = blockedSteps === 0 ? '' : ' FOR UPDATE';
  const statements = (id: number) => [
    `SELECT capacity FROM slots WHERE id = 1${lock}`,
    'SELECT COALESCE(SUM(qty), 0)::int AS used FROM bookings WHERE slot_id = 1',
    `INSERT INTO bookings (id, slot_id, qty) VALUES (${id}, 1, 1)`,
    'COMMIT',
  ];
  const scenario: Scenario = {
    name: `bench/blocked-${blockedSteps}`,
    description: 'Fixed steps, the same for lastseat and isolationtester.',
    schema: TABLES,
    seed: () => FIRST_ROWS,
    operations: {
      book: async ({ client }: OperationContext, { id }: { id: number }) => {
        await client.query('BEGIN');
        for (const text of statements(id)) await client.query(text);
        return null;
      },
    },
    workloads: [],
    invariants: [],
    expect: {},
  };
  const plan = planOf(scenario, 'book', SESSIONS, 3);
  return {
    scenario,
    plan,
    steps: plan.actors.map((_, actor) => statements(actor + 1).map((text, step) => (step === 0 ? `BEGIN; ${text}` : text))),
    schedules: await randomSchedules(scenario, plan, blockedSteps, schedules),
  };
}

/** Random walks on the model, kept where the number of waits is right. A freed waiter goes on at once, as it does under isolationtester. */
async function randomSchedules(scenario: Scenario, plan: Plan, blockedSteps: number, wanted: number): Promise<Schedule[]> {
  const machine = new Machine(scenario, plan, new ModelEngine(), { resumeAtOnce: true });
  const found: Schedule[] = [];
  for (let seed = 1; found.length < wanted; seed += 1) {
    const walk = await run(machine, uniform(String(seed)));
    if (walk.steps.filter((step) => step.outcome.kind === 'blocked').length !== blockedSteps) continue;
    const sent = walk.steps.filter((step) => step.kind !== 'resume').map((step) => step.choice.actor);
    found.push({ choices: scheduleOf(walk), sent });
  }
  return found;
}
