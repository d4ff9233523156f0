/** Plans are enumerated, not drawn: what generators have, which plans are one, and in which order they come. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkThenInsert } from '../sim/systems/events/variants/check-then-insert.js';
import { always, type Generator, integer, oneOf, type Plan, type Role, record, type Workload } from '../src/index.js';
import { smallerPlans } from '../src/plan/draw.js';
import { EveryPlan } from '../src/plan/every.js';
import { PlanForm } from '../src/plan/form.js';
import { valuesOf } from '../src/plan/generators.js';

const allOf = <T>(generator: Generator<T>): T[] => {
  const values = valuesOf(generator)!;
  return Array.from({ length: values.tiers }, (_, weight) => values.tier(weight)).flat();
};

const formOf = (workload: Workload, fixed = {}) => new PlanForm(checkThenInsert, workload, 'READ COMMITTED', fixed, '1');
const everyPlan = (workload: Workload, fixed = {}): EveryPlan => EveryPlan.of(formOf(workload, fixed))!;

describe('a generator says which values it has, the smallest first', () => {
  test.each<[string, Generator<unknown>, unknown[]]>([
    ['integer', integer(1, 4), [1, 2, 3, 4]],
    ['integer around zero', integer(-2, 4), [0, 1, -1, 2, -2, 3, 4]],
    ['integer below zero', integer(-4, -2), [-2, -3, -4]],
    ['integer mostly below zero', integer(-3, 1), [0, 1, -1, -2, -3]],
    ['always', always({ a: 1 }), [{ a: 1 }]],
    ['oneOf, equal ones once', oneOf('b', 'a', 'b'), ['b', 'a']],
    [
      'record',
      record({ a: integer(0, 1), b: oneOf('x', 'y') }),
      [
        { a: 0, b: 'x' },
        { a: 0, b: 'y' },
        { a: 1, b: 'x' },
        { a: 1, b: 'y' },
      ],
    ],
    ['map, equal ones once', integer(1, 6).map((value) => value % 3), [1, 2, 0]],
    ['filter', integer(1, 6).filter((value) => value % 2 === 0), [2, 4, 6]],
    [
      'filter of a map',
      integer(1, 3)
        .map((value) => ({ value }))
        .filter(({ value }) => value > 1),
      [{ value: 2 }, { value: 3 }],
    ],
    [
      'record of a filter',
      record({ a: integer(1, 9).filter((value) => value > 7), b: always(1) }),
      [
        { a: 8, b: 1 },
        { a: 9, b: 1 },
      ],
    ],
    ['filter that leaves nothing', integer(1, 9).filter(() => false), []],
  ])('%s', (_name, generator, values) => {
    expect(allOf(generator)).toEqual(values);
    expect(valuesOf(generator)!.count).toBe(BigInt(values.length));
  });

  test('without making them', () => {
    expect(valuesOf(integer(0, Number.MAX_SAFE_INTEGER))!.count).toBe(2n ** 53n);
    expect(valuesOf(record({ a: integer(1, 1_000_000), b: integer(1, 1_000_000) }))!.count).toBe(10n ** 12n);
  });

  test.each<[string, Generator<unknown>]>([
    ['an arbitrary of fast-check', fc.constantFrom(1, 2)],
    ['a record with one', record({ a: fc.nat(3) })],
    ['a chain', integer(1, 2).chain((most) => integer(0, most))],
    ['a map of more values than are made', integer(1, 10_001).map((value) => value)],
    ['a filter of more values than are made', integer(1, 10_001).filter((value) => value > 1)],
  ])('%s does not', (_name, generator) => {
    expect(valuesOf(generator)).toBeNull();
  });

  test('and is a fast-check arbitrary that draws what it drew before, and shrinks', () => {
    const drawn = (generator: Generator<unknown>) => fc.sample(generator, { seed: 7, numRuns: 30 });
    expect(drawn(record({ a: integer(1, 9), b: oneOf('x', 'y') }))).toEqual(
      drawn(fc.record({ a: fc.integer({ min: 1, max: 9 }), b: fc.constantFrom('x', 'y') }, { noNullPrototype: true })),
    );
    const failed = fc.check(
      fc.property(
        integer(1, 100)
          .map((value) => value * 2)
          .filter((value) => value !== 6),
        (value) => value < 50,
      ),
      { seed: 1 },
    );
    expect(failed.counterexample).toEqual([50]);
  });
});

/** Roles with few values, named or not, of two operations: by chance two have the same. */
const roles = fc.array(
  fc.record({
    operation: fc.constantFrom('book', 'cancel'),
    named: fc.boolean(),
    min: fc.nat(2),
    more: fc.nat(1),
    from: fc.nat(1),
    size: fc.nat(2),
  }),
  { minLength: 1, maxLength: 3 },
);

