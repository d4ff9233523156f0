import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import {
  addTallies,
  constructLines,
  constructsOf,
  DEFAULT_LIMITS,
  explainFailure,
  type FoundDivergence,
  FUZZ_DEFAULTS,
  type FuzzTally,
  isUrl,
  NOTHING_FUZZED,
  Pool,
  PROGRAMS_OF_A_SCHEMA,
  redactUrl,
  sweepServer,
} from '../../src/index.js';
import { EXIT } from '../exit-codes.js';
import { EXIT_OF_FAILURE, failureText } from '../failure.js';
import { onInterrupt } from '../interruption.js';
import { nativesOf } from '../postgres-versions.js';
import { complain, show } from '../screen.js';
import { shellWord } from '../shell-word.js';
import { StatusLine } from '../status-line.js';
import { UsageError } from '../usage-error.js';
import { VERSION } from '../version.js';
import { requireWritable, writeWhole } from '../write-file.js';

export interface FuzzArguments {
  readonly seed: string | null;
  readonly runs: number;
  readonly schedules: number;
  readonly postgres: string;
  readonly major: number | null;
  readonly workers: number | null;
  readonly report: string;
  /** Where the figures go as JSON; `-` is standard output, and then nothing else is written there. */
  readonly json: string | null;
}

/** A run that has found so many has found enough: each costs some hundred programs to make small. */
const MAX_DIVERGENCES = 25;

export async function fuzzCommand(args: FuzzArguments): Promise<number> {
  if (args.major !== null && args.postgres !== 'auto' && args.postgres !== 'embedded')
    throw new UsageError(`--major ${args.major} is for embedded servers`, 'Next: the same without --postgres, or without --major');
  requireWritable(args.report);
  if (args.json !== null && args.json !== '-') requireWritable(dirname(args.json));
  const natives = args.major === null ? null : await nativesOf(args.major, (name) => complain(`fetching ${name} with npm ...\n`));
  return new Fuzzing(args, args.seed ?? String(randomInt(1_000_000)), natives).run();
}

/** Without a terminal, a line of progress for so many programs. */
const PROGRAMS_PER_LINE = 100;

/** `failed`: the code of what went wrong besides. */
export function fuzzExitCode({ divergences, gaveUp }: FuzzTally, interrupted: boolean, failed: number | null): number {
  if (interrupted) return EXIT.interrupted;
  if (failed !== null) return failed;
  if (divergences.length > 0) return EXIT.mismatch;
  return gaveUp.length > 0 ? EXIT.internal : EXIT.fine;
}

class Fuzzing {
  readonly #args: FuzzArguments;
  readonly #seed: string;
  readonly #pool: Pool;
  readonly #status = new StatusLine(process.stderr);
  readonly #startedMs = Date.now();
  #tally: FuzzTally = NOTHING_FUZZED;
  #interrupted = false;
  #stop: () => void = () => undefined;

