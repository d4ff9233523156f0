import fc from 'fast-check';
import type { IsolationLevel, Role, Scenario, Workload } from '../scenario.js';
import type { Plan, PlanActor } from './plan.js';

const NAMES = [
  'alice',
  'bob',
  'carol',
  'dave',
  'erin',
  'frank',
  'grace',
  'heidi',
  'ivan',
  'judy',
  'kim',
  'leo',
  'mia',
  'nina',
  'omar',
  'pia',
  'quin',
  'rosa',
  'sam',
  'tina',
];

/** Parts of every plan that the user has fixed. */
export interface Fixed {
  readonly actors?: number;
  readonly capacity?: number;
}

/** fast-check's seeds are 32-bit integers; ours are strings. FNV-1a. */
export function numericSeed(seed: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(seed, 'utf8')) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash | 0;
}

/** Plans of a workload: a capacity, how many of each role, and their inputs. Shrinks towards fewer actors and smaller numbers. */
export function planArbitrary(
  scenario: Scenario,
  workload: Workload,
  isolation: IsolationLevel,
  fixed: Fixed,
  seed: string,
): fc.Arbitrary<Plan> {
  const bounds = roleBounds(workload, fixed);
  const roles = workload.roles.map((role, index) => fc.array(role.input, { minLength: bounds[index]!.min, maxLength: bounds[index]!.max }));
  const capacity = fixed.capacity === undefined ? workload.capacity : fc.constant(fixed.capacity);
  return fc.tuple(capacity, fc.tuple(...roles)).map(([drawn, inputs]) => ({
    scenario: scenario.name,
    workload: workload.name,
    isolation,
    capacity: drawn,
    actors: nameActors(workload.roles, inputs.map(sorted)),
    seed,
    ...(workload.faults === undefined || workload.faults.length === 0 ? {} : { faults: workload.faults }),
  }));
}

/** The first `count` plans of a workload under a seed. */
export function drawPlans(
  scenario: Scenario,
  workload: Workload,
  isolation: IsolationLevel,
  fixed: Fixed,
  seed: string,
  count: number,
): Plan[] {
  const arbitrary = planArbitrary(scenario, workload, isolation, fixed, seed);
  const drawn = fc.sample(arbitrary, { numRuns: count, seed: numericSeed(`${seed}/${scenario.name}/${workload.name}/${isolation}`) });
  const seen = new Set<string>();
  return drawn.filter((plan) => {
    const key = JSON.stringify([plan.capacity, plan.actors]);
    return !seen.has(key) && seen.add(key);
  });
}

function roleBounds(workload: Workload, fixed: Fixed): { min: number; max: number }[] {
  const bounds = workload.roles.map((role) => ({ min: role.min ?? 1, max: role.max ?? role.min ?? 1 }));
  if (fixed.actors === undefined) return bounds;
  const scalable = scalableRole(workload);
  const count = fixed.actors - leastActors(workload) + 1;
  if (count < 1) throw new RangeError(`a plan of "${workload.name}" has ${leastActors(workload)} actors at the least`);
  return bounds.map((bound, index) => (index === scalable ? { min: count, max: count } : { min: bound.min, max: bound.min }));
}

const scalableRole = (workload: Workload): number =>
  Math.max(
    0,
    workload.roles.findIndex((role) => role.scalable),
  );

/** How few actors a plan of the workload can be fixed to: one of the role that `Fixed.actors` multiplies, and the least of the others. */
export const leastActors = (workload: Workload): number =>
  workload.roles.reduce((sum, role, index) => sum + (index === scalableRole(workload) ? 1 : (role.min ?? 1)), 0);

/** Actors of one role in one order: who of two like actors comes first is no difference between plans. */
function sorted(inputs: readonly unknown[]): unknown[] {
  const keyed = inputs.map((input) => [JSON.stringify(input), input] as const);
  return keyed.sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0)).map(([, input]) => input);
}

