import { drawPlans, type Fixed, type IsolationLevel, leastActors, type Plan, type Scenario, type Workload } from '../src/index.js';
import type { ExploreArguments } from './explore-arguments.js';
import { type Loaded, loadScenarios } from './scenarios.js';
import { UsageError } from './usage-error.js';

/** One variant at one level, with its plans: the unit of the suite. */
export interface Item extends Loaded {
  readonly isolation: IsolationLevel;
  readonly plans: readonly Plan[];
}

export interface Work {
  readonly items: readonly Item[];
  /** Workloads that the options leave no plan of, and why. */
  readonly leftOut: readonly string[];
}

/** Distinct plans of one workload, and draws that are made to find as many. */
const PLANS_PER_WORKLOAD = 2;
const DRAWS_PER_WORKLOAD = 8;

/** What there is to explore: this shard's slice, drawn from the seed. */
export async function workOf(args: ExploreArguments, seed: string): Promise<Work> {
  const loaded = await loadScenarios(args.scenarios);
  const leftOut = new Set<string>();
  const candidates = loaded.flatMap((item) =>
    levelsOf(item, args).map((isolation) => {
      const workloads = item.scenario.workloads.filter((workload) => {
        const why = misfit(workload, isolation, args.actors);
        if (why !== null) leftOut.add(`workload "${workload.name}" of ${item.scenario.name} ${why}`);
        return why === null;
      });
      return { ...item, isolation, workloads };
    }),
  );
  const possible = candidates.filter(({ workloads }) => workloads.length > 0);
  if (possible.length === 0)
    throw new UsageError(
      `nothing is left to explore: ${[...leftOut].join('; ')}`,
      'Next: the same without --actors or --isolation, or another scenario',
    );
  const items = possible
    .filter((_, index) => index % args.shard.of === args.shard.index - 1)
    .map(({ workloads, ...item }): Item => ({ ...item, plans: workloads.flatMap((workload) => plansOf(item, workload, args, seed)) }));
  return { items, leftOut: [...leftOut] };
}

function levelsOf({ scenario }: Loaded, { isolation }: ExploreArguments): readonly IsolationLevel[] {
  if (isolation !== null) return [isolation];
  const declared = Object.keys(scenario.expect) as IsolationLevel[];
  return declared.length > 0 ? declared : ['READ COMMITTED'];
}

/** Why a workload cannot have such a plan; null where it can. */
function misfit(workload: Workload, isolation: IsolationLevel, actors: number | null): string | null {
  if (workload.levels !== undefined && !workload.levels.includes(isolation)) return `is not for ${isolation}`;
  const least = leastActors(workload);
  return actors !== null && actors < least ? `has ${least} actors at the least` : null;
}

/** The plans of a scenario in the suite: all of its workloads that are for the level. */
export const suitePlans = (scenario: Scenario, isolation: IsolationLevel, seed: string): Plan[] =>
  scenario.workloads
    .filter((workload) => misfit(workload, isolation, null) === null)
    .flatMap((workload) => someOf(scenario, workload, isolation, {}, seed));

/** Distinct plans of a workload, as many as are explored. */
const someOf = (...given: [Scenario, Workload, IsolationLevel, Fixed, string]): Plan[] =>
  drawPlans(...given, DRAWS_PER_WORKLOAD).slice(0, PLANS_PER_WORKLOAD);

function plansOf({ scenario, file, isolation }: Omit<Item, 'plans'>, workload: Workload, args: ExploreArguments, seed: string): Plan[] {
  const fixed: Fixed = {
    ...(args.actors === null ? {} : { actors: args.actors }),
    ...(args.capacity === null ? {} : { capacity: args.capacity }),
  };
  try {
    return someOf(scenario, workload, isolation, fixed, seed);
  } catch (error) {
    if (file === null) throw error;
    throw new UsageError(
      `${file}: no plan of workload "${workload.name}" of ${scenario.name} can be drawn: ${(error as Error).message}`,
      'Its capacity and the inputs of its roles are made with integer, always, oneOf and record: see docs/your-own-code.md',
    );
  }
}
