import type { Source } from '../crew/jobs.js';
import { DEFAULT_LIMITS } from '../limits.js';
import { type Fixed, leastActors } from '../plan/bounds.js';
import { PlanCovering, TooManyPlansError, type WantedPlans } from '../plan/covering.js';
import { PlanForm } from '../plan/form.js';
import type { Plan } from '../plan/plan.js';
import type { IsolationLevel, Scenario, Workload } from '../scenario.js';

/** Which plans are wanted of a scenario; null where all that it has will do. */
export interface Choice {
  readonly isolation: IsolationLevel | null;
  readonly actors: number | null;
  readonly capacity: number | null;
  readonly plans: WantedPlans | null;
}

/** The `index`-th of so many slices of the work, from 1. */
export interface Slice {
  readonly index: number;
  readonly of: number;
}

/** One scenario at one level. */
export interface Item<S extends Source = Source> {
  readonly source: S;
  readonly isolation: IsolationLevel;
  /** Which plans of each workload. */
  readonly coverings: readonly PlanCovering[];
}

/** What is to be explored, and what had to be left out. */
export interface Work<S extends Source = Source> {
  readonly items: readonly Item<S>[];
  /** Workloads that the choice leaves no plan of, and why. */
  readonly leftOut: readonly string[];
}

/** The choice leaves no plan of any scenario. */
export class NothingLeftError extends Error {
  override readonly name = 'NothingLeftError';
}

/** A workload has no plan: its generators or its roles contradict each other, or the choice. */
export class NoPlanError extends Error {
  override readonly name = 'NoPlanError';
  readonly source: Source;

  constructor(source: Source, workload: string, cause: Error) {
    super(`no plan of workload "${workload}" of ${source.scenario.name} can be made: ${cause.message}`, { cause });
    this.source = source;
  }
}

/** What there is to explore. Throws {@link NothingLeftError}, {@link NoPlanError} and {@link TooManyPlansError}. */
export function workOf<S extends Source>(sources: readonly S[], choice: Choice, seed: string, slice: Slice = { index: 1, of: 1 }): Work<S> {
  const leftOut = new Set<string>();
  const candidates = sources.flatMap((source) =>
    levelsOf(source.scenario, choice).map((isolation) => {
      const workloads = source.scenario.workloads.filter((workload) => {
        const why = misfit(workload, isolation, choice.actors);
        if (why !== null) leftOut.add(`workload "${workload.name}" of ${source.scenario.name} ${why}`);
        return why === null;
      });
      return { source, isolation, workloads };
    }),
  );
  const possible = candidates.filter(({ workloads }) => workloads.length > 0);
  if (possible.length === 0) throw new NothingLeftError(`nothing is left to explore: ${[...leftOut].join('; ')}`);
  const items = possible
    .filter((_, index) => index % slice.of === slice.index - 1)
    .map(({ source, isolation, workloads }): Item<S> => {
      const coverings = workloads.map((workload) => coveringOf(source, isolation, workload, choice, seed));
      return { source, isolation, coverings };
    });
  return { items, leftOut: [...leftOut] };
}

/** The plans of a scenario in the suite: those of all of its workloads that are for the level. */
export const suitePlans = (scenario: Scenario, isolation: IsolationLevel, seed: string): Plan[] =>
  scenario.workloads
    .filter((workload) => misfit(workload, isolation, null) === null)
    .flatMap((workload) => new PlanCovering(new PlanForm(scenario, workload, isolation, {}, seed), 'default', DEFAULT_LIMITS).plans);

/** Plans that may be explored. */
export const plansOf = ({ coverings }: Item): number => coverings.reduce((sum, { plans }) => sum + plans.length, 0);

function levelsOf({ expect }: Scenario, { isolation }: Choice): readonly IsolationLevel[] {
  if (isolation !== null) return [isolation];
  const declared = Object.keys(expect) as IsolationLevel[];
  return declared.length > 0 ? declared : ['READ COMMITTED'];
}

/** Why a workload cannot have such a plan; null where it can. */
function misfit(workload: Workload, isolation: IsolationLevel, actors: number | null): string | null {
  if (workload.levels !== undefined && !workload.levels.includes(isolation)) return `is not for ${isolation}`;
  const least = leastActors(workload);
  return actors !== null && actors < least ? `has ${least} actors at the least` : null;
}

function coveringOf(source: Source, isolation: IsolationLevel, workload: Workload, choice: Choice, seed: string): PlanCovering {
  const fixed: Fixed = {
    ...(choice.actors === null ? {} : { actors: choice.actors }),
    ...(choice.capacity === null ? {} : { capacity: choice.capacity }),
  };
  try {
    return new PlanCovering(new PlanForm(source.scenario, workload, isolation, fixed, seed), choice.plans ?? 'default', DEFAULT_LIMITS);
  } catch (error) {
    if (error instanceof TooManyPlansError) throw error;
    throw new NoPlanError(source, workload.name, error as Error);
  }
}
