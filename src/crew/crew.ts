import type { JobResult, OpenedPostgres, Progress, Task } from './jobs.js';

/** The place in the queue of what goes before all others. */
export const FIRST = -1;

/** Whoever does the jobs: this process, or processes of their own. */
export interface Crew {
  /** How many jobs it works on at once. */
  readonly size: number;
  /** Settles when its servers have answered; jobs are taken before that. Null without a server. Rejects with `ProviderError`. */
  readonly opened: Promise<OpenedPostgres | null>;
  /** Does a job. Of jobs that wait the one with the least `place` is next, and of several the one that came first. Rejects with `CrewError`. */
  run(task: Task, place: number, onProgress: (progress: Progress) => void): Promise<JobResult>;
  /** Ends what it has started. Jobs that are not done stay undone, and their promises may never settle. Closing twice is no error. */
  close(): Promise<void>;
  /** Ends at once whatever of it would outlive this process. */
  kill(): void;
}