const workloadOf = (drawn: ReturnType<typeof roles.generate>['value'], capacities: number): Workload => ({
  name: 'drawn',
  capacity: integer(1, capacities),
  roles: drawn.map(
    ({ operation, named, min, more, from, size }, index): Role => ({
      operation,
      input: record({ seats: integer(from, from + size) }),
      min,
      max: min + more,
      ...(named ? { name: `role${'abc'[index]}` } : {}),
    }),
  ),
});

/** Every tuple of capacity, sizes and inputs in order: no symmetry at all. */
function bruteForce(workload: Workload): Plan[] {
  const form = formOf(workload);
  const lists = workload.roles.map((role, index) => {
    const inputs = allOf(role.input);
    const { min, max } = form.bounds[index]!;
    return Array.from({ length: max - min + 1 }, (_, more) => sequences(inputs, min + more)).flat();
  });
  return allOf(workload.capacity).flatMap((capacity) => products(lists).map((chosen) => form.fill(capacity, chosen)));
}

const sequences = (values: readonly unknown[], size: number): unknown[][] =>
  size === 0 ? [[]] : values.flatMap((value) => sequences(values, size - 1).map((others) => [value, ...others]));

const products = <T>(lists: readonly (readonly T[])[]): T[][] =>
  lists.length === 0 ? [[]] : lists[0]!.flatMap((item) => products(lists.slice(1)).map((others) => [item, ...others]));

/** Told apart without the code under test: capacity, actors with names of their own, and the others in no order. */
const classOf = ({ capacity, actors }: Plan): string =>
  JSON.stringify([
    capacity,
    actors.filter(({ name }) => name.startsWith('role')).map(({ name, operation, input }) => [name, operation, input]),
    actors
      .filter(({ name }) => !name.startsWith('role'))
      .map(({ operation, input }) => JSON.stringify([operation, input]))
      .sort(),
  ]);

const weightOf = ({ capacity, actors }: Plan): number =>
  capacity + actors.reduce((sum, { input }) => sum + (input as { seats: number }).seats, 0);

