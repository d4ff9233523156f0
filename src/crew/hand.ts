import { PostgresEngine } from '../engine/postgres/engine.js';
import type { PostgresServer } from '../engine/postgres/providers/server.js';
import { isPast, stopwatch } from '../engine/postgres/waiting.js';
import { makeCounterexample } from '../explore/counterexample.js';
import { explorePlan } from '../explore/plan.js';
import type { Scenario } from '../scenario.js';
import { nameAndMessage } from '../scenario-error.js';
import { CrewError, explainFailure, type FailureReport } from './failure.js';
import { fuzzPrograms } from './fuzz-job.js';
import type { FuzzJob, JobResult, Progress, ScenarioJob, Settings } from './jobs.js';
import { type Stray, Strays } from './strays.js';

/** Does one job at a time, on a model and, where there is a server, on an engine of its own on that. */
export class Hand {
  readonly #settings: Settings;
  readonly #server: Promise<PostgresServer | null>;
  readonly #stopped: () => boolean;
  readonly #strays: Strays;
  #engine: Promise<PostgresEngine | null>;
  #opened: PostgresEngine | null = null;

  /** `stopped` says that what is under way is wanted no more. `ownsProcess`: nothing but jobs is done in this process. */
  constructor(settings: Settings, server: Promise<PostgresServer | null>, stopped: () => boolean = () => false, ownsProcess = false) {
    this.#strays = new Strays(ownsProcess);
    this.#settings = settings;
    this.#server = server;
    this.#stopped = stopped;
    this.#engine = server.then((opened) => this.#engineOn(opened));
    // Who opens the server says that there is none.
    this.#engine.catch(() => undefined);
  }

  async work(scenario: Scenario, job: ScenarioJob, onProgress: (progress: Progress) => void): Promise<JobResult> {
    this.#strays.listen();
    try {
      return job.kind === 'plan' ? await this.#explore(scenario, job, onProgress) : await this.#makeSmall(scenario, job);
    } finally {
      this.#strays.stop();
    }
  }

  async fuzz(job: FuzzJob, onProgress: (progress: Progress) => void): Promise<JobResult> {
    const elapsed = stopwatch();
    const [server, engine] = await Promise.all([this.#server, this.#engine]);
    await fuzzPrograms(job, server!, engine!, onProgress);
    return { kind: 'fuzz', elapsedMs: elapsed() };
  }

  /** What failed may have left the engine in any state: the next job gets another, on the same server. */
  async explain(error: unknown, what: string): Promise<FailureReport> {
    const server = await this.#server.catch(() => null);
    const spent = await this.#engine.catch(() => null);
    if (server !== null && spent !== null) {
      this.#engine = Promise.resolve(this.#engineOn(server));
      spent.release();
      await spent.close().catch(() => undefined);
    }
    return explainFailure(error, what, server);
  }

  /** Nobody stays frozen, whatever is under way. */
  release(): void {
    this.#opened?.release();
  }

  /** Drops its database. The server stays. */
  async close(): Promise<void> {
    await (await this.#engine.catch(() => null))?.close();
  }

  #engineOn(server: PostgresServer | null): PostgresEngine | null {
    this.#opened = server === null ? null : new PostgresEngine(server);
    return this.#opened;
  }

  async #explore(
    scenario: Scenario,
    { plan, runs }: Extract<ScenarioJob, { kind: 'plan' }>,
    onProgress: (progress: Progress) => void,
  ): Promise<JobResult> {
    const { limits, model, strategy, reduction, deadlineMs } = this.#settings;
    const elapsed = stopwatch();
    let violatedMs: number | null = null;
    const outcome = await explorePlan(scenario, plan, {
      limits: runs === null ? limits : { ...limits, runs },
      model,
      strategy,
      reduction,
      postgres: this.#engine,
      expired: () => this.#stopped() || (deadlineMs !== null && isPast(deadlineMs)),
      onViolation: () => {
        violatedMs = elapsed();
      },
      onProgress,
    });
    if (outcome.verdict !== 'violated') this.#refuseStray(scenario.name);
    return { kind: 'plan', outcome, elapsedMs: elapsed(), violatedMs };
  }

  async #makeSmall(scenario: Scenario, { failure }: Extract<ScenarioJob, { kind: 'counterexample' }>): Promise<JobResult> {
    const elapsed = stopwatch();
    const postgres = await this.#engine;
    const counterexample = await makeCounterexample(scenario, failure, { limits: this.#settings.limits, postgres });
    return { kind: 'counterexample', counterexample, elapsedMs: elapsed() };
  }

  /** Outside of lastseat it would have ended the process: no verdict holds in spite of it. A violation is told first, for it may be the cause. */
  #refuseStray(scenario: string): void {
    const stray = this.#strays.first;
    if (stray === null) return;
    const { kind, reason } = stray;
    const { what, hint } = STRAYS[kind];
    throw new CrewError({
      kind: 'scenario',
      message: `${scenario}: ${what}: ${nameAndMessage(reason)}`,
      hint,
      trace:
        reason instanceof Error
          ? (reason.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line) && !/\/src\/|node:/.test(line))
          : [],
    });
  }
}

const STRAYS: Readonly<Record<Stray['kind'], { readonly what: string; readonly hint: string }>> = {
  rejection: {
    what: 'a promise that nobody awaits was rejected',
    hint: 'Usual cause: an operation calls a function without await. Node ends a process for it',
  },
  exception: {
    what: 'an error that nobody catches was thrown, in a timer or a handler of events',
    hint: 'Usual cause: an operation sets a timer of its own. Node ends a process for it',
  },
  exit: {
    what: 'an operation wants to end the process',
    hint: 'An operation returns or throws. Whoever calls it decides what becomes of the process',
  },
};
