import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ProviderError } from '../src/index.js';
import type { FromWorker, Job, JobResult, Progress, ToWorker, WorkerSetup } from './jobs.js';

/** A job that a worker could not do: a defect of lastseat's or of a scenario's, not a verdict. */
export class JobError extends Error {
  override readonly name = 'JobError';
  readonly nondeterminism: boolean;

  constructor(message: string, stack: string, nondeterminism: boolean) {
    super(message);
    this.stack = stack;
    this.nondeterminism = nondeterminism;
  }
}

interface Waiting {
  readonly id: number;
  readonly job: Job;
  readonly onProgress: (progress: Progress) => void;
  readonly resolve: (result: JobResult) => void;
  readonly reject: (error: Error) => void;
}

interface Worker {
  readonly process: ChildProcess;
  current: Waiting | null;
  ready: boolean;
}

/** How long a worker may take to close its server before it is killed; the server's own supervisor then ends it. */
const CLOSE_MS = 3_000;

/** Worker processes, and the jobs that wait for one. */
export class Pool {
  readonly #workers: Worker[] = [];
  readonly #queue: Waiting[] = [];
  #jobs = 0;
  #closed = false;

  /** Starts workers and waits until all have their server; says which PostgreSQL they have. Throws `ProviderError`. */
  static async start(
    count: number,
    setup: (index: number) => WorkerSetup,
  ): Promise<{ pool: Pool; postgres: { provider: string; version: string } | null }> {
    const pool = new Pool();
    const ready = Array.from({ length: count }, (_, index) => pool.#spawn(setup(index)));
    try {
      const [first] = await Promise.all(ready);
      return { pool, postgres: first ?? null };
    } catch (error) {
      await pool.close();
      throw error;
    }
  }

  #spawn(setup: WorkerSetup): Promise<{ provider: string; version: string } | null> {
    const child = fork(fileURLToPath(new URL('./worker.ts', import.meta.url)), [], { serialization: 'json' });
    const worker: Worker = { process: child, current: null, ready: false };
    this.#workers.push(worker);
    return new Promise((resolve, reject) => {
      child.on('message', (message: FromWorker) => {
        if (message.kind === 'ready') {
          worker.ready = true;
          resolve(message.postgres);
          this.#next(worker);
        } else if (message.kind === 'unavailable') {
          reject(new ProviderError(message.message, message.hint));
        } else {
          this.#answer(worker, message);
        }
      });
      child.on('exit', (code, signal) => {
        const error = new JobError(`a worker process ended unexpectedly (${signal ?? `exit code ${code}`})`, '', false);
        reject(error);
        if (!this.#closed) worker.current?.reject(error);
        worker.current = null;
        worker.ready = false;
        if (!this.#closed && this.#workers.every((other) => !other.ready))
          for (const waiting of this.#queue.splice(0)) waiting.reject(error);
      });
      this.#send(worker, setup);
    });
  }

  /** Does a job on the first worker that is free. */
  run(job: Job, onProgress: (progress: Progress) => void): Promise<JobResult> {
    return new Promise((resolve, reject) => {
      this.#jobs += 1;
      this.#queue.push({ id: this.#jobs, job, onProgress, resolve, reject });
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

  #answer(worker: Worker, message: Exclude<FromWorker, { kind: 'ready' | 'unavailable' }>): void {
    const { current } = worker;
    if (current === null || current.id !== message.id) return;
    if (message.kind === 'progress') {
      current.onProgress(message.progress);
      return;
    }
    worker.current = null;
    if (message.kind === 'result') current.resolve(message.result);
    else current.reject(new JobError(message.message, message.stack, message.nondeterminism));
    this.#next(worker);
  }

  #send(worker: Worker, message: ToWorker): void {
    if (worker.process.connected) worker.process.send(message);
  }

  /** Ends all workers and their servers. Closing twice is no error. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#workers.map((worker) => this.#end(worker)));
  }

  async #end(worker: Worker): Promise<void> {
    const { process: child } = worker;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
    });
    this.#send(worker, { kind: 'close' });
    const timer = setTimeout(() => child.kill('SIGKILL'), CLOSE_MS);
    await exited;
    clearTimeout(timer);
  }
}
