/** Synthetic bookers whose numbers of interleavings are known from outside: BEGIN, read capacity, read sum, insert if it fits, COMMIT. */

import type { OperationContext } from '../src/context.js';
import { ModelEngine } from '../src/engine/model/engine.js';
import type { ModelState } from '../src/engine/model/state.js';
import { type Counts, count } from '../src/explore/graph.js';
import { search } from '../src/explore/search.js';
import { Machine } from '../src/machine.js';
import type { Plan } from '../src/plan/plan.js';
import type { Scenario } from '../src/scenario.js';

/** Interleavings by number of actors, with BEGIN a step of its own. */
export const INTERLEAVINGS: Readonly<Record<number, bigint>> = { 2: 252n, 3: 756_756n, 4: 11_732_745_024n };
/** The same with BEGIN released together with its statement. */
export const INTERLEAVINGS_WITHOUT_BEGIN: Readonly<Record<number, bigint>> = { 2: 70n, 3: 34_650n, 4: 63_063_000n };

async function book({ client }: OperationContext, { id }: { id: number }): Promise<boolean> {
  await client.query('BEGIN');
  const capacity = (await client.query<{ capacity: number }>('SELECT capacity FROM slots WHERE id = 1')).rows[0]!.capacity;
  const sum = await client.query<{ used: number }>('SELECT COALESCE(SUM(qty), 0)::int AS used FROM bookings WHERE slot_id = 1');
  const fits = sum.rows[0]!.used + 1 <= capacity;
  if (fits) await client.query('INSERT INTO bookings(id, slot_id, qty) VALUES ($1, 1, 1)', [id]);
  else await client.query('SELECT 1 AS nothing');
  await client.query('COMMIT');
  return fits;
}

export const BOOKERS: Scenario = {
  name: 'bench/bookers',
  description: 'Bookers of one slot without a lock.',
  schema: `CREATE TABLE slots (id int PRIMARY KEY, capacity int NOT NULL);
           CREATE TABLE bookings (id int PRIMARY KEY, slot_id int NOT NULL, qty int NOT NULL)`,
  seed: ({ capacity }) => `INSERT INTO slots VALUES (1, ${capacity})`,
  operations: { book },
  workloads: [],
  invariants: [
    {
      name: 'capacity',
      check: ({ tables }) => {
        const usage = tables.bookings!.reduce((sum, row) => sum + Number(row.qty), 0);
        const capacity = Number(tables.slots![0]!.capacity);
        return usage > capacity ? [{ resource: 'slot 1', message: 'overbooked', usage, capacity }] : [];
      },
    },
  ],
  expect: {},
};

export function planOf(scenario: Scenario, operation: string, actors: number, capacity: number): Plan {
  return {
    scenario: scenario.name,
    workload: '',
    isolation: 'READ COMMITTED',
    capacity,
    seed: 'bench',
    actors: Array.from({ length: actors }, (_, index) => ({ name: `actor${index + 1}`, operation, input: { id: index + 1 } })),
  };
}

export function bookersMachine(engine: ModelEngine, actors: number, beginIsStep: boolean): Machine<ModelState> {
  return new Machine(BOOKERS, planOf(BOOKERS, 'book', actors, 1), engine, { beginIsStep });
}

export interface Explored extends Counts {
  readonly states: number;
  readonly transitions: number;
}

export interface ExploreBookers {
  readonly actors: number;
  readonly beginIsStep: boolean;
  readonly unmerged?: boolean;
  /** Default: a fresh one. */
  readonly engine?: ModelEngine;
}

/** Explores all interleavings and counts them. Throws where the count is not the known one: a fast wrong answer is no figure. */
export async function exploreBookers({
  actors,
  beginIsStep,
  unmerged = false,
  engine = new ModelEngine(),
}: ExploreBookers): Promise<Explored> {
  const machine = bookersMachine(engine, actors, beginIsStep);
  const { graph } = await search(machine, engine, { maxStates: 10_000_000, unmerged });
  const counts = count(graph, 0);
  const expected = (beginIsStep ? INTERLEAVINGS : INTERLEAVINGS_WITHOUT_BEGIN)[actors];
  if (counts.interleavings !== expected)
    throw new Error(`${actors} bookers have ${expected} interleavings, and ${counts.interleavings} were counted`);
  return { ...counts, states: graph.nodes.length, transitions: graph.transitions };
}