function nameActors(roles: readonly Role[], inputs: readonly (readonly unknown[])[]): PlanActor[] {
  let unnamed = 0;
  return roles.flatMap((role, index) =>
    (inputs[index] ?? []).map((input, position) => {
      if (role.name !== undefined)
        return { name: position === 0 ? role.name : `${role.name}${position + 1}`, operation: role.operation, input };
      const name = NAMES[unnamed % NAMES.length]! + (unnamed < NAMES.length ? '' : String(Math.floor(unnamed / NAMES.length) + 1));
      unnamed += 1;
      return { name, operation: role.operation, input };
    }),
  );
}

/** How many smaller values of one input are tried. */
const MAX_SMALLER = 24;

/** What a generator shrinks a value to in one step, the smallest first. */
function* shrunk<T>(generator: fc.Arbitrary<T>, value: T): Generator<T> {
  if (!generator.canShrinkWithoutContext(value)) return;
  for (const smaller of generator.shrink(value, undefined)) yield smaller.value_;
}

/** All values that a generator shrinks a value to, in some steps; the value itself comes last. */
function shrinksOf<T>(generator: fc.Arbitrary<T>, value: T): { values: T[]; complete: boolean } {
  const found = new Map<string, T>([[JSON.stringify(value), value]]);
  const open: T[] = [value];
  while (open.length > 0 && found.size < MAX_SMALLER) {
    for (const smaller of shrunk(generator, open.shift()!)) {
      const key = JSON.stringify(smaller);
      if (found.has(key)) continue;
      found.set(key, smaller);
      open.push(smaller);
      if (found.size >= MAX_SMALLER) break;
    }
  }
  const [first, ...rest] = [...found.values()];
  return { values: [...rest.reverse(), first!], complete: open.length === 0 };
}

const workloadOf = (scenario: Scenario, plan: Plan): Workload | undefined => scenario.workloads.find((item) => item.name === plan.workload);

const roleOf = (workload: Workload, actor: PlanActor): Role | undefined =>
  workload.roles.find((item) => item.operation === actor.operation && (item.name === undefined || actor.name.startsWith(item.name)));

/**
 * Plans that are one step simpler by their own workload: everything at its smallest first, since capacity and quantities often must shrink
 * together, then the capacity or one actor's input alone.
 */
export function* simplerPlans(scenario: Scenario, plan: Plan): Generator<Plan> {
  const workload = workloadOf(scenario, plan);
  if (workload === undefined) return;
  const capacities = [...shrunk(workload.capacity, plan.capacity)];
  const inputs = plan.actors.map((actor) => {
    const role = roleOf(workload, actor);
    return role === undefined ? [] : [...shrunk(role.input, actor.input)];
  });
  if (capacities.length + inputs.flat().length === 0) return;
  const [capacity = plan.capacity] = capacities;
  yield { ...plan, capacity, actors: plan.actors.map((actor, index) => ({ ...actor, input: inputs[index]![0] ?? actor.input })) };
  for (const smaller of capacities) yield { ...plan, capacity: smaller };
  for (const [index, actor] of plan.actors.entries())
    for (const input of inputs[index]!) yield { ...plan, actors: plan.actors.with(index, { ...actor, input }) };
}

/** Inputs and capacities that a plan's own workload shrinks to: the domain in which a counterexample is called minimal. */
export function smallerPlans(scenario: Scenario, plan: Plan): { capacities: number[]; inputs: unknown[][]; complete: boolean } {
  const workload = workloadOf(scenario, plan);
  if (workload === undefined) return { capacities: [plan.capacity], inputs: plan.actors.map((actor) => [actor.input]), complete: false };
  const capacities = shrinksOf(workload.capacity, plan.capacity);
  const inputs = plan.actors.map((actor) => {
    const role = roleOf(workload, actor);
    return role === undefined ? { values: [actor.input], complete: false } : shrinksOf(role.input, actor.input);
  });
  return {
    capacities: capacities.values,
    inputs: inputs.map((item) => item.values),
    complete: capacities.complete && inputs.every((item) => item.complete),
  };
}
