import type { JobResult, Progress, Task } from './jobs.js';

/** A job that waits, or is under way. */
export interface Waiting {
  readonly id: number;
  readonly place: number;
  readonly task: Task;
  readonly onProgress: (progress: Progress) => void;
  readonly resolve: (result: JobResult) => void;
  readonly reject: (error: unknown) => void;
}

/** Jobs that wait: the least `place` first, and of several the one that came first. */
export class JobQueue {
  readonly #waiting: Waiting[] = [];
  #jobs = 0;

  /** Settles when whoever took the job says so. */
  add(task: Task, place: number, onProgress: (progress: Progress) => void): Promise<JobResult> {
    return new Promise((resolve, reject) => {
      this.#jobs += 1;
      const before = this.#waiting.findLastIndex((other) => other.place <= place);
      this.#waiting.splice(before + 1, 0, { id: this.#jobs, place, task, onProgress, resolve, reject });
    });
  }

  take(): Waiting | null {
    return this.#waiting.shift() ?? null;
  }

  refuse(error: Error): void {
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
  }
}
