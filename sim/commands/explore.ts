import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import {
  asExpected,
  type Counterexample,
  combine,
  counterexampleMarkdown,
  coverPlans,
  DEFAULT_LIMITS,
  type ExportedRun,
  type Failure,
  type FirstViolation,
  isCrash,
  type Limits,
  openServer,
  outcomeJson,
  type Plan,
  type PlanCovering,
  type PlanOutcome,
  type PostgresServer,
  runsOfEach,
  type ScenarioOutcome,
  STRATEGIES,
  scenarioText,
  scheduleFile,
  score,
  scoreText,
  suiteLine,
  sumCounts,
  sweepServer,
  type TextOptions,
} from '../../src/index.js';
import { againCommand } from '../again.js';
import { EXIT, exitCode } from '../exit-codes.js';
import type { ExploreArguments } from '../explore-arguments.js';
import { exportSpecs } from '../export-spec.js';
import { CONSEQUENCES, explainFailure, type FailureReport, failureText } from '../failure.js';
import { onInterrupt } from '../interruption.js';
import { type Item, type Work, workOf } from '../items.js';
import type { Job, JobResult, Progress, WorkerSetup } from '../jobs.js';
import { FIRST, type OpenedPostgres, Pool } from '../pool.js';
import { readPattern } from '../scenarios.js';
import { shellWord } from '../shell-word.js';
import { StatusLine } from '../status-line.js';
import { textWidth, useColor } from '../terminal.js';
import { UsageError } from '../usage-error.js';
import { PG_MEM_VERSION, VERSION } from '../version.js';
import { requireWritable, writeWhole } from '../write-file.js';

export async function explore(args: ExploreArguments): Promise<number> {
  if (STRATEGIES[args.strategy].rewinds && args.engine === 'postgres')
    throw new UsageError(
      `--strategy ${args.strategy} needs the model: a server cannot go back to an earlier state`,
      'Next: --strategy dpor, which runs every order that matters on the server; or the same with --engine both',
    );
  requireWritable(args.report);
  if (args.save !== null) requireWritable(args.save);
  if (args.json !== null && args.json !== '-') requireWritable(dirname(args.json));
  if (args.exportSpec !== null) requireWritable(dirname(args.exportSpec));
  const seed = args.seed ?? String(randomInt(1_000_000));
  return new Exploration(args, seed, await workOf(args, seed)).run();
}

/** How far an item is: plans that are done, and what is being done on the last one heard of. */
interface Tracked {
  done: number;
  readonly of: number;
  progress: Progress;
}

class Exploration {
  readonly #args: ExploreArguments;
  readonly #items: readonly Item[];
  readonly #leftOut: readonly string[];
  readonly #seed: string;
  readonly #startedMs = Date.now();
  readonly #status = new StatusLine(process.stderr);
  readonly #pool = new Pool();
  readonly #progress = new Map<Item, Tracked>();
  readonly #outcomes: ScenarioOutcome[] = [];
  readonly #found: ExportedRun[] = [];
  readonly #files = new Map<string, { readonly report: string; readonly schedule: string }>();
  readonly #failures = new Map<string, FailureReport>();
  /** Outcomes of what could not be done: the failure says which exit code follows. */
  readonly #undone = new Set<ScenarioOutcome>();
  /** Where results go. Where JSON has standard output, nothing else does. */
  readonly #results: NodeJS.WriteStream;
  #shared: PostgresServer | null = null;
  #postgres: OpenedPostgres | null = null;
  /** The servers have answered; jobs that do not need them may be under way before. */
  #opened = false;
  #interrupted = false;
  #stop: () => void = () => undefined;

  constructor(args: ExploreArguments, seed: string, { items, leftOut }: Work) {
    this.#args = args;
    this.#items = items;
    this.#leftOut = leftOut;
    this.#seed = seed;
    this.#results = args.json === '-' ? process.stderr : process.stdout;
  }

