import type { IsolationLevel, Scenario, Workload } from '../scenario.js';
import { type Bounds, type Fixed, roleBounds } from './bounds.js';
import { always, type Generator } from './generators.js';
import { fixedNames, nameActors, nameClash } from './names.js';
import type { Plan } from './plan.js';
import { valueKey } from './values.js';

/** What all plans of a workload at a level have in common, and what is left to fill in. */
export class PlanForm {
  readonly scenario: Scenario;
  readonly workload: Workload;
  readonly isolation: IsolationLevel;
  readonly seed: string;
  readonly bounds: readonly Bounds[];
  readonly capacity: Generator<number>;
  readonly #fixedNames: ReadonlySet<string>;

  /** Throws `RangeError` where the workload has no plan with what is fixed. */
  constructor(scenario: Scenario, workload: Workload, isolation: IsolationLevel, fixed: Fixed, seed: string) {
    this.scenario = scenario;
    this.workload = workload;
    this.isolation = isolation;
    this.seed = seed;
    this.bounds = roleBounds(workload, fixed);
    this.capacity = fixed.capacity === undefined ? workload.capacity : always(fixed.capacity);
    this.#fixedNames = new Set(fixedNames(workload, this.bounds));
    const clash = nameClash(workload, fixed);
    if (clash !== null) throw new RangeError(`two roles of "${workload.name}" would have an actor called "${clash}"`);
  }

  /**
   * What tells two plans of the workload apart. Actors that were named by their place in a list, and do the same with the same input, are
   * interchangeable: they differ in that name, and in the stream of random values that goes with it.
   */
  key({ capacity, actors }: Plan): string {
    const named = actors.filter(({ name }) => this.#fixedNames.has(name));
    const others = actors.filter(({ name }) => !this.#fixedNames.has(name));
    return JSON.stringify([
      capacity,
      named.map(({ name, operation, input }) => [name, operation, valueKey(input)]),
      others.map(({ operation, input }) => `${operation} ${valueKey(input)}`).sort(),
    ]);
  }

  /** The plan with these inputs of each role. */
  fill(capacity: number, inputs: readonly (readonly unknown[])[]): Plan {
    const { scenario, workload, isolation, seed } = this;
    return {
      scenario: scenario.name,
      workload: workload.name,
      isolation,
      capacity,
      actors: nameActors(workload, this.#fixedNames, inputs.map(sorted)),
      seed,
      ...(workload.faults === undefined || workload.faults.length === 0 ? {} : { faults: workload.faults }),
    };
  }
}

/** Actors of one role in one order: who of two like actors comes first is no difference between plans. */
function sorted(inputs: readonly unknown[]): unknown[] {
  const keyed = inputs.map((input) => [JSON.stringify(input), input] as const);
  return keyed.sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0)).map(([, input]) => input);
}
