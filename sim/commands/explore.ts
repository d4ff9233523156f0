import { randomInt } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import {
  asExpected,
  type Counterexample,
  counterexampleMarkdown,
  Exploration,
  type ExportedRun,
  type FailureReport,
  type Found,
  holds,
  type Item,
  type ItemProgress,
  limitsWithin,
  type OpenedPostgres,
  outcomeKey,
  plansOf,
  REPORTERS,
  type RunReport,
  type ScenarioOutcome,
  STRATEGIES,
  scenarioText,
  scheduleFile,
  score,
  scoreText,
  suiteLine,
  type TextOptions,
  type Work,
} from '../../src/index.js';
import { againCommand } from '../again.js';
import { EXIT, exitCode } from '../exit-codes.js';
import type { ExploreArguments } from '../explore-arguments.js';
import { exportSpecs } from '../export-spec.js';
import { EXIT_OF_FAILURE, failureText } from '../failure.js';
import { onInterrupt } from '../interruption.js';
import { ownsOutput } from '../option-values.js';
import { type Loaded, readPattern } from '../scenarios.js';
import { complain, printable, show } from '../screen.js';
import { shellWord } from '../shell-word.js';
import { StatusLine } from '../status-line.js';
import { textWidth, useColor } from '../terminal.js';
import { UsageError } from '../usage-error.js';
import { PG_MEM_VERSION, VERSION } from '../version.js';
import { workFor } from '../work.js';
import { requireWritable, writeWhole } from '../write-file.js';

export async function exploreCommand(args: ExploreArguments): Promise<number> {
  if (STRATEGIES[args.strategy].rewinds && args.engine === 'postgres')
    throw new UsageError(
      `--strategy ${args.strategy} needs the model: a server cannot go back to an earlier state`,
      'Next: --strategy dpor, which runs every order that matters on the server; or the same with --engine both',
    );
  requireWritable(args.report);
  if (args.save !== null) requireWritable(args.save);
  if (args.json !== null && args.json !== '-') requireWritable(dirname(args.json));
  if (args.json === '-' && args.reporters.some(({ name, file }) => file === null && ownsOutput(name)))
    throw new UsageError(
      '--json - and a reporter without a file both want standard output',
      'Give one of them a file: --reporter NAME:FILE',
    );
  for (const { file } of args.reporters) if (file !== null) requireWritable(dirname(file));
  if (args.exportSpec !== null) requireWritable(dirname(args.exportSpec));
  const seed = args.seed ?? String(randomInt(1_000_000));
  return new Invocation(args, seed, await workFor(args, seed)).run();
}

/** Shows, writes and judges what an exploration finds. */
class Invocation {
  readonly #args: ExploreArguments;
  readonly #items: readonly Item<Loaded>[];
  readonly #leftOut: readonly string[];
  readonly #seed: string;
  readonly #startedMs = Date.now();
  readonly #status = new StatusLine(process.stderr);
  readonly #progress: Map<Item, ItemProgress>;
  readonly #outcomes: ScenarioOutcome[] = [];
  readonly #found: ExportedRun[] = [];
  readonly #files = new Map<string, { readonly report: string; readonly schedule: string }>();
  readonly #failures = new Map<string, FailureReport>();
  /** Outcomes of what could not be done: the failure says which exit code follows. */
  readonly #undone = new Set<ScenarioOutcome>();
  /** Where results go. Where JSON has standard output, nothing else does. */
  readonly #results: NodeJS.WriteStream;
  #exploration: Exploration | null = null;
  #postgres: OpenedPostgres | null = null;
  /** The servers have answered; jobs that do not need them may be under way before. */
  #opened = false;
  #interrupted = false;
  #stop: () => void = () => undefined;

  constructor(args: ExploreArguments, seed: string, { items, leftOut }: Work<Loaded>) {
    this.#args = args;
    this.#items = items;
    this.#leftOut = leftOut;
    this.#seed = seed;
    const ownOutput = args.reporters.some(({ name, file }) => file === null && ownsOutput(name));
    this.#results = args.json === '-' || ownOutput ? process.stderr : process.stdout;
    this.#progress = new Map(items.map((item) => [item, { done: 0, plans: plansOf(item), states: 0, runs: 0, of: 0 }]));
  }

