/** The minimiser against brute force, and minimisers that are wrong against the same: each must be caught. */
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { shortestTo } from '../src/explore/graph.js';
import { search } from '../src/explore/search.js';
import { rerunOn, searchOnModel } from '../src/explore/trials.js';
import {
  always,
  defineScenario,
  type Failure,
  integer,
  ModelEngine,
  type Operation,
  type Plan,
  record,
  type Violation,
} from '../src/index.js';
import { type Configuration, Machine } from '../src/machine.js';
import { type Minimised, minimise, type RerunPlan, type SearchPlan, type SmallFailure } from '../src/minimise/minimise.js';
import type { Fingerprint } from '../src/outcome.js';
import { drawPlans } from '../src/plan/draw.js';
import { run } from '../src/run.js';
import { ordered } from '../src/schedule/arbitrary.js';

const spoiled = vi.hoisted(() => ({ inputs: false }));

vi.mock('../src/plan/draw.js', async (load) => {
  const honest = await load<typeof import('../src/plan/draw.js')>();
  const smallerPlans: typeof honest.smallerPlans = (scenario, plan) => ({
    ...honest.smallerPlans(scenario, plan),
    ...(spoiled.inputs ? { inputs: plan.actors.map((actor) => [actor.input]) } : {}),
  });
  return { ...honest, smallerPlans };
});

afterEach(() => {
  spoiled.inputs = false;
});

/** Adds to a number that it has read, and writes down what it has added. Who adds little takes a step more: smaller inputs, a longer way. */
const add: Operation = async ({ client }, { item, amount }: { item: number; amount: number }) => {
  await client.query('BEGIN');
  const { rows } = await client.query<{ v: number }>('SELECT v FROM items WHERE id = $1', [item]);
  await client.query('UPDATE items SET v = $1 WHERE id = $2', [rows[0]!.v + amount, item]);
  if (amount === 1) await client.query('SELECT 1');
  await client.query('INSERT INTO log (item, amount) VALUES ($1, $2)', [item, amount]);
  await client.query('COMMIT');
};

const look: Operation = async ({ client }) => {
  await client.query('SELECT count(*) FROM log');
};

type Items = readonly { readonly id: number; readonly v: number }[];
type Log = readonly { readonly item: number; readonly amount: number }[];

const over = (items: Items, wrong: (item: Items[number]) => boolean): Violation[] =>
  items.filter(wrong).map(({ id }) => ({ resource: `item ${id}`, message: 'wrong' }));

/**
 * Two invariants over two items. Who adds too much breaks `limit` alone; `sum` needs two who overwrite each other. So a minimiser that takes
 * any failure for the one that it was given ends with one actor.
 */
const scenario = defineScenario({
  name: 'synthetic/tally',
  description: 'Two ways to fail, one of them smaller.',
  schema: `CREATE TABLE items (id int PRIMARY KEY, v int NOT NULL); CREATE TABLE log (id serial PRIMARY KEY, item int NOT NULL, amount int NOT NULL);
           CREATE TABLE limits (id int PRIMARY KEY, most int NOT NULL)`,
  seed: ({ capacity }) => `INSERT INTO items VALUES (1, 0), (2, 0); INSERT INTO limits VALUES (1, ${capacity})`,
  operations: { add, look },
  workloads: [
    {
      name: 'adders',
      capacity: integer(1, 2),
      roles: [
        { operation: 'add', input: record({ item: integer(1, 2), amount: integer(1, 2) }), min: 2, max: 3 },
        { operation: 'look', input: always({}), name: 'onlooker', min: 0, max: 1 },
      ],
    },
  ],
  invariants: [
    {
      name: 'sum',
      check: ({ tables }) =>
        over(tables.items as unknown as Items, ({ id, v }) => {
          const log = tables.log as unknown as Log;
          return v !== log.reduce((sum, { item, amount }) => (item === id ? sum + amount : sum), 0);
        }),
    },
    { name: 'limit', check: ({ tables }) => over(tables.items as unknown as Items, ({ v }) => v > Number(tables.limits![0]!.most)) },
  ],
  expect: {},
});

const SEED = 42;
const MAX_PLANS = 2_000;
const fingerprint = ({ invariant, resource }: Fingerprint) => `${invariant} of ${resource}`;
const engine = new ModelEngine();

