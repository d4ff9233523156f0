import type { StrategyName } from '../explore/strategies/list.js';
import type { FuzzTally } from '../fuzz/tally.js';
import type { Limits } from '../limits.js';
import type { Counterexample, Failure, PlanOutcome } from '../outcome.js';
import type { Plan } from '../plan/plan.js';
import type { Scenario } from '../scenario.js';
import type { FailureReport } from './failure.js';

/** How plans are explored, whoever does it. */
export interface Settings {
  /** False: the server alone. */
  readonly model: boolean;
  readonly strategy: StrategyName;
  /** False: `dpor` runs every order, whatever commutes. */
  readonly reduction: boolean;
  readonly limits: Limits;
  /** When the time is up, as milliseconds since 1970; null where there is no such limit. */
  readonly deadlineMs: number | null;
}

/** What a worker process is started with. */
export interface WorkerSetup extends Settings {
  readonly kind: 'setup';
  /** Null: the model alone. */
  readonly postgres: string | null;
  /** Binaries of another major version than the installed one. */
  readonly natives: string | null;
  readonly cpu: number | null;
}

/** A scenario, and the module that exports it, from which another process loads it. Null: it can be explored in this process only. */
export interface Source {
  readonly scenario: Scenario;
  /** An absolute path. */
  readonly module: string | null;
}

/** A plan to explore, or a failure to make small. `runs`: in place of the limit of schedules that are sampled; null where that holds. */
export type ScenarioJob =
  | { readonly kind: 'plan'; readonly plan: Plan; readonly runs: number | null }
  | { readonly kind: 'counterexample'; readonly failure: Failure };

/** Random programs of a seed, from one number to another. */
export interface FuzzJob {
  readonly kind: 'fuzz';
  readonly seed: string;
  readonly from: number;
  readonly to: number;
  readonly schedules: number;
}

/** A job, with the scenario that it is about. */
export type Task = { readonly source: Source; readonly job: ScenarioJob } | { readonly source: null; readonly job: FuzzJob };

export interface Progress {
  readonly states: number;
  readonly runs: number;
  readonly of: number;
  /** What one more program came to. */
  readonly fuzzed?: FuzzTally;
}

/** What a job came to, and what it took. */
export type JobResult =
  /** `violatedMs`: when a violation was known; null where there is none. */
  | { readonly kind: 'plan'; readonly outcome: PlanOutcome; readonly elapsedMs: number; readonly violatedMs: number | null }
  | { readonly kind: 'counterexample'; readonly counterexample: Counterexample; readonly elapsedMs: number }
  | { readonly kind: 'fuzz'; readonly elapsedMs: number };

/** The server that plans are run on. */
export interface OpenedPostgres {
  readonly provider: string;
  readonly version: string;
  /** What cannot be done with this server, a sentence each. */
  readonly limitations: readonly string[];
}

/** A {@link Task} as another process gets it. */
export type SentTask =
  | { readonly name: string; readonly module: string; readonly job: ScenarioJob }
  | { readonly name: null; readonly module: null; readonly job: FuzzJob };

export type ToWorker = WorkerSetup | { readonly kind: 'job'; readonly id: number; readonly task: SentTask } | { readonly kind: 'close' };

export type FromWorker =
  /** It takes jobs; its server is starting. */
  | { readonly kind: 'accepting' }
  | { readonly kind: 'ready'; readonly postgres: OpenedPostgres | null }
  | { readonly kind: 'unavailable'; readonly message: string; readonly hint: string }
  | { readonly kind: 'progress'; readonly id: number; readonly progress: Progress }
  | { readonly kind: 'result'; readonly id: number; readonly result: JobResult }
  | { readonly kind: 'failed'; readonly id: number; readonly failure: FailureReport };
