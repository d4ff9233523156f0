import { availableParallelism } from 'node:os';
import { Alone } from '../crew/alone.js';
import { type Crew, FIRST } from '../crew/crew.js';
import { explainFailure, type FailureReport, VERDICT_OF_FAILURE } from '../crew/failure.js';
import type { JobResult, OpenedPostgres, Progress, Settings } from '../crew/jobs.js';
import { Pool } from '../crew/pool.js';
import { openServer, resolveChoice, sweepServer } from '../engine/postgres/providers/open.js';
import type { PostgresServer, ProviderChoice } from '../engine/postgres/providers/server.js';
import { coverPlans } from '../explore/covering.js';
import { combine } from '../explore/scenario.js';
import { DEFAULT_LIMITS, runsOfEach } from '../limits.js';
import type { Counterexample, Failure, FirstViolation, PlanOutcome, ScenarioOutcome } from '../outcome.js';
import { sumCounts } from '../plan/counts.js';
import type { PlanCovering } from '../plan/covering.js';
import { isCrash } from '../plan/fault.js';
import type { Plan } from '../plan/plan.js';
import { type Item, plansOf } from './work.js';

/** How items are explored, and by whom. */
export interface ExplorationOptions extends Settings {
  /** Where the server comes from; null: the model alone. */
  readonly postgres: ProviderChoice | null;
  /** Schedules of each plan that are sampled, where this was asked for; else the plans of a workload share the limit. */
  readonly runs: number | null;
  /** Processes, each with a server of its own; null: as many as there are cores. 0: this process, on a server that stays for the next one. */
  readonly workers: number | null;
}

/** How far an item is: plans that are done, and what is being done on the last one heard of. */
export interface ItemProgress extends Progress {
  readonly done: number;
  readonly plans: number;
}

/** What an item came to. `failure`: why it could not be done, where the verdict is of that; else null. */
export interface Found {
  readonly outcome: ScenarioOutcome;
  readonly failure: FailureReport | null;
}

const NOTHING_YET: Progress = { states: 0, runs: 0, of: 0 };

/**
 * The sentence: explores the plans of each item, confirms what it finds on the server, makes the smallest failure small, and puts a verdict
 * together. All items are worked on at once by one crew.
 */
export class Exploration {
  readonly #items: readonly Item[];
  readonly #options: ExplorationOptions;
  readonly #onProgress: (item: Item, progress: ItemProgress) => void;
  readonly #crew: Promise<Crew>;
  #assembled: Crew | null = null;
  /** A container for everybody. */
  #shared: PostgresServer | null = null;
  #closed: Promise<void> | null = null;

  /** Its crew starts at once. */
  constructor(
    items: readonly Item[],
    options: ExplorationOptions,
    onProgress: (item: Item, progress: ItemProgress) => void = () => undefined,
  ) {
    this.#items = items;
    this.#options = options;
    this.#onProgress = onProgress;
    this.#crew = this.#assemble();
    // Who asks for an outcome, or whether servers have answered, hears of it.
    this.#crew.catch(() => undefined);
  }

  /** Resolves when the servers have answered: with what they are, null without any. Throws `ProviderError`. */
  async opened(): Promise<OpenedPostgres | null> {
    const postgres = await (await this.#crew).opened;
    return this.#shared === null || postgres === null ? postgres : { ...postgres, provider: this.#shared.kind };
  }

  /** Explores all items, each of which is told as soon as it is done. What cannot be done has a verdict too: the rest goes on. */
  explore(): readonly Promise<Found>[] {
    return this.#items.map((item) => this.#one(item).catch((error: unknown) => failed(item, error)));
  }

  /** Ends whatever is under way, and the servers. What is not done then stays undone, and its promise may never settle. Throws nothing. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Ends all at once that would outlive this process. */
  kill(): void {
    this.#assembled?.kill();
  }

  async #close(): Promise<void> {
    const crew = await this.#crew.catch(() => null);
    await crew?.close();
    if (crew instanceof Pool && crew.lostWorker && this.#options.postgres !== null) await sweepServer(this.#options.postgres);
    await this.#shared?.close();
  }

  async #assemble(): Promise<Crew> {
    this.#assembled = this.#options.workers === 0 ? new Alone(this.#options.postgres, this.#options) : await this.#pool();
    return this.#assembled;
  }

  async #pool(): Promise<Pool> {
    const { model, strategy, reduction, limits, deadlineMs, postgres: wanted } = this.#options;
    let postgres = wanted;
    if (postgres !== null && resolveChoice(postgres) === 'testcontainers') {
      this.#shared = await openServer('testcontainers');
      postgres = await addressOf(this.#shared);
    }
    const plans = this.#items.reduce((sum, item) => sum + plansOf(item), 0);
    const size = this.#closed === null ? Math.max(1, Math.min(this.#options.workers ?? availableParallelism(), plans)) : 0;
    return new Pool(size, (index) => ({
      kind: 'setup',
      postgres,
      natives: null,
      cpu: size > 1 ? index % availableParallelism() : null,
      model,
      strategy,
      reduction,
      limits,
      deadlineMs,
    }));
  }

