import type { ProviderChoice } from '../engine/postgres/providers/server.js';
import { type Turn, turnWith } from '../engine/postgres/providers/shared.js';
import type { Crew } from './crew.js';
import { CrewError } from './failure.js';
import { Hand } from './hand.js';
import type { JobResult, OpenedPostgres, Progress, Settings, Task } from './jobs.js';
import { JobQueue, type Waiting } from './queue.js';

/** This process does the jobs, one after the other, on the server that it shares with all who ask for the same. */
export class Alone implements Crew {
  readonly size = 1;
  readonly opened: Promise<OpenedPostgres | null>;
  readonly #queue = new JobQueue();
  readonly #turn: Promise<Turn | null>;
  readonly #hand: Hand;
  #working: Promise<void> | null = null;
  #closed: Promise<void> | null = null;
  /** It is our turn with the server. */
  #begun = false;
  #lost = false;

  constructor(postgres: ProviderChoice | null, settings: Settings) {
    this.#turn = postgres === null ? Promise.resolve(null) : turnWith(postgres);
    const server = this.#turn.then((turn) => turn?.server ?? null);
    this.#hand = new Hand(settings, server, () => this.#closed !== null);
    this.opened = server.then((opened) => {
      this.#begun = true;
      return opened === null ? null : { provider: opened.kind, version: opened.version, limitations: opened.limitations };
    });
    // Also where nobody asks.
    this.opened.catch(() => undefined);
  }

  run(task: Task, place: number, onProgress: (progress: Progress) => void): Promise<JobResult> {
    const done = this.#queue.add(task, place, onProgress);
    this.#working ??= this.#work();
    return done;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  kill(): void {
    // The server's supervisor sees to its end.
  }

  async #work(): Promise<void> {
    for (let waiting = this.#queue.take(); waiting !== null && this.#closed === null; waiting = this.#queue.take()) await this.#do(waiting);
    this.#working = null;
  }

  async #do({ task, onProgress, resolve, reject }: Waiting): Promise<void> {
    try {
      const { source, job } = task;
      resolve(await (source === null ? this.#hand.fuzz(job, onProgress) : this.#hand.work(source.scenario, job, onProgress)));
    } catch (error) {
      const failure = await this.#hand.explain(error, task.source?.scenario.name ?? 'a random program');
      this.#lost ||= failure.kind === 'server';
      reject(new CrewError(failure));
    }
  }

  /** What is under way hears that it is wanted no more; the server stays for the next one. */
  async #close(): Promise<void> {
    this.#hand.release();
    const end = this.#turn.then(
      async (turn) => {
        await this.#hand.close().catch(() => undefined);
        turn?.end(this.#lost);
      },
      () => undefined,
    );
    // Before that there is nothing of ours to end, and it may be somebody else's turn for long.
    if (this.#begun) await end;
  }
}
