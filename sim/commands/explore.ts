import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import {
  asExpected,
  type Counterexample,
  combine,
  counterexampleMarkdown,
  DEFAULT_LIMITS,
  drawPlans,
  type Failure,
  type Fixed,
  type IsolationLevel,
  type Limits,
  openServer,
  outcomeJson,
  type PlanOutcome,
  type PostgresServer,
  type ScenarioOutcome,
  type Strategy,
  scenarioText,
  scheduleFile,
  suiteLine,
  type TextOptions,
} from '../../src/index.js';
import { EXIT, exitCode } from '../exit-codes.js';
import type { Job, JobResult, Progress, WorkerSetup } from '../jobs.js';
import { JobError, Pool } from '../pool.js';
import { type Loaded, loadScenarios, readPattern, SHIPPED } from '../scenarios.js';
import { StatusLine } from '../status-line.js';
import { PG_MEM_VERSION, VERSION } from '../version.js';
import { writeWhole } from '../write-file.js';

export interface ExploreArguments {
  readonly seed: string | null;
  readonly scenarios: readonly string[];
  readonly engine: 'both' | 'model' | 'postgres';
  readonly postgres: string;
  readonly actors: number | null;
  readonly capacity: number | null;
  readonly isolation: IsolationLevel | null;
  readonly strategy: Strategy;
  readonly runs: number | null;
  readonly timeSeconds: number | null;
  readonly maxStates: number | null;
  readonly workers: number | null;
  readonly shard: { readonly index: number; readonly of: number };
  readonly json: string | null;
  readonly report: string;
  readonly save: string | null;
  readonly expect: boolean;
}

/** One variant at one level: the unit of the suite. */
interface Item extends Loaded {
  readonly isolation: IsolationLevel;
}

/** Distinct plans of one workload, and draws that are made to find as many. */
const PLANS_PER_WORKLOAD = 2;
const DRAWS_PER_WORKLOAD = 8;

export async function explore(args: ExploreArguments): Promise<number> {
  const exploration = new Exploration(args, await itemsOf(args));
  return exploration.run();
}

async function itemsOf(args: ExploreArguments): Promise<Item[]> {
  const loaded = args.scenarios.length === 0 ? SHIPPED.map((scenario) => ({ scenario, file: null })) : await loadScenarios(args.scenarios);
  const items = loaded.flatMap((item): Item[] => {
    const declared = Object.keys(item.scenario.expect) as IsolationLevel[];
    const levels = args.isolation !== null ? [args.isolation] : declared.length > 0 ? declared : (['READ COMMITTED'] as const);
    return levels.map((isolation) => ({ ...item, isolation }));
  });
  return items.filter((_, index) => index % args.shard.of === args.shard.index - 1);
}

class Exploration {
  readonly #args: ExploreArguments;
  readonly #items: readonly Item[];
  readonly #seed: string;
  readonly #startedMs = Date.now();
  readonly #status = new StatusLine(process.stderr);
  readonly #progress = new Map<Item, { done: number; of: number; progress: Progress }>();
  readonly #outcomes: ScenarioOutcome[] = [];
  readonly #files = new Map<string, string>();
  readonly #toStandardOutput: boolean;
  #pool: Pool | null = null;
  #shared: PostgresServer | null = null;
  #postgres: { provider: string; version: string } | null = null;
  #interrupted = false;
  #failures: JobError[] = [];

  constructor(args: ExploreArguments, items: readonly Item[]) {
    this.#args = args;
    this.#items = items;
    this.#seed = args.seed ?? String(randomInt(1_000_000));
    this.#toStandardOutput = args.json === '-';
  }