  get #named(): boolean {
    return this.#args.scenarios.length > 0;
  }

  get #workers(): number {
    const plans = this.#items.reduce((sum, item) => sum + plansOf(item), 0);
    return Math.max(1, Math.min(this.#args.workers ?? availableParallelism(), plans));
  }

  get #judged(): boolean {
    return !this.#named || this.#args.expect;
  }

  #print(text: string): void {
    this.#status.clear();
    this.#results.write(`${text}\n`);
  }

  async run(): Promise<number> {
    const ignoreInterrupts = onInterrupt(
      () => this.#interrupt(),
      () => this.#endAtOnce(),
    );
    try {
      await this.#explore();
      if (this.#args.exportSpec !== null) for (const line of await exportSpecs(this.#args.exportSpec, this.#found)) this.#print(line);
      return this.#finish();
    } finally {
      ignoreInterrupts();
    }
  }

  async #explore(): Promise<void> {
    const count = this.#items.length;
    this.#print(`lastseat ${VERSION} · seed ${this.#seed} · ${count} ${count === 1 ? 'verdict' : 'verdicts'} to find`);
    for (const left of this.#leftOut) this.#print(`left out: ${left}`);
    try {
      this.#status.show(this.#args.engine === 'model' ? 'starting ...' : 'starting PostgreSQL ...');
      const opened = this.#start();
      const outcomes = this.#items.map((item) => this.#one(item).catch((error: unknown) => this.#failed(item, error)));
      await opened;
      if (this.#interrupted) return;
      this.#opened = true;
      this.#print(this.#enginesLine());
      for (const limitation of this.#postgres?.limitations ?? []) this.#print(`note: ${limitation}`);
      this.#print('');
      this.#drawStatus();
      await this.#showAll(outcomes);
    } catch (error) {
      // What fails because everything is being closed is of no interest.
      if (!this.#interrupted) throw error;
    } finally {
      this.#status.clear();
      await this.#pool.close();
      if (this.#pool.lostWorker) await sweepServer(this.#args.postgres);
      await this.#shared?.close();
    }
  }

  #interrupt(): void {
    this.#interrupted = true;
    this.#status.clear();
    process.stderr.write('interrupted: closing servers, and writing what is known (once more ends it at once)\n');
    void this.#pool.close();
    this.#stop();
  }

  #endAtOnce(): void {
    this.#pool.kill();
    process.exit(EXIT.interrupted);
  }

  async #start(): Promise<void> {
    const args = this.#args;
    const wanted = this.#workers;
    let postgres: string | null = args.engine === 'model' ? null : args.postgres;
    if (
      postgres !== null &&
      (postgres === 'testcontainers' || (postgres === 'auto' && process.env.LASTSEAT_POSTGRES === 'testcontainers'))
    ) {
      // A container for everybody: the workers get its address.
      this.#shared = await openServer('testcontainers');
      postgres = await addressOf(this.#shared);
    }
    if (this.#interrupted) return;
    const limits = limitsOf(args);
    const setup = (index: number): WorkerSetup => ({
      kind: 'setup',
      postgres,
      natives: null,
      cpu: wanted > 1 ? index % availableParallelism() : null,
      model: args.engine !== 'postgres',
      strategy: args.strategy,
      reduction: args.reduction,
      limits,
      deadlineMs: args.timeSeconds === null ? null : this.#startedMs + args.timeSeconds * 1000,
    });
    const opened = await this.#pool.start(wanted, setup);
    this.#postgres = this.#shared === null || opened === null ? opened : { ...opened, provider: this.#shared.kind };
  }

  #enginesLine(): string {
    const model = this.#args.engine === 'postgres' ? null : `model pg-mem ${PG_MEM_VERSION}`;
    const server = this.#postgres === null ? null : `postgres ${this.#postgres.version} (${this.#postgres.provider})`;
    const given = this.#args.timeSeconds === null ? [] : ['--time: what is found depends on this machine'];
    return [model, server, ...given].filter((part) => part !== null).join(' · ');
  }

  /** All items are worked on at once; each is printed as soon as those before it are. */
  async #showAll(outcomes: readonly Promise<ScenarioOutcome>[]): Promise<void> {
    const found: (ScenarioOutcome | null)[] = this.#items.map(() => null);
    const stopped = new Promise<void>((resolve) => {
      this.#stop = resolve;
    });
    const pending = outcomes.map(async (outcome, index) => {
      found[index] = await outcome;
    });
    for (const [index, item] of this.#items.entries()) {
      await Promise.race([pending[index], stopped]);
      // After an interruption: what is known, also where something before it is not.
      const outcome = found[index] ?? null;
      if (outcome === null) continue;
      this.#outcomes.push(outcome);
      this.#show(item, outcome);
    }
  }

  async #one(item: Item): Promise<ScenarioOutcome> {
    const tracked: Tracked = { done: 0, of: plansOf(item), progress: { states: 0, runs: 0, of: 0 } };
    this.#progress.set(item, tracked);
    const explored = new Map(longestFirst(item.coverings).map((covering) => [covering, this.#cover(item, covering, tracked)]));
    const covered = await Promise.all(item.coverings.map((covering) => explored.get(covering)!));
    tracked.done = tracked.of;
    const results = covered.flatMap((workload) => workload.results);
    const outcomes = results.map(({ outcome }) => outcome);
    const combined = combine(item.scenario, item.isolation, outcomes, sumCounts(covered.map(({ counts }) => counts)));
    const failure = smallest(outcomes);
    let elapsedMs = results.reduce((sum, result) => sum + result.elapsedMs, 0);
    let counterexample: Counterexample | null = null;
    if (failure !== null) {
      const job: Job = { scenario: item.scenario.name, file: item.file, kind: 'counterexample', failure };
      // What is half done is done first: verdicts come early, and in order.
      const result = await this.#job(job, FIRST, tracked);
      elapsedMs += result.elapsedMs;
      counterexample = (result as Extract<JobResult, { kind: 'counterexample' }>).counterexample;
    }
    this.#progress.delete(item);
    return { ...combined, firstViolation: firstViolation(results), counterexample, elapsedMs };
  }

  /** The plans of one workload. One more than there are workers is under way, so that none of them waits for us. */
  #cover(item: Item, covering: PlanCovering, tracked: Tracked): ReturnType<typeof coverPlans<PlanResult>> {
    const runs = this.#args.runs === null ? runsOfEach(DEFAULT_LIMITS, covering.plans.length) : null;
    const explored = async (plan: Plan): Promise<PlanResult> => {
      const job: Job = { scenario: item.scenario.name, file: item.file, kind: 'plan', plan, runs };
      const result = await this.#job(job, this.#items.indexOf(item), tracked);
      tracked.done += 1;
      return result as PlanResult;
    };
    return coverPlans(covering, explored, covering.steps === null ? covering.plans.length : this.#workers + 1);
  }

  #job(job: Job, place: number, tracked: Tracked): Promise<JobResult> {
    this.#drawStatus();
    return this.#pool.run(job, place, (progress) => {
      tracked.progress = progress;
      this.#drawStatus();
    });
  }

  #drawStatus(): void {
    const working = [...this.#progress];
    const shown = working.find(([, { progress }]) => progress.states + progress.runs > 0) ?? working[0];
    if (shown === undefined || !this.#opened) return;
    const [item, { done, of, progress }] = shown;
    const figures = progress.runs > 0 ? `${progress.runs}/${progress.of} schedules on PostgreSQL` : `${progress.states} states`;
    const seconds = Math.round((Date.now() - this.#startedMs) / 1000);
    this.#status.show(
      [
        `${this.#outcomes.length}/${this.#items.length}`,
        `${item.scenario.name} ${item.isolation}`,
        done < of ? `plan ${done + 1}/${of}` : 'counterexample',
        ...(done < of && progress.states + progress.runs > 0 ? [figures] : []),
        `${seconds} s`,
      ].join(' · '),
    );
  }

  /** What could not be done has a verdict too: the rest goes on. */
  async #failed(item: Item, error: unknown): Promise<ScenarioOutcome> {
    const report = await explainFailure(error, item.scenario.name, null);
    this.#progress.delete(item);
    this.#failures.set(failureText(report), report);
    const { verdict } = CONSEQUENCES[report.kind];
    const counts = sumCounts(item.coverings.map((covering) => covering.counts(0)));
    const combined = combine(item.scenario, item.isolation, [], counts);
    const undone = { ...combined, verdict, reason: report.message, firstViolation: null, counterexample: null, elapsedMs: 0 };
    this.#undone.add(undone);
    return undone;
  }

  #show(item: Item, outcome: ScenarioOutcome): void {
    const options = this.#textOptions(item);
    if (outcome.counterexample !== null) {
      this.#write(outcome, outcome.counterexample, options);
      this.#found.push({ ...outcome.counterexample, scenario: item.scenario, violation: outcome.counterexample });
    }
    const report = this.#files.get(key(outcome))?.report;
    const text = `${scenarioText(outcome, options)}${report === undefined ? '' : `\nreport      ${report}`}\n`;
    if (!this.#judged) {
      // A counterexample begins with the name.
      this.#print(outcome.counterexample === null ? `${outcome.name} · ${outcome.isolation}\n\n${text}` : text);
      return;
    }
    const width = Math.max(...this.#items.map((other) => other.scenario.name.length));
    this.#print(suiteLine(outcome, options, width));
    if (!asExpected(outcome)) this.#print(`\n${text}`);
  }

  #textOptions(item: Item): TextOptions {
    const files = this.#args.scenarios.map((pattern) => readPattern(pattern).file);
    const file = item.file === null ? null : (files.find((name) => name !== null && resolve(name) === item.file) ?? item.file);
    return {
      width: textWidth(this.#results),
      postgres: this.#postgres === null ? null : `${this.#postgres.version} (${this.#postgres.provider})`,
      version: VERSION,
      color: useColor(this.#results),
      replayCommand: `npm run sim -- replay${file === null ? '' : ` --scenario ${shellWord(file)}`}`,
    };
  }

  #write(outcome: ScenarioOutcome, counterexample: Counterexample, options: TextOptions): void {
    const name = `${outcome.name}-${outcome.isolation}`.toLowerCase().replace(/[^a-z0-9]+/g, '-');
    const files = { report: join(this.#args.report, `${name}.md`), schedule: join(this.#args.report, `${name}.json`) };
    const recording = {
      plan: counterexample.plan,
      schedule: counterexample.schedule,
      hashes: counterexample.hashes,
      violation: { invariant: counterexample.invariant, resource: counterexample.resource },
    };
    const schedule = scheduleFile(recording, counterexample.history, VERSION);
    writeWhole(files.report, counterexampleMarkdown(outcome, counterexample, options));
    writeWhole(files.schedule, schedule);
    if (this.#args.save !== null) writeWhole(join(this.#args.save, `${name}.json`), schedule);
    this.#files.set(key(outcome), files);
  }

  #finish(): number {
    const elapsedMs = Date.now() - this.#startedMs;
    const failures = [...this.#failures.values()];
    const also: number[] = [...failures.map(({ kind }) => CONSEQUENCES[kind].exit), ...(this.#interrupted ? [EXIT.interrupted] : [])];
    const document = outcomeJson(
      {
        format: 'lastseat.outcome.v1',
        seed: this.#seed,
        version: VERSION,
        postgres: this.#postgres,
        interrupted: this.#interrupted,
        elapsedMs,
        judged: this.#judged,
        scenarios: this.#outcomes,
      },
      new Map([...this.#files].map(([name, { schedule }]) => [name, schedule])),
    );
    const text = `${JSON.stringify(document, null, 2)}\n`;
    writeWhole(join(this.#args.report, 'outcome.json'), text);
    if (this.#args.json === '-') process.stdout.write(text);
    else if (this.#args.json !== null) writeWhole(this.#args.json, text);
    for (const failure of this.#failures.keys()) process.stderr.write(failure);
    this.#print(this.#summary(elapsedMs));
    return exitCode(
      this.#outcomes.filter((outcome) => !this.#undone.has(outcome)),
      this.#judged,
      also,
    );
  }

  #summary(elapsedMs: number): string {
    const seconds = `${(elapsedMs / 1000).toFixed(1)} s`;
    const again = `again       ${againCommand(this.#args, this.#seed)}`;
    if (this.#interrupted) return `interrupted after ${this.#outcomes.length} of ${this.#items.length} verdicts, ${seconds}\n${again}`;
    if (!this.#judged) return `${again}   (${seconds})`;
    const expected = this.#outcomes.filter(asExpected).length;
    const tally = `${expected} of ${this.#outcomes.length} verdicts as expected`;
    return `\n${tally} · ${seconds} · reports in ${this.#args.report}\n${scoreText(score(this.#outcomes))}\n${again}`;
  }
}

const limitsOf = ({ maxStates, runs }: ExploreArguments): Limits => ({
  ...DEFAULT_LIMITS,
  ...(maxStates === null ? {} : { maxStates }),
  ...(runs === null
    ? {}
    : { runs, orderRuns: runs, serverRuns: runs, sampledServerRuns: Math.min(runs, DEFAULT_LIMITS.sampledServerRuns) }),
});

/** Plans that may be explored. */
const plansOf = ({ coverings }: Item): number => coverings.reduce((sum, { plans }) => sum + plans.length, 0);

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

const key = (outcome: Pick<ScenarioOutcome, 'name' | 'isolation'>) => `${outcome.name} ${outcome.isolation}`;

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
