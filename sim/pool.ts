import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type OutcomeDocument, ProviderError } from '../src/index.js';
import { Failure } from './failure.js';
import type { FromWorker, Job, JobResult, Progress, ToWorker, WorkerSetup } from './jobs.js';

/** The server of the workers, as the outcome tells it. */
export type OpenedPostgres = NonNullable<OutcomeDocument['postgres']>;

/** The place in the queue of what goes before all others. */
export const FIRST = -1;

interface Waiting {
  readonly id: number;
  readonly place: number;
  readonly job: Job;
  readonly onProgress: (progress: Progress) => void;
  readonly resolve: (result: JobResult) => void;
  readonly reject: (error: Error) => void;
}

interface Worker {
  readonly process: ChildProcess;
  current: Waiting | null;
  /** It can work, whether or not its server has started yet. */
  ready: boolean;
}

/** Most of what a worker makes is garbage at once. A young generation that stays in the core's cache costs a third less memory, and no time. */
const YOUNG_GENERATION = '--max-semi-space-size=2';

/** How long a worker may take to close its server before it is killed; the server's own supervisor then ends it. */
const CLOSE_MS = 3_000;

/** Worker processes, and the jobs that wait for one. */
export class Pool {
  readonly #workers: Worker[] = [];
  readonly #queue: Waiting[] = [];
  #jobs = 0;
  #closed = false;
  #lost = false;
  /** Why there is nobody left to do a job; null as long as there is. */
  #deserted: Failure | null = null;

  /**
   * Starts workers and waits until all have their server; says which PostgreSQL they have. Jobs are taken before that. Null where the pool is
   * closed before they have. Throws `ProviderError`.
   */
  async start(count: number, setup: (index: number) => WorkerSetup): Promise<OpenedPostgres | null> {
    const [first] = await Promise.all(Array.from({ length: count }, (_, index) => this.#spawn(setup(index))));
    return first ?? null;
  }

  #spawn(setup: WorkerSetup): Promise<OpenedPostgres | null> {
    const child = fork(fileURLToPath(new URL('./worker.ts', import.meta.url)), [], {
      serialization: 'json',
      execArgv: [...process.execArgv, YOUNG_GENERATION],
    });
    const worker: Worker = { process: child, current: null, ready: false };
    this.#workers.push(worker);
    return new Promise((resolve, reject) => {
      child.on('message', (message: FromWorker) => {
        if (this.#closed) return;
        if (message.kind === 'accepting') {
          worker.ready = true;
          this.#next(worker);
        } else if (message.kind === 'ready') {
          resolve(message.postgres);
        } else if (message.kind === 'unavailable') {
          reject(new ProviderError(message.message, message.hint));
        } else {
          this.#answer(worker, message);
        }
      });
      // Sending to one that has just died is reported here; its end is what counts. One that never lived has no other.
      child.on('error', (error) => {
        if (child.pid === undefined) reject(error);
      });
      child.on('exit', (code, signal) => {
        if (code !== 0) this.#lost = true;
        if (this.#closed) {
          resolve(null);
          return;
        }
        const failure = lostWorker(code, signal);
        reject(failure);
        this.#retire(worker, failure);
      });
      this.#send(worker, setup);
    });
  }

  /** A worker ended otherwise than it was told to, and may have left something behind. */
  get lostWorker(): boolean {
    return this.#lost;
  }

  /** Does a job on the first worker that is free. Of jobs that wait the one with the least `place` is next, and of several the one that came first. */
  run(job: Job, place: number, onProgress: (progress: Progress) => void): Promise<JobResult> {
    return new Promise((resolve, reject) => {
      if (this.#deserted !== null) {
        reject(this.#deserted);
        return;
      }
      this.#jobs += 1;
      const before = this.#queue.findLastIndex((other) => other.place <= place);
      this.#queue.splice(before + 1, 0, { id: this.#jobs, place, job, onProgress, resolve, reject });
      for (const worker of this.#workers) this.#next(worker);
    });
  }

  #next(worker: Worker): void {
    if (!worker.ready || worker.current !== null || this.#closed) return;
    const waiting = this.#queue.shift();
    if (waiting === undefined) return;
    worker.current = waiting;
    this.#send(worker, { kind: 'job', id: waiting.id, job: waiting.job });
  }

  #answer(worker: Worker, message: Extract<FromWorker, { readonly id: number }>): void {
    const { current } = worker;
    if (current === null || current.id !== message.id) return;
    if (message.kind === 'progress') {
      current.onProgress(message.progress);
      return;
    }
    if (message.kind === 'failed' && message.failure.kind === 'server') {
      this.#retire(worker, new Failure(message.failure));
      return;
    }
    worker.current = null;
    if (message.kind === 'result') current.resolve(message.result);
    else current.reject(new Failure(message.failure));
    // What follows from the answer may be urgent, and is asked for first.
    setImmediate(() => this.#next(worker));
  }

  /** A worker that is gone, or whose server is: the others go on, and where there are none the jobs that wait fail too. */
  #retire(worker: Worker, failure: Failure): void {
    worker.ready = false;
    worker.current?.reject(failure);
    worker.current = null;
    if (this.#workers.some((other) => other.ready)) return;
    this.#deserted = failure;
    for (const waiting of this.#queue.splice(0)) waiting.reject(failure);
  }

  #send(worker: Worker, message: ToWorker): void {
    if (worker.process.connected) worker.process.send(message);
  }

  /** Ends all workers and their servers. Closing twice is no error. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#workers.map((worker) => this.#end(worker)));
  }

  /** Ends all workers at once. Their servers' supervisors see to the rest, however this process ends. */
  kill(): void {
    this.#closed = true;
    for (const { process: child } of this.#workers) child.kill('SIGKILL');
  }

  async #end(worker: Worker): Promise<void> {
    const { process: child } = worker;
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
    });
    this.#send(worker, { kind: 'close' });
    const timer = setTimeout(() => child.kill('SIGKILL'), CLOSE_MS);
    await exited;
    clearTimeout(timer);
  }
}

function lostWorker(code: number | null, signal: string | null): Failure {
  const killed = signal !== null;
  return new Failure({
    kind: 'worker',
    message: killed ? `a worker process was killed (${signal})` : `a worker process ended by itself (exit code ${code})`,
    hint: killed
      ? 'Usual cause: the system ran out of memory (dmesg says so). Next: the same again with fewer --workers, or with --max-states'
      : "Usual cause: the scenario's code calls process.exit, or the worker's last words are above",
    trace: [],
  });
}