  async #one(item: Item): Promise<Found> {
    const crew = await this.#crew;
    const done = { plans: 0 };
    const explored = new Map(longestFirst(item.coverings).map((covering) => [covering, this.#cover(crew, item, covering, done)]));
    const covered = await Promise.all(item.coverings.map((covering) => explored.get(covering)!));
    const { scenario } = item.source;
    const results = covered.flatMap((workload) => workload.results);
    const outcomes = results.map(({ outcome }) => outcome);
    const combined = combine(scenario, item.isolation, outcomes, sumCounts(covered.map(({ counts }) => counts)));
    const failure = smallest(outcomes);
    let elapsedMs = results.reduce((sum, result) => sum + result.elapsedMs, 0);
    let counterexample: Counterexample | null = null;
    if (failure !== null) {
      const report = this.#reporter(item, { plans: plansOf(item) });
      // What is half done is done first: verdicts come early, and in order.
      const result = await crew.run({ source: item.source, job: { kind: 'counterexample', failure } }, FIRST, report);
      elapsedMs += result.elapsedMs;
      counterexample = (result as Extract<JobResult, { kind: 'counterexample' }>).counterexample;
    }
    return { outcome: { ...combined, firstViolation: firstViolation(results), counterexample, elapsedMs }, failure: null };
  }

  /** The plans of one workload. One more than are worked on at once is under way, so that nobody waits for us. */
  #cover(crew: Crew, item: Item, covering: PlanCovering, done: { plans: number }): ReturnType<typeof coverPlans<PlanResult>> {
    const runs = this.#options.runs === null ? runsOfEach(DEFAULT_LIMITS, covering.plans.length) : null;
    const place = this.#items.indexOf(item);
    const explored = async (plan: Plan): Promise<PlanResult> => {
      const report = this.#reporter(item, done);
      const result = await crew.run({ source: item.source, job: { kind: 'plan', plan, runs } }, place, report);
      done.plans += 1;
      return result as PlanResult;
    };
    return coverPlans(covering, explored, covering.steps === null ? covering.plans.length : crew.size + 1);
  }

  /** Tells that a job is asked for, and then how far it is. */
  #reporter(item: Item, done: { readonly plans: number }): (progress: Progress) => void {
    const plans = plansOf(item);
    const report = (progress: Progress) => this.#onProgress(item, { ...progress, done: done.plans, plans });
    report(NOTHING_YET);
    return report;
  }
}

async function failed({ source, isolation, coverings }: Item, error: unknown): Promise<Found> {
  const { scenario } = source;
  const failure = await explainFailure(error, scenario.name, null);
  const combined = combine(scenario, isolation, [], sumCounts(coverings.map((covering) => covering.counts(0))));
  const outcome: ScenarioOutcome = {
    ...combined,
    verdict: VERDICT_OF_FAILURE[failure.kind],
    reason: failure.message,
    firstViolation: null,
    counterexample: null,
    elapsedMs: 0,
  };
  return { outcome, failure };
}

/** Where a server is to crash it has to start again some hundred times: nobody is to begin with that when all else is done. */
function longestFirst(coverings: readonly PlanCovering[]): readonly PlanCovering[] {
  const crashes = ({ plans }: PlanCovering) => Number((plans[0]?.faults ?? []).some(isCrash));
  return coverings.toSorted((left, right) => crashes(right) - crashes(left));
}

type PlanResult = Extract<JobResult, { kind: 'plan' }>;

/** Of the first plan that has a violation, as if plans were worked on one after the other. */
function firstViolation(results: readonly PlanResult[]): FirstViolation | null {
  const plan = results.findIndex(({ outcome }) => outcome.failure !== null);
  if (plan < 0) return null;
  const { outcome, violatedMs, elapsedMs } = results[plan]!;
  const before = results.slice(0, plan).reduce((sum, result) => sum + result.elapsedMs, 0);
  return { plan, schedules: outcome.failure!.schedules, elapsedMs: before + (violatedMs ?? elapsedMs) };
}

/** The failure that has the least way to go: the one of the plan with the fewest actors. */
function smallest(outcomes: readonly PlanOutcome[]): Failure | null {
  const failures = outcomes.flatMap((outcome) => (outcome.failure === null ? [] : [outcome.failure]));
  return failures.reduce<Failure | null>(
    (least, failure) => (least === null || failure.plan.actors.length < least.plan.actors.length ? failure : least),
    null,
  );
}

async function addressOf(server: PostgresServer): Promise<string> {
  const { connection } = await server.createDatabase();
  const user = encodeURIComponent(connection.user);
  const password = connection.password === undefined ? '' : `:${encodeURIComponent(connection.password)}`;
  return `postgres://${user}${password}@${connection.host}:${connection.port}/${connection.database}`;
}
