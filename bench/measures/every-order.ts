/**
 * Every order of small plans, run on an embedded PostgreSQL: each order of two actors of five steps; of three such actors the orders that matter; and three
 * actors that call a PL/pgSQL function with a trigger under it, which the model does not answer. Executions per second stand in `postgres-schedules`.
 */
import type { OperationContext } from '../../src/context.js';
import { type DporOptions, dpor } from '../../src/explore/dpor/dpor.js';
import { Machine } from '../../src/machine.js';
import type { Scenario } from '../../src/scenario.js';
import { planOf } from '../bookers.js';
import { lastCore, onCore } from '../cores.js';
import type { Measured, Measurement, Target } from '../figure.js';
import { repeat, timeMs } from '../sampling.js';
import type { BenchServer } from '../servers.js';

const SLOTS = `CREATE TABLE slots (id int PRIMARY KEY, capacity int NOT NULL, taken int NOT NULL DEFAULT 0);
  CREATE TABLE bookings (id int PRIMARY KEY, slot_id int NOT NULL, qty int NOT NULL);`;

/** Five steps: BEGIN goes with the first statement. */
async function book({ client }: OperationContext, { id }: { readonly id: number }): Promise<null> {
  await client.query('BEGIN');
  await client.query('SELECT capacity FROM slots WHERE id = 1');
  await client.query('SELECT COALESCE(SUM(qty), 0)::int AS used FROM bookings WHERE slot_id = 1');
  await client.query('INSERT INTO bookings (id, slot_id, qty) VALUES ($1, 1, 1)', [id]);
  await client.query('SELECT count(*) FROM bookings WHERE id = $1', [id]);
  await client.query('COMMIT');
  return null;
}

async function call({ client }: OperationContext, { id }: { readonly id: number }): Promise<unknown> {
  return (await client.query('SELECT book($1) AS booked', [id])).rows[0]!.booked;
}

const scenarioOf = (name: string, schema: string, operation: Scenario['operations'][string]): Scenario => ({
  name: `bench/${name}`,
  description: 'Orders run on the server.',
  schema,
  seed: () => 'INSERT INTO slots (id, capacity) VALUES (1, 2)',
  operations: { book: operation },
  workloads: [],
  invariants: [],
  expect: {},
});

const PLAIN = scenarioOf('five-steps', SLOTS, book);
const WITH_TRIGGER = scenarioOf(
  'function-and-trigger',
  `${SLOTS}
  CREATE FUNCTION counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE slots SET taken = taken + NEW.qty WHERE id = NEW.slot_id;
    RETURN NEW;
  END $$;
  CREATE TRIGGER counted AFTER INSERT ON bookings FOR EACH ROW EXECUTE FUNCTION counted();
  CREATE FUNCTION book(b int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
    IF (SELECT taken >= capacity FROM slots WHERE id = 1) THEN RETURN false; END IF;
    INSERT INTO bookings VALUES (b, 1, 1);
    RETURN true;
  END $$;`,
  call,
);

interface Work {
  readonly name: string;
  readonly scenario: Scenario;
  readonly actors: number;
  readonly options: Omit<DporOptions<unknown>, 'maxRuns'>;
  /** How many orders there are, where that is known from outside. */
  readonly orders?: bigint;
  readonly target: Target;
}

const within = (limit: number): Target => ({ of: 'value', relation: 'at most', limit });
const WORKS: readonly Work[] = [
  {
    name: '2 actors of 5 steps, each of 252 orders',
    scenario: PLAIN,
    actors: 2,
    options: { reduces: false },
    orders: 252n,
    target: within(2_000),
  },
  {
    name: '3 actors of 5 steps, the orders that matter of 756,756',
    scenario: PLAIN,
    actors: 3,
    options: {},
    orders: 756_756n,
    target: within(2_000),
  },
  { name: '3 actors, a function with a trigger under it', scenario: WITH_TRIGGER, actors: 3, options: {}, target: within(10_000) },
];
const MAX_RUNS = 2_000;

export const everyOrder: Measurement = {
  name: 'every-order',
  measure: async (budget, progress, servers) => {
    const core = lastCore();
    return servers.use(core, (server) =>
      onCore(core, async () => {
        const figures: Measured[] = [];
        for (const work of WORKS) {
          progress(`every order on PostgreSQL: ${work.name}`);
          let runs = 0;
          const samples: number[] = [];
          await repeat(budget, 3, async () => {
            samples.push(
              await timeMs(async () => {
                runs = await explored(work, server);
              }),
            );
          });
          figures.push({ name: `PostgreSQL, ${work.name} (${runs} runs)`, unit: 'ms', samples, target: work.target });
        }
        return figures;
      }),
    );
  },
};

async function explored({ scenario, actors, options, orders, name }: Work, { engine }: BenchServer): Promise<number> {
  const machine = new Machine(scenario, planOf(scenario, 'book', actors, 2), engine, { observes: options.reduces !== false });
  const result = await dpor(machine, { maxRuns: MAX_RUNS, ...options });
  if (!result.complete) throw new Error(`${name}: not all of it in ${MAX_RUNS} runs`);
  if (orders !== undefined && result.orders !== orders) throw new Error(`${name}: ${result.orders} orders, not ${orders}`);
  return result.runs + result.givenUp;
}