/** Every fingerprint that a plan can show, with the fewest switches, then steps: each interleaving walked to its end, nothing merged. */
const walked = new Map<string, ReadonlyMap<string, readonly [number, number]>>();
async function walk(plan: Plan): Promise<ReadonlyMap<string, readonly [number, number]>> {
  const key = JSON.stringify([plan.capacity, plan.actors.map(({ operation, input }) => [operation, input])]);
  const known = walked.get(key);
  if (known !== undefined) return known;
  const machine = new Machine(scenario, plan, engine);
  const least = new Map<string, readonly [number, number]>();
  const visit = async (at: Configuration<unknown>, last: number, switches: number, steps: number): Promise<void> => {
    const configuration = at as Awaited<ReturnType<typeof machine.start>>;
    for (const violation of await machine.violations(configuration)) {
      const name = fingerprint(violation);
      const before = least.get(name);
      if (before === undefined || switches < before[0] || (switches === before[0] && steps < before[1])) least.set(name, [switches, steps]);
    }
    const choices = machine.choices(configuration);
    const couldGoOn = choices.some(({ actor }) => actor === last);
    for (const choice of choices) {
      const { after } = await machine.apply(configuration, choice);
      await visit(after, choice.actor, switches + (couldGoOn && choice.actor !== last ? 1 : 0), steps + 1);
    }
  };
  await visit(await machine.start(), -1, 0, 0);
  walked.set(key, least);
  return least;
}

const weightOf = (plan: Plan) =>
  plan.actors.reduce(
    (sum, { input }) => sum + Object.values(input as Record<string, number>).reduce((left, right) => left + right, 0),
    plan.capacity,
  );

/** All plans of so many of a plan's actors, each number anywhere from 1 to what it is. */
function plansOf(plan: Plan, size: number): Plan[] {
  const upTo = (most: number) => Array.from({ length: most }, (_, index) => index + 1);
  const subsets = (from: number, count: number): Plan['actors'][] =>
    count === 0
      ? [[]]
      : plan.actors.slice(from).flatMap((actor, skipped) => subsets(from + skipped + 1, count - 1).map((rest) => [actor, ...rest]));
  const inputsOf = (actor: Plan['actors'][number]): Plan['actors'] => {
    if (actor.operation === 'look') return [actor];
    const { item, amount } = actor.input as { item: number; amount: number };
    return upTo(item).flatMap((smaller) => upTo(amount).map((less) => ({ ...actor, input: { item: smaller, amount: less } })));
  };
  const combinations = ([first, ...rest]: Plan['actors']): Plan['actors'][] =>
    first === undefined ? [[]] : inputsOf(first).flatMap((actor) => combinations(rest).map((others) => [actor, ...others]));
  return subsets(0, size)
    .flatMap(combinations)
    .flatMap((actors) => upTo(plan.capacity).map((capacity) => ({ ...plan, capacity, actors })));
}

/** Actors, switches, steps and weight of the smallest failure there is. */
async function smallestByForce(failure: Failure): Promise<readonly number[] | null> {
  for (let size = 1; size <= failure.plan.actors.length; size += 1) {
    const sizes: (readonly [number, number, number, number])[] = [];
    for (const plan of plansOf(failure.plan, size)) {
      const least = (await walk(plan)).get(fingerprint(failure));
      if (least !== undefined) sizes.push([size, ...least, weightOf(plan)]);
    }
    const [smallest] = sizes.sort((left, right) => left[1] - right[1] || left[2] - right[2] || left[3] - right[3]);
    if (smallest !== undefined) return smallest;
  }
  return null;
}

/** What is wrong with the answer of a minimiser; null where nothing is. */
async function complaint(failure: Failure, answer: Minimised | null): Promise<string | null> {
  if (answer === null) return 'found nothing';
  const { plan, schedule, switches, steps } = answer.found;
  const machine = new Machine(scenario, plan, engine);
  const { violations } = await run(machine, ordered(schedule.map(({ actor }) => actor)));
  const shown = violations.filter(({ step }) => step === steps - 1).map(({ violation }) => fingerprint(violation));
  if (!shown.includes(fingerprint(failure))) return 'another failure';
  const size = [plan.actors.length, switches, steps, weightOf(plan)];
  if (String(size) !== String(await smallestByForce(failure))) return 'not the smallest';
  return answer.minimal ? null : 'not called minimal';
}

/** Failures of every kind in random plans, each as it is found first. */
async function failures(plans: readonly Plan[]): Promise<Failure[]> {
  const found: Failure[] = [];
  for (const plan of plans) {
    const { graph } = await search(new Machine(scenario, plan, engine), engine, { maxStates: 100_000 });
    const kinds = new Map(graph.nodes.flatMap((node) => node.violations).map((violation) => [fingerprint(violation), violation]));
    for (const { invariant, resource } of kinds.values()) {
      const path = shortestTo(graph, (node) => node.violations.some((item) => fingerprint(item) === fingerprint({ invariant, resource })))!;
      found.push({
        plan,
        schedule: path.choices,
        invariant,
        resource,
        steps: path.choices.length,
        switches: path.switches,
        schedules: 1,
        onServerOnly: false,
      });
    }
  }
  return found;
}

let all: Failure[];