  get #named(): boolean {
    return this.#args.scenarios.length > 0;
  }

  get #judged(): boolean {
    return !this.#named || this.#args.expect;
  }

  #print(text: string): void {
    this.#status.clear();
    show(`${text}\n`, this.#results);
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
    const exploration = this.#begin();
    try {
      const found = exploration.explore();
      this.#postgres = await exploration.opened();
      if (this.#interrupted) return;
      this.#opened = true;
      this.#print(this.#enginesLine());
      for (const limitation of this.#postgres?.limitations ?? []) this.#print(`note: ${limitation}`);
      this.#print('');
      this.#drawStatus();
      await this.#showAll(found);
    } catch (error) {
      // What fails because everything is being closed is of no interest.
      if (!this.#interrupted) throw error;
    } finally {
      this.#status.clear();
      await exploration.close();
    }
  }

  #begin(): Exploration {
    const { engine, postgres, strategy, reduction, runs, maxStates, workers, timeSeconds } = this.#args;
    this.#status.show(engine === 'model' ? 'starting ...' : 'starting PostgreSQL ...');
    this.#exploration = new Exploration(
      this.#items,
      {
        postgres: engine === 'model' ? null : postgres,
        model: engine !== 'postgres',
        strategy,
        reduction,
        limits: limitsWithin({ ...(runs === null ? {} : { runs }), ...(maxStates === null ? {} : { maxStates }) }),
        runs,
        workers,
        deadlineMs: timeSeconds === null ? null : this.#startedMs + timeSeconds * 1000,
      },
      (item, progress) => {
        this.#progress.set(item, progress);
        this.#drawStatus();
      },
    );
    return this.#exploration;
  }

  #interrupt(): void {
    this.#interrupted = true;
    this.#status.clear();
    complain('interrupted: closing servers, and writing what is known (once more ends it at once)\n');
    void this.#exploration?.close();
    this.#stop();
  }

  #endAtOnce(): void {
    this.#exploration?.kill();
    process.exit(EXIT.interrupted);
  }

  #enginesLine(): string {
    const model = this.#args.engine === 'postgres' ? null : `model pg-mem ${PG_MEM_VERSION}`;
    const server = this.#postgres === null ? null : `postgres ${this.#postgres.version} (${this.#postgres.provider})`;
    const given = this.#args.timeSeconds === null ? [] : ['--time: what is found depends on this machine'];
    return [model, server, ...given].filter((part) => part !== null).join(' · ');
  }

  /** All items are worked on at once; each is printed as soon as those before it are. */
  async #showAll(found: readonly Promise<Found>[]): Promise<void> {
    const known: (Found | null)[] = this.#items.map(() => null);
    const stopped = new Promise<void>((resolve) => {
      this.#stop = resolve;
    });
    const pending = found.map(async (one, index) => {
      known[index] = await one;
      this.#progress.delete(this.#items[index]!);
      const { failure, outcome } = known[index];
      if (failure === null) return;
      this.#failures.set(failureText(failure), failure);
      this.#undone.add(outcome);
    });
    for (const [index, item] of this.#items.entries()) {
      await Promise.race([pending[index], stopped]);
      // After an interruption: what is known, also where something before it is not.
      const one = known[index] ?? null;
      if (one === null) continue;
      this.#outcomes.push(one.outcome);
      this.#show(item, one.outcome);
    }
  }

  #drawStatus(): void {
    const working = [...this.#progress];
    const shown = working.find(([, { states, runs }]) => states + runs > 0) ?? working[0];
    if (shown === undefined || !this.#opened) return;
    const [item, progress] = shown;
    const { done, plans } = progress;
    const figures = progress.runs > 0 ? `${progress.runs}/${progress.of} schedules on PostgreSQL` : `${progress.states} states`;
    const seconds = Math.round((Date.now() - this.#startedMs) / 1000);
    this.#status.show(
      [
        `${this.#outcomes.length}/${this.#items.length}`,
        `${item.source.scenario.name} ${item.isolation}`,
        done < plans ? `plan ${done + 1}/${plans}` : 'counterexample',
        ...(done < plans && progress.states + progress.runs > 0 ? [figures] : []),
        `${seconds} s`,
      ].join(' · '),
    );
  }

  #show(item: Item<Loaded>, outcome: ScenarioOutcome): void {
    const options = this.#textOptions(item);
    if (outcome.counterexample !== null) {
      this.#write(outcome, outcome.counterexample, options);
      this.#found.push({ ...outcome.counterexample, scenario: item.source.scenario, violation: outcome.counterexample });
    }
    const report = this.#files.get(outcomeKey(outcome))?.report;
    const more = [
      ...(report === undefined ? [] : [`report      ${report}`]),
      ...(holds(outcome.verdict) || outcome.verdict === 'violated' ? [] : [`meaning     npm run sim -- explain ${outcome.verdict}`]),
    ];
    const text = `${[scenarioText(outcome, options), ...more].join('\n')}\n`;
    if (!this.#judged) {
      // A counterexample begins with the name.
      this.#print(outcome.counterexample === null ? `${outcome.name} · ${outcome.isolation}\n\n${text}` : text);
      return;
    }
    const width = Math.max(...this.#items.map((other) => other.source.scenario.name.length));
    this.#print(suiteLine(outcome, options, width));
    if (!asExpected(outcome)) this.#print(`\n${text}`);
  }

  #textOptions({ source }: Item<Loaded>): TextOptions {
    const files = this.#args.scenarios.map((pattern) => readPattern(pattern).file);
    const file = source.file === null ? null : (files.find((name) => name !== null && resolve(name) === source.file) ?? source.file);
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
    writeWhole(files.report, printable(counterexampleMarkdown(outcome, counterexample, options)));
    writeWhole(files.schedule, schedule);
    if (this.#args.save !== null) writeWhole(join(this.#args.save, `${name}.json`), schedule);
    this.#files.set(outcomeKey(outcome), files);
  }

  #finish(): number {
    const elapsedMs = Date.now() - this.#startedMs;
    const failures = [...this.#failures.values()];
    const also: number[] = [...failures.map(({ kind }) => EXIT_OF_FAILURE[kind]), ...(this.#interrupted ? [EXIT.interrupted] : [])];
    const report = this.#runReport(elapsedMs);
    const text = REPORTERS.json!.render(report);
    writeWhole(join(this.#args.report, 'outcome.json'), text);
    if (this.#args.json === '-') show(text);
    else if (this.#args.json !== null) writeWhole(this.#args.json, text);
    for (const failure of this.#failures.keys()) complain(failure);
    this.#print(this.#summary(elapsedMs));
    this.#report(report);
    return exitCode(
      this.#outcomes.filter((outcome) => !this.#undone.has(outcome)),
      this.#judged,
      also,
    );
  }

  #runReport(elapsedMs: number): RunReport {
    return {
      format: 'lastseat.outcome.v1',
      seed: this.#seed,
      version: VERSION,
      postgres: this.#postgres,
      interrupted: this.#interrupted,
      elapsedMs,
      judged: this.#judged,
      scenarios: this.#outcomes,
      schedules: new Map([...this.#files].map(([name, { schedule }]) => [name, schedule])),
      again: againCommand(this.#args, this.#seed),
      textOptions: (outcome) => ({ ...this.#textOptions(this.#itemOf(outcome)), color: false }),
    };
  }

  #itemOf({ name, isolation }: ScenarioOutcome): Item<Loaded> {
    return this.#items.find((item) => item.source.scenario.name === name && item.isolation === isolation)!;
  }

  #report(report: RunReport): void {
    for (const { name, file } of this.#args.reporters) {
      const reporter = REPORTERS[name]!;
      if (file !== null) writeWhole(file, printable(reporter.render(report)));
      else if (name !== 'text') show(reporter.render(report));
      // GitHub names the file that it shows as the job's summary.
      const summary = process.env.GITHUB_STEP_SUMMARY;
      if (reporter.summarise !== undefined && summary) appendFileSync(summary, printable(reporter.summarise(report)));
    }
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