  constructor(args: FuzzArguments, seed: string, natives: string | null) {
    this.#args = args;
    this.#seed = seed;
    const { workers, runs, postgres } = args;
    const wanted = Math.min(workers ?? availableParallelism(), Math.ceil(runs / PROGRAMS_OF_A_SCHEMA));
    this.#pool = new Pool(wanted, (index) => ({
      kind: 'setup',
      postgres: natives === null ? postgres : 'embedded',
      natives,
      cpu: wanted > 1 ? index % availableParallelism() : null,
      model: true,
      strategy: 'auto',
      reduction: true,
      limits: DEFAULT_LIMITS,
      deadlineMs: null,
    }));
  }

  async run(): Promise<number> {
    const ignoreInterrupts = onInterrupt(
      () => this.#interrupt(),
      () => {
        this.#pool.kill();
        process.exit(EXIT.interrupted);
      },
    );
    const { runs, schedules } = this.#args;
    this.#print(`lastseat ${VERSION} · seed ${this.#seed} · ${runs} programs, ${schedules} schedules each`);
    const failures: string[] = [];
    let failed: number | null = null;
    try {
      this.#status.show('starting PostgreSQL ...');
      const opened = await this.#pool.opened;
      if (opened !== null) this.#print(`postgres ${opened.version} (${opened.provider})\n`);
      await this.#all();
    } catch (error) {
      if (!this.#interrupted) {
        const report = await explainFailure(error, 'a random program', null);
        failures.push(failureText(report));
        failed = EXIT_OF_FAILURE[report.kind];
      }
    } finally {
      this.#status.clear();
      await this.#pool.close();
      if (this.#pool.lostWorker) await sweepServer(this.#args.postgres);
      ignoreInterrupts();
    }
    for (const text of failures) complain(text);
    this.#print(this.#summary());
    this.#writeJson();
    return fuzzExitCode(this.#tally, this.#interrupted, failed);
  }

  #interrupt(): void {
    this.#interrupted = true;
    this.#status.clear();
    complain('interrupted: closing servers (once more ends it at once)\n');
    void this.#pool.close();
    this.#stop();
  }

  #print(text: string): void {
    this.#status.clear();
    (this.#args.json === '-' ? process.stderr : process.stdout).write(`${text}\n`);
  }

  /** Blocks of programs that share a schema. The servers' processes take them one by one; what is found is told as it comes. */
  async #all(): Promise<void> {
    const { runs, schedules } = this.#args;
    const stopped = new Promise<void>((resolve) => {
      this.#stop = resolve;
    });
    const blocks: Promise<unknown>[] = [];
    for (let from = 0; from < runs; from += PROGRAMS_OF_A_SCHEMA) {
      const to = Math.min(runs, from + PROGRAMS_OF_A_SCHEMA);
      blocks.push(
        this.#pool.run({ source: null, job: { kind: 'fuzz', seed: this.#seed, from, to, schedules } }, 0, ({ fuzzed }) => {
          if (fuzzed !== undefined) this.#add(fuzzed);
        }),
      );
    }
    await Promise.race([Promise.all(blocks), stopped]);
  }

  #add(fuzzed: FuzzTally): void {
    this.#tally = addTallies(this.#tally, fuzzed);
    for (const divergence of fuzzed.divergences) this.#show(divergence);
    const { programs, schedules, divergences } = this.#tally;
    const seconds = Math.round((Date.now() - this.#startedMs) / 1000);
    const progress = `${programs}/${this.#args.runs} programs · ${schedules} schedules · ${divergences.length} divergences · ${seconds} s`;
    this.#status.show(progress);
    // A long run that goes to a file tells now and then that it is alive.
    if (process.stderr.isTTY !== true && programs % PROGRAMS_PER_LINE === 0) complain(`${progress}\n`);
    if (divergences.length >= MAX_DIVERGENCES) this.#stop();
  }

  #show({ index, difference, file, shrinks }: FoundDivergence): void {
    const path = join(this.#args.report, this.#fileName(index));
    writeWhole(path, file);
    this.#print(`x program ${index}, made small in ${shrinks} tries: ${path}\n\n${file}\n${difference}\n`);
  }

  #fileName(index: number): string {
    const name = `fuzz-${this.#seed}-${index}${this.#args.major === null ? '' : `-postgres-${this.#args.major}`}`;
    return `${name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}.json`;
  }

  #summary(): string {
    const {
      programs,
      statements,
      refused,
      schemasRefused,
      schedules,
      schedulesRefused,
      steps,
      unsteady,
      parted,
      seen,
      divergences,
      gaveUp,
    } = this.#tally;
    const seconds = ((Date.now() - this.#startedMs) / 1000).toFixed(1);
    const total = sum(refused);
    const met = (...names: string[]) => names.map((name) => `${name} ${seen[name] ?? 0}`).join(', ');
    return [
      `programs     ${programs}${programs < this.#args.runs ? ` of ${this.#args.runs}` : ''}`,
      `schedules    ${schedules} on both engines, none twice; ${steps} steps; ${parted} at the server's discretion, ${unsteady} unsteady`,
      `met          ${met('waits', 'waits again', '40001', '40P01', '23505', '23503', '23P01', '55P03')}`,
      `unmodelled   ${total} of ${statements} statements (${share(total, statements)}), ${sum(schemasRefused)} schemas, ${sum(schedulesRefused)} schedules`,
      ...[refused, schemasRefused, schedulesRefused]
        .flatMap((counts) => Object.entries(counts))
        .sort(([one, left], [other, right]) => right - left || (one < other ? -1 : 1))
        .map(([reason, count]) => `  ${String(count).padStart(9)}  ${reason}`),
      ...constructLines(constructsOf(this.#tally)),
      `divergences  ${divergences.length}${divergences.length >= MAX_DIVERGENCES ? ': enough, and the run was ended' : ''}`,
      ...gaveUp.map(({ index, reason }) => `not compared  program ${index}: ${reason}`),
      `${this.#interrupted ? 'interrupted' : 'done'} after ${seconds} s`,
      `again        ${this.#again()}`,
    ].join('\n');
  }

  #writeJson(): void {
    const { json, runs, schedules, major } = this.#args;
    if (json === null) return;
    const { drawn: _, drawnRefused: __, ...figures } = this.#tally;
    const document = {
      format: 'lastseat.fuzz.v1',
      seed: this.#seed,
      runs,
      schedulesOfEach: schedules,
      major,
      ...figures,
      constructs: constructsOf(this.#tally),
    };
    const text = `${JSON.stringify(document, null, 2)}\n`;
    if (json === '-') show(text);
    else writeWhole(json, text);
  }

  #again(): string {
    const { runs, schedules, postgres, major } = this.#args;
    return [
      `npm run fuzz -- --seed ${shellWord(this.#seed)} --runs ${runs}`,
      ...(schedules === FUZZ_DEFAULTS.schedules ? [] : [`--schedules ${schedules}`]),
      ...(postgres === 'auto' ? [] : [`--postgres ${shellWord(isUrl(postgres) ? redactUrl(postgres) : postgres)}`]),
      ...(major === null ? [] : [`--major ${major}`]),
    ].join(' ');
  }
}

const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((total, count) => total + count, 0);

const share = (part: number, whole: number): string => `${whole === 0 ? '0.00' : ((100 * part) / whole).toFixed(2)} %`;