  get #named(): boolean {
    return this.#args.scenarios.length > 0;
  }

  get #judged(): boolean {
    return !this.#named || this.#args.expect;
  }

  #print(text: string): void {
    this.#status.clear();
    (this.#toStandardOutput ? process.stderr : process.stdout).write(`${text}\n`);
  }

  async run(): Promise<number> {
    this.#print(
      `lastseat ${VERSION} · seed ${this.#seed} · ${this.#items.length} ${this.#items.length === 1 ? 'verdict' : 'verdicts'} to find`,
    );
    const onInterrupt = () => this.#interrupt();
    process.on('SIGINT', onInterrupt);
    process.on('SIGTERM', onInterrupt);
    try {
      this.#status.show('starting PostgreSQL ...');
      await this.#start();
      this.#print(this.#enginesLine());
      this.#print('');
      await this.#all();
    } finally {
      process.off('SIGINT', onInterrupt);
      process.off('SIGTERM', onInterrupt);
      this.#status.clear();
      await this.#pool?.close();
      await this.#shared?.close();
    }
    return this.#finish();
  }

  #interrupt(): void {
    if (this.#interrupted) return;
    this.#interrupted = true;
    this.#status.clear();
    process.stderr.write('interrupted: closing servers, and writing what is known\n');
    void this.#pool?.close();
    this.#stop?.();
  }

  #stop: (() => void) | null = null;

  async #start(): Promise<void> {
    const { args } = { args: this.#args };
    const wanted = Math.max(1, Math.min(args.workers ?? availableParallelism(), this.#items.length * 4));
    let postgres: string | null = args.engine === 'model' ? null : args.postgres;
    if (
      postgres !== null &&
      (postgres === 'testcontainers' || (postgres === 'auto' && process.env.LASTSEAT_POSTGRES === 'testcontainers'))
    ) {
      // A container for everybody: the workers get its address.
      this.#shared = await openServer('testcontainers');
      postgres = await addressOf(this.#shared);
    }
    const limits: Limits = {
      ...DEFAULT_LIMITS,
      ...(args.maxStates === null ? {} : { maxStates: args.maxStates }),
      ...(args.runs === null
        ? {}
        : { runs: args.runs, serverRuns: args.runs, sampledServerRuns: Math.min(args.runs, DEFAULT_LIMITS.sampledServerRuns) }),
    };
    const setup = (index: number): WorkerSetup => ({
      kind: 'setup',
      postgres,
      cpu: wanted > 1 ? index % availableParallelism() : null,
      model: args.engine !== 'postgres',
      strategy: args.strategy,
      limits,
      deadlineMs: args.timeSeconds === null ? null : this.#startedMs + args.timeSeconds * 1000,
    });
    const { pool, postgres: opened } = await Pool.start(wanted, setup);
    this.#pool = pool;
    this.#postgres = this.#shared === null || opened === null ? opened : { provider: this.#shared.kind, version: opened.version };
  }

  #enginesLine(): string {
    const model = this.#args.engine === 'postgres' ? null : `model pg-mem ${PG_MEM_VERSION}`;
    const server = this.#postgres === null ? null : `postgres ${this.#postgres.version} (${this.#postgres.provider})`;
    const given = this.#args.timeSeconds === null ? [] : ['--time: what is found depends on this machine'];
    return [model, server, ...given].filter((part) => part !== null).join(' · ');
  }

  /** Works on all items at once, and prints each as soon as those before it are printed. */
  async #all(): Promise<void> {
    const stopped = new Promise<null>((resolve) => {
      this.#stop = () => resolve(null);
      if (this.#interrupted) resolve(null);
    });
    const pending = this.#items.map((item) => this.#one(item).catch((error: unknown) => this.#failed(item, error)));
    for (const [index, item] of this.#items.entries()) {
      const outcome = await Promise.race([pending[index]!, stopped]);
      if (outcome === null) return;
      this.#outcomes.push(outcome);
      this.#show(item, outcome);
    }
  }

  async #one(item: Item): Promise<ScenarioOutcome> {
    const plans = plansOf(item, this.#seed, this.#args);
    const tracked = { done: 0, of: plans.length, progress: { states: 0, runs: 0, of: 0 } };
    this.#progress.set(item, tracked);
    const common = { scenario: item.scenario.name, file: item.file };
    let elapsedMs = 0;
    const results = await Promise.all(
      plans.map(async (plan): Promise<PlanOutcome> => {
        const result = await this.#job({ ...common, kind: 'plan', plan }, tracked);
        elapsedMs += result.elapsedMs;
        tracked.done += 1;
        return (result as Extract<JobResult, { kind: 'plan' }>).outcome;
      }),
    );
    const combined = combine(item.scenario, item.isolation, results);
    const failure = smallest(results);
    let counterexample: Counterexample | null = null;
    if (failure !== null) {
      const result = await this.#job({ ...common, kind: 'counterexample', failure }, tracked);
      elapsedMs += result.elapsedMs;
      counterexample = (result as Extract<JobResult, { kind: 'counterexample' }>).counterexample;
    }
    this.#progress.delete(item);
    return { ...combined, counterexample, elapsedMs };
  }

  #job(job: Job, tracked: { progress: Progress }): Promise<JobResult> {
    return this.#pool!.run(job, (progress) => {
      tracked.progress = progress;
      this.#drawStatus();
    });
  }

  #drawStatus(): void {
    const [item, tracked] = [...this.#progress].find(([, candidate]) => candidate.progress.states + candidate.progress.runs > 0) ?? [
      null,
      null,
    ];
    if (item === null || tracked === null) return;
    const { states, runs, of } = tracked.progress;
    const what = runs > 0 ? `${runs}/${of} schedules on PostgreSQL` : `${states} states`;
    const seconds = Math.round((Date.now() - this.#startedMs) / 1000);
    this.#status.show(
      `${this.#outcomes.length}/${this.#items.length} · ${item.scenario.name} ${item.isolation} · plan ${tracked.done + 1}/${tracked.of} · ${what} · ${seconds} s`,
    );
  }

  /** A defect of ours or of the scenario's is a verdict too: the rest goes on. */
  #failed(item: Item, error: unknown): ScenarioOutcome {
    const known =
      error instanceof JobError ? error : new JobError(String((error as Error).message ?? error), (error as Error).stack ?? '', false);
    this.#failures.push(known);
    const combined = combine(item.scenario, item.isolation, []);
    const verdict = known.nondeterminism ? 'racy' : 'error';
    const reason = known.nondeterminism ? `uncontrolled nondeterminism: ${known.message}` : known.message;
    return { ...combined, verdict, reason, counterexample: null, elapsedMs: 0 };
  }

  #show(item: Item, outcome: ScenarioOutcome): void {
    const options = this.#textOptions(item);
    if (outcome.counterexample !== null) this.#write(outcome, outcome.counterexample, options);
    if (this.#named && !this.#args.expect) {
      this.#print(
        `${scenarioText(outcome, options)}${outcome.counterexample === null ? '' : `\nreport      ${this.#files.get(key(outcome))}`}\n`,
      );
      return;
    }
    const width = Math.max(...this.#items.map((other) => other.scenario.name.length));
    this.#print(suiteLine(outcome, options, width));
    if (!asExpected(outcome)) this.#print(`\n${scenarioText(outcome, options)}\n`);
  }

  #textOptions(item: Item): TextOptions {
    const stream = process.stdout;
    const files = this.#args.scenarios.map((pattern) => readPattern(pattern).file);
    const file =
      item.file === null
        ? ''
        : ` --scenario ${files.find((name) => name !== null && item.file?.endsWith(name.replace(/^\.\//, ''))) ?? item.file}`;
    return {
      width: Math.max(80, Math.min(stream.isTTY ? (stream.columns ?? 120) : 120, 160)),
      postgres: this.#postgres === null ? null : `${this.#postgres.version} (${this.#postgres.provider})`,
      version: VERSION,
      color: useColor(),
      replayCommand: `npm run sim -- replay${file}`,
    };
  }

  #write(outcome: ScenarioOutcome, counterexample: Counterexample, options: TextOptions): void {
    const name = `${outcome.name}-${outcome.isolation}`.toLowerCase().replace(/[^a-z0-9]+/g, '-');
    const path = join(this.#args.report, `${name}.md`);
    const recording = {
      plan: counterexample.plan,
      schedule: counterexample.schedule,
      hashes: counterexample.hashes,
      violation: { invariant: counterexample.invariant, resource: counterexample.resource },
    };
    const schedule = scheduleFile(recording, counterexample.history, VERSION);
    writeWhole(path, counterexampleMarkdown(outcome, counterexample, options));
    writeWhole(join(this.#args.report, `${name}.json`), schedule);
    if (this.#args.save !== null) writeWhole(join(this.#args.save, `${name}.json`), schedule);
    this.#files.set(key(outcome), path);
  }

  #finish(): number {
    const elapsedMs = Date.now() - this.#startedMs;
    const code = exitCode(this.#outcomes, this.#judged, this.#interrupted);
    const document = outcomeJson(
      {
        format: 'lastseat.outcome.v1',
        seed: this.#seed,
        version: VERSION,
        postgres: this.#postgres,
        interrupted: this.#interrupted,
        elapsedMs,
        scenarios: this.#outcomes,
      },
      this.#files,
    );
    const text = `${JSON.stringify(document, null, 2)}\n`;
    writeWhole(join(this.#args.report, 'outcome.json'), text);
    if (this.#args.json === '-') process.stdout.write(text);
    else if (this.#args.json !== null) writeWhole(this.#args.json, text);
    if (code === EXIT.internal)
      for (const failure of this.#failures)
        process.stderr.write(`this is a defect of lastseat or of the scenario's code:\n${failure.stack}\n`);
    this.#print(this.#summary(elapsedMs));
    return code;
  }

  #summary(elapsedMs: number): string {
    const seconds = `${(elapsedMs / 1000).toFixed(1)} s`;
    const again = `again       npm run sim -- --seed ${this.#seed}${this.#args.scenarios.map((name) => ` --scenario ${name}`).join('')}`;
    if (this.#interrupted) return `interrupted after ${this.#outcomes.length} of ${this.#items.length} verdicts, ${seconds}\n${again}`;
    if (!this.#judged) return `${again}   (${seconds})`;
    const expected = this.#outcomes.filter(asExpected).length;
    const tally = `${expected} of ${this.#outcomes.length} verdicts as expected`;
    return `\n${tally} · ${seconds} · reports in ${this.#args.report}\n${again}`;
  }
}

const key = (outcome: Pick<ScenarioOutcome, 'name' | 'isolation'>) => `${outcome.name} ${outcome.isolation}`;

function plansOf(item: Item, seed: string, args: ExploreArguments) {
  const fixed: Fixed = {
    ...(args.actors === null ? {} : { actors: args.actors }),
    ...(args.capacity === null ? {} : { capacity: args.capacity }),
  };
  return item.scenario.workloads
    .filter((workload) => workload.levels === undefined || workload.levels.includes(item.isolation))
    .flatMap((workload) =>
      drawPlans(item.scenario, workload, item.isolation, fixed, seed, DRAWS_PER_WORKLOAD).slice(0, PLANS_PER_WORKLOAD),
    );
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

function useColor(): boolean {
  if (process.env.NO_COLOR) return false;
  if (process.env.FORCE_COLOR && process.env.FORCE_COLOR !== '0') return true;
  return process.stdout.isTTY === true;
}