describe('the plans of a workload', () => {
  test('are those of a brute force, each once, and as many as were said (seed 42)', () => {
    const property = fc.property(roles, fc.integer({ min: 1, max: 3 }), (drawn, capacities) => {
      const workload = workloadOf(drawn, capacities);
      const every = everyPlan(workload);
      const classes = [...every.smallest()].map(classOf);
      expect(new Set(classes).size).toBe(classes.length);
      expect([...classes].sort()).toEqual([...new Set(bruteForce(workload).map(classOf))].sort());
      expect(every.total).toEqual({ count: BigInt(classes.length), exact: true });
    });
    fc.assert(property, { seed: 42, numRuns: 150 });
  });

  test('come with fewer actors first, and with smaller inputs and capacity among them (seed 42)', () => {
    const property = fc.property(fc.nat(2), fc.nat(2), fc.integer({ min: 1, max: 3 }), (more, size, capacities) => {
      const role = { operation: 'book', named: false, min: 1, more, from: 0, size } as const;
      const sizes = [...everyPlan(workloadOf([role], capacities)).smallest()].map((plan) => [plan.actors.length, weightOf(plan)] as const);
      expect(sizes).toEqual([...sizes].sort(([left, light], [right, heavy]) => left - right || light - heavy));
    });
    fc.assert(property, { seed: 42, numRuns: 30 });
  });

  const seats = (min: number, max: number) => record({ seats: integer(min, max) });

  test('of two like actors are multisets of inputs; of two roles they are pairs', () => {
    const two = everyPlan({ name: 'two', capacity: always(1), roles: [{ operation: 'book', min: 2, max: 2, input: seats(1, 3) }] });
    expect(two.total).toEqual({ count: 6n, exact: true });
    const roles = ['book', 'cancel'].map((operation) => ({ operation, input: seats(1, 3) }));
    expect(everyPlan({ name: 'roles', capacity: always(1), roles }).total).toEqual({ count: 9n, exact: true });
  });

  test('of actors with names of their own are all of them', () => {
    const roles = ['ada', 'bea'].map((name) => ({ operation: 'book', name, input: seats(1, 3) }));
    expect(everyPlan({ name: 'named', capacity: always(1), roles }).total).toEqual({ count: 9n, exact: true });
  });

  test('of two roles that do the same are one, whoever of them has which input', () => {
    const roles = [seats(1, 3), seats(2, 4)].map((input) => ({ operation: 'book', input }));
    expect(everyPlan({ name: 'alike', capacity: always(1), roles }).total).toEqual({ count: 8n, exact: true });
  });

  test('that are too many to be made are counted, or are no more than so many where roles are alike', () => {
    const capacity = integer(1, 1_000_000);
    const roles = ['book', 'cancel'].map((operation) => ({ operation, input: seats(1, 1_000_000) }));
    expect(everyPlan({ name: 'many', capacity, roles }).total).toEqual({ count: 10n ** 18n, exact: true });
    const alike = roles.map((role) => ({ ...role, operation: 'book' }));
    const every = everyPlan({ name: 'many', capacity, roles: alike });
    expect(every.total).toEqual({ count: 10n ** 18n, exact: false });
    expect(every.smallest().next().value).toMatchObject({ capacity: 1, actors: [{ input: { seats: 1 } }, { input: { seats: 1 } }] });
  });

  test('have what is fixed, and the faults of their workload', () => {
    const workload: Workload = {
      name: 'hurt',
      capacity: integer(1, 2),
      roles: [{ operation: 'book', input: always({}), min: 1, max: 2 }],
      faults: [{ kind: 'server-crash' }],
    };
    expect([...everyPlan(workload).smallest()].map(({ capacity, actors }) => [capacity, actors.length])).toEqual([
      [1, 1],
      [2, 1],
      [1, 2],
      [2, 2],
    ]);
    expect([...everyPlan(workload, { actors: 3, capacity: 7 }).smallest()]).toMatchObject([
      { capacity: 7, actors: { length: 3 }, faults: workload.faults },
    ]);
  });

  test('are unknown where a generator does not say what it has', () => {
    expect(EveryPlan.of(formOf({ name: 'free', capacity: fc.nat(3), roles: [{ operation: 'book', input: always({}) }] }))).toBeNull();
  });
});

describe('names', () => {
  const role = (name?: string, max = 1): Role => ({
    operation: 'book',
    input: always({}),
    min: max,
    ...(name === undefined ? {} : { name }),
  });
  const namesOf = (...roles: Role[]) =>
    [...everyPlan({ name: 'names', capacity: always(1), roles }).smallest()][0]!.actors.map(({ name }) => name);

  test('of actors without one of their own leave out those that are taken', () => {
    expect(namesOf(role(), role('alice'), role('bob', 2), role(undefined, 2))).toEqual(['carol', 'alice', 'bob', 'bob2', 'dave', 'erin']);
  });

  test('that two roles would give are refused', () => {
    expect(() => namesOf(role('ada'), role('ada'))).toThrow('two roles of "names" would have an actor called "ada"');
    expect(() => namesOf(role('ada', 2), role('ada2'))).toThrow('two roles of "names" would have an actor called "ada2"');
  });
});

describe('an input shrinks by the generator of its own role', () => {
  const seats = (min: number, max: number) => record({ seats: integer(min, max) });
  const shrunk = (roles: Role[], actors: Plan['actors']) => {
    const workload: Workload = { name: 'pair', capacity: always(1), roles };
    return smallerPlans(
      { ...checkThenInsert, workloads: [workload] },
      {
        ...formOf(workload).fill(
          1,
          roles.map(() => []),
        ),
        actors,
      },
    ).inputs;
  };
  const actor = (name: string, seats: number) => ({ name, operation: 'book', input: { seats } });
  const role = (min: number, max: number, name?: string): Role => ({
    operation: 'book',
    input: seats(min, max),
    ...(name === undefined ? {} : { name }),
  });

  test('where another has the beginning of its name, or no name', () => {
    expect(shrunk([role(1, 2), role(5, 6, 'a'), role(8, 9, 'ab')], [actor('ab', 9), actor('a', 6)])).toEqual([
      [{ seats: 8 }, { seats: 9 }],
      [{ seats: 5 }, { seats: 6 }],
    ]);
  });

  test('where two without a name do the same', () => {
    expect(shrunk([role(1, 2), role(5, 6)], [actor('alice', 2), actor('bob', 6)])).toEqual([
      [{ seats: 1 }, { seats: 2 }],
      [{ seats: 5 }, { seats: 6 }],
    ]);
  });
});