beforeAll(async () => {
  all = await failures(drawPlans(scenario, scenario.workloads[0]!, 'READ COMMITTED', {}, String(SEED), 6));
});

const honest: SearchPlan = searchOnModel(scenario, engine);
const never = () => Promise.reject(new Error('nothing is to be run where everything can be searched'));

async function complaints(searchPlan: SearchPlan): Promise<Set<string>> {
  const told = new Set<string>();
  for (const failure of all) {
    const wrong = await complaint(failure, await minimise(scenario, failure, { search: searchPlan, rerun: never }, MAX_PLANS));
    if (wrong !== null) told.add(wrong);
  }
  return told;
}

/** A search for any state that is wanted, with any way there. */
const searching =
  (wanted: (violation: Fingerprint, failure: Fingerprint) => boolean): SearchPlan =>
  async (plan, failure) => {
    const { graph } = await search(new Machine(scenario, plan, engine), engine, { maxStates: 100_000 });
    const path = shortestTo(graph, (node) => node.violations.some((violation) => wanted(violation, failure)));
    return path === null ? null : small(plan, path.choices, path.switches);
  };

const small = (plan: Plan, schedule: SmallFailure['schedule'], switches: number): SmallFailure => ({
  plan,
  schedule,
  switches,
  steps: schedule.length,
  interleavings: null,
  violating: null,
});

describe(`random plans with two ways to fail (seed ${SEED})`, () => {
  test('each of them is among the failures, on either item', () => {
    expect(new Set(all.map(fingerprint))).toEqual(new Set(['sum of item 1', 'sum of item 2', 'limit of item 1', 'limit of item 2']));
  });

  test('the minimiser ends with the same failure, the smallest there is, and says so', async () => {
    expect(await complaints(honest)).toEqual(new Set());
  });

  test('one that takes any failure for the one that it was given is caught', async () => {
    expect(await complaints(searching(() => true))).toContain('another failure');
  });

  test('one that does not look at what it happened to is caught', async () => {
    expect(await complaints(searching(({ invariant }, failure) => invariant === failure.invariant))).toContain('another failure');
  });

  test('one that is content with the first way to the failure is caught', async () => {
    const anyWay: SearchPlan = async (plan, failure) => {
      const found = await honest(plan, failure);
      if (found === null || found === 'unknown') return found;
      // Steps of others first, as far as the failure still comes.
      const rerun = rerunOn(scenario, engine);
      const last = plan.actors.length - 1;
      return (await rerun({ plan, order: [last, ...found.schedule.map(({ actor }) => actor)] }, failure)) ?? found;
    };
    expect(await complaints(anyWay)).toContain('not the smallest');
  });

  test('one that leaves the inputs as they were is caught', async () => {
    spoiled.inputs = true;
    expect(await complaints(honest)).toContain('not the smallest');
  });

  test('one that does not know whether a smaller plan fails does not call its answer minimal', async () => {
    const forgetful: SearchPlan = async (plan, failure) => (plan.actors.length === 1 ? 'unknown' : honest(plan, failure));
    const failure = all.find(({ invariant }) => invariant === 'sum')!;
    expect(await minimise(scenario, failure, { search: forgetful, rerun: never }, MAX_PLANS)).toMatchObject({ minimal: false });
  });
});

describe('many actors', () => {
  const plan: Plan = {
    ...drawPlans(scenario, scenario.workloads[0]!, 'READ COMMITTED', {}, 'many', 1)[0]!,
    capacity: 1,
    actors: Array.from({ length: 100 }, (_, index) => ({ name: `actor${index}`, operation: 'add', input: { item: 1, amount: 1 } })),
  };
  const failure: Failure = {
    plan,
    schedule: [],
    invariant: 'sum',
    resource: 'item 1',
    steps: 0,
    switches: 0,
    schedules: 1,
    onServerOnly: false,
  };

  test('who do the same are counted, not told apart', async () => {
    const asked: number[] = [];
    const eleven: SearchPlan = async (candidate) => {
      asked.push(candidate.actors.length);
      return candidate.actors.length < 11 ? null : small(candidate, [], 0);
    };
    expect(await minimise(scenario, failure, { search: eleven, rerun: never }, MAX_PLANS)).toMatchObject({ minimal: true });
    expect(asked).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  test('too many to search are run', async () => {
    let asked = 0;
    const tooMany: SearchPlan = async () => {
      asked += 1;
      return 'unknown';
    };
    const three: RerunPlan = async ({ plan: candidate }) => (candidate.actors.length < 3 ? null : small(candidate, [], 0));
    const found = await minimise(scenario, failure, { search: tooMany, rerun: three }, MAX_PLANS);
    expect(found).toMatchObject({ minimal: false, found: { plan: { actors: { length: 3 } } } });
    expect(asked).toBe(10);
  });
});
