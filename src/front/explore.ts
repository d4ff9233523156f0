import type { FailureReport } from '../crew/failure.js';
import type { OpenedPostgres } from '../crew/jobs.js';
import type { ProviderChoice } from '../engine/postgres/providers/server.js';
import { momentIn } from '../engine/postgres/waiting.js';
import { STRATEGIES, type StrategyName } from '../explore/strategies/list.js';
import { DEFAULT_LIMITS, type Limits } from '../limits.js';
import type { Counterexample, ScenarioOutcome } from '../outcome.js';
import type { WantedPlans } from '../plan/covering.js';
import type { IsolationLevel, Scenario } from '../scenario.js';
import { holds, type Verdict, worst } from '../verdict.js';
import { abortable } from './aborting.js';
import { checkScenario } from './check.js';
import { Exploration, type ItemProgress } from './exploration.js';
import { workOf } from './work.js';

/** How far an exploration goes. Hitting a limit never counts as a pass. */
export interface Budget {
  /** Plans of each workload, the smallest first. Default: 200, as far as 50,000 steps go. */
  readonly plans?: WantedPlans;
  /** Schedules of one plan at the most. Default: 1,000 sampled, 2,000 with `dpor`, 5,000 to confirm. */
  readonly runs?: number;
  /** States of one plan on the model before it is sampled instead. Default: 200,000. */
  readonly maxStates?: number;
  /** Milliseconds after which no more is begun. What is found then depends on the machine. Default: none. */
  readonly timeMs?: number;
}

/** What `explore` may be told. */
export interface ExploreOptions {
  /** Default: every level that the scenario expects something at, or READ COMMITTED. */
  readonly isolation?: IsolationLevel;
  /** The exploration is a function of it. Default `1`. */
  readonly seed?: string;
  /** The model, a real PostgreSQL, or both in lockstep. Default `both`. */
  readonly engine?: 'both' | 'model' | 'postgres';
  /** `auto`, `embedded`, `testcontainers` or a URL. Default `auto`: what LASTSEAT_POSTGRES says, else embedded, else testcontainers. */
  readonly postgres?: ProviderChoice;
  /** Default `auto`: every order where that is possible, on the engine that can show it, else samples. */
  readonly strategy?: StrategyName;
  /** False: `dpor` runs every order, also those that differ only in steps that commute. Default true. */
  readonly reduction?: boolean;
  /** Fixes the number of actors of every plan. */
  readonly actors?: number;
  /** Fixes the capacity of every plan. */
  readonly capacity?: number;
  readonly budget?: Budget;
  /**
   * Processes to explore with, each with a server of its own. Default 0: this process, on a server that all calls share and that is gone when the process
   * is. Other processes load the scenario from `module`.
   */
  readonly workers?: number;
  /** Absolute path of the module that exports the scenario. Needed where `workers` is not 0. */
  readonly module?: string;
  /** Called now and then, with the level that is worked on. */
  readonly onProgress?: (progress: ExploreProgress) => void;
  /** Ends the exploration: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Are told of what is found as it is found. */
  readonly reporters?: readonly Reporter[];
}

/** How far the exploration of a scenario at one level is: plans that are done, of at most so many, and what is being done on one of the others. */
export interface ExploreProgress extends Pick<ItemProgress, 'done' | 'plans' | 'states' | 'runs' | 'of'> {
  readonly isolation: IsolationLevel;
}

/** Is told of an exploration, and awaited. */
export interface Reporter {
  /** A level is done. */
  readonly onOutcome?: (
    outcome: ScenarioOutcome,
    about: { readonly seed: string; readonly postgres: OpenedPostgres | null },
  ) => void | Promise<void>;
  /** All of it is. */
  readonly onEnd?: (explored: Explored) => void | Promise<void>;
}

