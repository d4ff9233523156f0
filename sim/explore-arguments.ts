import type { IsolationLevel, StrategyName, WantedPlans } from '../src/index.js';
import type { Shard, WantedReporter } from './option-values.js';

/** What `explore` is asked for; null where an option was not given. */
export interface ExploreArguments {
  readonly seed: string | null;
  readonly scenarios: readonly string[];
  readonly engine: 'both' | 'model' | 'postgres';
  readonly postgres: string;
  readonly actors: number | null;
  readonly capacity: number | null;
  readonly isolation: IsolationLevel | null;
  readonly strategy: StrategyName;
  /** False: `dpor` runs every order, whatever commutes. */
  readonly reduction: boolean;
  readonly plans: WantedPlans | null;
  readonly runs: number | null;
  readonly timeSeconds: number | null;
  readonly maxStates: number | null;
  readonly workers: number | null;
  readonly shard: Shard;
  readonly json: string | null;
  readonly reporters: readonly WantedReporter[];
  readonly report: string;
  readonly save: string | null;
  readonly exportSpec: string | null;
  readonly expect: boolean;
}
