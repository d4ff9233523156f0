import { type ChildProcess, fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ProviderError } from '../engine/postgres/providers/server.js';
import { after, soon } from '../engine/postgres/waiting.js';
import { ACTOR_LIMITS } from '../limits.js';
import type { Crew } from './crew.js';
import { CrewError } from './failure.js';
import type { FromWorker, JobResult, OpenedPostgres, Progress, SentTask, Task, ToWorker, WorkerSetup } from './jobs.js';
import { JobQueue, type Waiting } from './queue.js';
import { LAST_WORDS } from './watchdog.js';

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

/** Compiled or not, as this file is. */
const WORKER = fileURLToPath(new URL(`./worker${extname(import.meta.url)}`, import.meta.url));

/** Node's own options go on; what reads TypeScript is added where we are not compiled. */
function nodeOptions(): string[] {
  const readsTypeScript = process.execArgv.some((option) => /tsx/.test(option));
  const loader = WORKER.endsWith('.ts') && !readsTypeScript ? ['--import', import.meta.resolve('tsx')] : [];
  return [...process.execArgv, ...loader, YOUNG_GENERATION];
}

/** Worker processes, each with a server of its own where it has one, and the jobs that wait for one of them. */
export class Pool implements Crew {
  readonly size: number;
  /** Null, too, where the pool is closed before all servers have answered. */
  readonly opened: Promise<OpenedPostgres | null>;
  readonly #workers: Worker[] = [];
  readonly #queue = new JobQueue();
  #closed = false;
  #lost = false;
  /** Why there is nobody left to do a job; null as long as there is. */
  #deserted: CrewError | null = null;

  constructor(size: number, setup: (index: number) => WorkerSetup) {
    this.size = size;
    const all = Promise.all(Array.from({ length: size }, (_, index) => this.#spawn(setup(index))));
    this.opened = all.then(([first]) => first ?? null);
    // Also where nobody asks.
    this.opened.catch(() => undefined);
  }

  #spawn(setup: WorkerSetup): Promise<OpenedPostgres | null> {
    const stdio: ('inherit' | 'ipc' | 'pipe')[] = ['inherit', 'inherit', 'inherit', 'ipc'];
    stdio[LAST_WORDS] = 'pipe';
    const child = fork(WORKER, [], { serialization: 'json', execArgv: nodeOptions(), stdio });
    const worker: Worker = { process: child, current: null, ready: false };
    let lastWords = '';
    child.stdio[LAST_WORDS]?.on('data', (data: Buffer) => {
      lastWords += data.toString();
    });
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
      // Not before what it has said last was read.
      child.on('close', (code, signal) => {
        if (code !== 0) this.#lost = true;
        if (this.#closed) {
          resolve(null);
          return;
        }
        if (lastWords !== '') {
          this.#replace(worker, setup, stalled(lastWords));
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

  /** Does a job on the first worker that is free. */
  run(task: Task, place: number, onProgress: (progress: Progress) => void): Promise<JobResult> {
    if (this.#deserted !== null) return Promise.reject(this.#deserted);
    const done = this.#queue.add(task, place, onProgress);
    for (const worker of this.#workers) this.#next(worker);
    return done;
  }

  #next(worker: Worker): void {
    if (!worker.ready || worker.current !== null || this.#closed) return;
    const waiting = this.#queue.take();
    if (waiting === null) return;
    worker.current = waiting;
    this.#send(worker, { kind: 'job', id: waiting.id, task: sent(waiting.task) });
  }

  #answer(worker: Worker, message: Extract<FromWorker, { readonly id: number }>): void {
    const { current } = worker;
    if (current === null || current.id !== message.id) return;
    if (message.kind === 'progress') {
      current.onProgress(message.progress);
      return;
    }
    if (message.kind === 'failed' && message.failure.kind === 'server') {
      this.#retire(worker, new CrewError(message.failure));
      return;
    }
    worker.current = null;
    if (message.kind === 'result') current.resolve(message.result);
    else current.reject(new CrewError(message.failure));
    // What follows from the answer may be urgent, and is asked for first.
    soon(() => this.#next(worker));
  }

  /** A worker that was ended for what a scenario's code did in it: that job has failed, and another worker does the others. */
  #replace(worker: Worker, setup: WorkerSetup, failure: CrewError): void {
    worker.ready = false;
    worker.current?.reject(failure);
    worker.current = null;
    this.#spawn(setup).catch(() => undefined);
  }

  /** A worker that is gone, or whose server is: the others go on, and where there are none the jobs that wait fail too. */
  #retire(worker: Worker, failure: CrewError): void {
    worker.ready = false;
    worker.current?.reject(failure);
    worker.current = null;
    if (this.#workers.some((other) => other.ready)) return;
    this.#deserted = failure;
    this.#queue.refuse(failure);
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
    const enough = after(CLOSE_MS, () => void child.kill('SIGKILL'));
    await exited;
    enough();
  }
}

function sent({ source, job }: Task): SentTask {
  if (source === null) return { name: null, module: null, job };
  const { scenario, module } = source;
  if (module === null) throw new Error(`no other process can load ${scenario.name}: it was given without its module`);
  return { name: scenario.name, module, job };
}

function stalled(whose: string): CrewError {
  return new CrewError({
    kind: 'scenario',
    message: `${whose} has not let anything else run for ${ACTOR_LIMITS.silentMs / 1000} s: it never ends`,
    hint: 'Usual cause: a loop that waits for something to change, without an await in it',
    trace: [],
  });
}

function lostWorker(code: number | null, signal: string | null): CrewError {
  const killed = signal !== null;
  return new CrewError({
    kind: 'worker',
    message: killed ? `a worker process was killed (${signal})` : `a worker process ended by itself (exit code ${code})`,
    hint: killed
      ? 'Usual cause: the system ran out of memory (dmesg says so). Next: the same again with fewer --workers, or with --max-states'
      : "Usual cause: the scenario's code calls process.exit, or the worker's last words are above",
    trace: [],
  });
}