/** What came of a scenario. Plain JSON. */
export interface Explored {
  readonly name: string;
  readonly seed: string;
  /** The worst of all levels. */
  readonly verdict: Verdict;
  /** `proved`, `explored` or `passed`, at every level. */
  readonly holds: boolean;
  /** One for each level. */
  readonly outcomes: readonly ScenarioOutcome[];
  /** The first that was found, made small. */
  readonly counterexample: Counterexample | null;
  /** The server that it was run on. */
  readonly postgres: OpenedPostgres | null;
  /** What could not be done, and why: the verdict is of that then. */
  readonly failures: readonly FailureReport[];
  /** Workloads that the options leave no plan of, and why. */
  readonly leftOut: readonly string[];
}

/**
 * Explores a scenario: draws its plans, runs each in every order where that is possible, confirms every step on a real PostgreSQL, makes what fails small,
 * and judges.
 *
 *     const { verdict, counterexample } = await explore(scenario, { isolation: 'READ COMMITTED' });
 *
 * Rejects with `ScenarioMistake` where the scenario is none, `NothingLeftError`, `NoPlanError` or `TooManyPlansError` where there is nothing to explore, and
 * `ProviderError` where no PostgreSQL can be had. What goes wrong later is a verdict.
 */
export async function explore(scenario: Scenario, options: ExploreOptions = {}): Promise<Explored> {
  const { seed = '1', isolation = null, actors = null, capacity = null, module = null, workers = 0, budget = {}, reporters = [] } = options;
  options.signal?.throwIfAborted();
  checkScenario(scenario);
  if (workers !== 0 && module === null)
    throw new TypeError(
      'explore: `workers` needs `module`, the absolute path of the file that exports the scenario: other processes load it',
    );
  if (STRATEGIES[options.strategy ?? 'auto'].rewinds && options.engine === 'postgres')
    throw new TypeError(`explore: the strategy ${options.strategy} needs the model: a server cannot go back to an earlier state`);
  const { items, leftOut } = workOf([{ scenario, module }], { isolation, actors, capacity, plans: budget.plans ?? null }, seed);
  const exploration = new Exploration(items, { ...settingsOf(options), workers }, (item, progress) =>
    options.onProgress?.({ isolation: item.isolation, ...progress }),
  );
  const work = async (): Promise<Explored> => {
    const found = exploration.explore();
    const postgres = await exploration.opened();
    const outcomes: ScenarioOutcome[] = [];
    const failures: FailureReport[] = [];
    for (const pending of found) {
      const { outcome, failure } = await pending;
      outcomes.push(outcome);
      if (failure !== null) failures.push(failure);
      for (const reporter of reporters) await reporter.onOutcome?.(outcome, { seed, postgres });
    }
    const verdict = worst(outcomes.map((outcome) => outcome.verdict));
    const counterexample = outcomes.find((outcome) => outcome.counterexample !== null)?.counterexample ?? null;
    const explored = { name: scenario.name, seed, verdict, holds: holds(verdict), outcomes, counterexample, postgres, failures, leftOut };
    for (const reporter of reporters) await reporter.onEnd?.(explored);
    return explored;
  };
  return abortable(options.signal, work, () => exploration.close());
}

/** The limits that a budget leaves. */
export const limitsWithin = ({ runs, maxStates }: Budget): Limits => ({
  ...DEFAULT_LIMITS,
  ...(maxStates === undefined ? {} : { maxStates }),
  ...(runs === undefined
    ? {}
    : { runs, orderRuns: runs, serverRuns: runs, sampledServerRuns: Math.min(runs, DEFAULT_LIMITS.sampledServerRuns) }),
});

function settingsOf({ engine = 'both', postgres = 'auto', strategy = 'auto', reduction = true, budget = {} }: ExploreOptions) {
  return {
    postgres: engine === 'model' ? null : postgres,
    model: engine !== 'postgres',
    strategy,
    reduction,
    limits: limitsWithin(budget),
    runs: budget.runs ?? null,
    deadlineMs: budget.timeMs === undefined ? null : momentIn(budget.timeMs),
  };
}
