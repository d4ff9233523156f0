import fc from 'fast-check';
import type { Role, Scenario, Workload } from '../scenario.js';
import { PlanForm } from './form.js';
import { isNameFrom } from './names.js';
import type { Plan, PlanActor } from './plan.js';

/** fast-check's seeds are 32-bit integers; ours are strings. FNV-1a. */
export function numericSeed(seed: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(seed, 'utf8')) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash | 0;
}

/** Plans of a workload: a capacity, how many of each role, and their inputs. Shrinks towards fewer actors and smaller numbers. */
export function planArbitrary(form: PlanForm): fc.Arbitrary<Plan> {
  const roles = form.workload.roles.map((role, index) => {
    const { min, max } = form.bounds[index]!;
    return fc.array(role.input, { minLength: min, maxLength: max });
  });
  return fc.tuple(form.capacity, fc.tuple(...roles)).map(([capacity, inputs]) => form.fill(capacity, inputs));
}

/** The distinct plans among the first draws under the form's seed, without those that are known by {@link PlanForm.key}. */
export function drawDistinct(form: PlanForm, draws: number, known: ReadonlySet<string> = new Set()): Plan[] {
  const { scenario, workload, isolation, seed } = form;
  const drawn = fc.sample(planArbitrary(form), {
    numRuns: draws,
    seed: numericSeed(`${seed}/${scenario.name}/${workload.name}/${isolation}`),
  });
  const distinct = new Map(drawn.map((plan) => [form.key(plan), plan]));
  return [...distinct].flatMap(([key, plan]) => (known.has(key) ? [] : [plan]));
}

/** The same of a workload. */
export const drawPlans = (
  ...[scenario, workload, isolation, fixed, seed, draws]: [...ConstructorParameters<typeof PlanForm>, number]
): Plan[] => drawDistinct(new PlanForm(scenario, workload, isolation, fixed, seed), draws);

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

/** The role whose actor this is: the one that gives it its name, else the first without a name that can give it its input. */
function roleOf({ roles }: Workload, { name, operation, input }: PlanActor): Role | undefined {
  const fitting = roles.filter((role) => role.operation === operation);
  const named = fitting.find((role) => role.name !== undefined && isNameFrom(role.name, name));
  if (named !== undefined) return named;
  const others = fitting.filter((role) => role.name === undefined);
  return others.find((role) => role.input.canShrinkWithoutContext(input)) ?? others[0];
}

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
