import {
  DEFAULT_LIMITS,
  type Fixed,
  type IsolationLevel,
  leastActors,
  type Plan,
  PlanCovering,
  PlanForm,
  type Scenario,
  TooManyPlansError,
  type Workload,
} from '../src/index.js';
import type { ExploreArguments } from './explore-arguments.js';
import { type Loaded, loadScenarios } from './scenarios.js';
import { UsageError } from './usage-error.js';

/** One variant at one level: the unit of the suite. */
export interface Item extends Loaded {
  readonly isolation: IsolationLevel;
  /** Which plans of each workload. */
  readonly coverings: readonly PlanCovering[];
}

export interface Work {
  readonly items: readonly Item[];
  /** Workloads that the options leave no plan of, and why. */
  readonly leftOut: readonly string[];
}

/** What there is to explore: this shard's slice. */
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
    .map(({ workloads, ...item }): Item => ({ ...item, coverings: workloads.map((workload) => coveringOf(item, workload, args, seed)) }));
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

/** The plans of a scenario in the suite: those of all of its workloads that are for the level. */
export const suitePlans = (scenario: Scenario, isolation: IsolationLevel, seed: string): Plan[] =>
  scenario.workloads
    .filter((workload) => misfit(workload, isolation, null) === null)
    .flatMap((workload) => new PlanCovering(new PlanForm(scenario, workload, isolation, {}, seed), 'default', DEFAULT_LIMITS).plans);

function coveringOf(
  { scenario, file, isolation }: Omit<Item, 'coverings'>,
  workload: Workload,
  args: ExploreArguments,
  seed: string,
): PlanCovering {
  const fixed: Fixed = {
    ...(args.actors === null ? {} : { actors: args.actors }),
    ...(args.capacity === null ? {} : { capacity: args.capacity }),
  };
  try {
    return new PlanCovering(new PlanForm(scenario, workload, isolation, fixed, seed), args.plans ?? 'default', DEFAULT_LIMITS);
  } catch (error) {
    if (error instanceof TooManyPlansError)
      throw new UsageError(`--plans all: ${error.message}`, 'Next: the same with a number, --plans 500, or with smaller generators');
    if (file === null) throw error;
    throw new UsageError(
      `${file}: no plan of workload "${workload.name}" of ${scenario.name} can be made: ${(error as Error).message}`,
      'Its capacity and the inputs of its roles are made with integer, always, oneOf and record: see docs/your-own-code.md',
    );
  }
}
