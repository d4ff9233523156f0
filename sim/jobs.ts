import type { Counterexample, Failure, FuzzTally, Limits, OutcomeDocument, Plan, PlanOutcome, StrategyName } from '../src/index.js';
import type { FailureReport } from './failure.js';

/** What a worker process is started with. */
export interface WorkerSetup {
  readonly kind: 'setup';
  /** Null: the model alone. */
  readonly postgres: string | null;
  /** Binaries of another major version than the installed one. */
  readonly natives: string | null;
  readonly cpu: number | null;
  readonly model: boolean;
  readonly strategy: StrategyName;
  readonly reduction: boolean;
  readonly limits: Limits;
  readonly deadlineMs: number | null;
}

/** One piece of work: a plan to explore, a failure to make small, or random programs of a seed from one number to another. */
export type Job = ScenarioJob | FuzzJob;

export type ScenarioJob = {
  readonly scenario: string;
  readonly file: string | null;
} /** `runs`: in place of the limit of schedules that are sampled; null where that holds. */ & (
  | { readonly kind: 'plan'; readonly plan: Plan; readonly runs: number | null }
  | { readonly kind: 'counterexample'; readonly failure: Failure }
);

export interface Progress {
  readonly states: number;
  readonly runs: number;
  readonly of: number;
  /** What one more program came to. */
  readonly fuzzed?: FuzzTally;
}

export interface FuzzJob {
  readonly kind: 'fuzz';
  readonly seed: string;
  readonly from: number;
  readonly to: number;
  readonly schedules: number;
}

/** What a job came to, and what it took. */
export type JobResult =
  /** `violatedMs`: when a violation was known; null where there is none. */
  | { readonly kind: 'plan'; readonly outcome: PlanOutcome; readonly elapsedMs: number; readonly violatedMs: number | null }
  | { readonly kind: 'counterexample'; readonly counterexample: Counterexample; readonly elapsedMs: number }
  | { readonly kind: 'fuzz'; readonly elapsedMs: number };

export type ToWorker = WorkerSetup | { readonly kind: 'job'; readonly id: number; readonly job: Job } | { readonly kind: 'close' };

export type FromWorker =
  /** It takes jobs; its server is starting. */
  | { readonly kind: 'accepting' }
  | { readonly kind: 'ready'; readonly postgres: OutcomeDocument['postgres'] }
  | { readonly kind: 'unavailable'; readonly message: string; readonly hint: string }
  | { readonly kind: 'progress'; readonly id: number; readonly progress: Progress }
  | { readonly kind: 'result'; readonly id: number; readonly result: JobResult }
  | { readonly kind: 'failed'; readonly id: number; readonly failure: FailureReport };
