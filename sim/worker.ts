/**
 * A process of its own with a server of its own: the two share a core, which is what makes lockstep fast. It works on one job at a time and
 * goes away when its parent does.
 */
import { setFlagsFromString } from 'node:v8';
import {
  type Catalogue,
  explorePlan,
  FUZZ_DEFAULTS,
  fuzz,
  holds,
  ModelEngine,
  makeCounterexample,
  openServer,
  PostgresEngine,
  type PostgresServer,
  ProviderError,
  readCatalogue,
  tallyOf,
} from '../src/index.js';
import { explainFailure, Failure } from './failure.js';
import type { FromWorker, FuzzJob, Job, JobResult, ToWorker, WorkerSetup } from './jobs.js';
import { pinTo } from './pin.js';
import { loadOne } from './scenarios.js';

// A worker lives for seconds, and shares its core with the compiler's threads: inlining that much less costs it a fifth less in all.
setFlagsFromString('--max-inlined-bytecode-size-cumulative=200');

let setup: WorkerSetup | null = null;
let server: PostgresServer | null = null;
let catalogue: Catalogue | null = null;
let engine: PostgresEngine | null = null;
/** Settles when the server has answered; jobs that do not need it yet do not wait for it. */
let opening: Promise<void> = Promise.resolve();
let closing = false;
/** The server has gone before us: there is nothing to close. */
let lost = false;

const say = (message: FromWorker) => {
  if (process.connected) process.send?.(message);
};

function begin(given: WorkerSetup): void {
  setup = given;
  if (given.cpu !== null) pinTo(given.cpu);
  opening = open(given);
  opening.catch(crash);
  say({ kind: 'accepting' });
}

async function open(given: WorkerSetup): Promise<void> {
  try {
    if (given.postgres !== null) {
      server = await openServer(given.postgres, {
        ...(given.cpu === null ? {} : { cpu: given.cpu }),
        ...(given.natives === null ? {} : { natives: given.natives }),
      });
      engine = new PostgresEngine(server);
    }
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    say({ kind: 'unavailable', message: error.message, hint: error.hint });
    return;
  }
  say({
    kind: 'ready',
    postgres: server === null ? null : { provider: server.kind, version: server.version, limitations: server.limitations },
  });
}

/** The first promise of the job under way that was rejected while nobody awaited it. */
let stray: { readonly reason: unknown } | null = null;
process.on('unhandledRejection', (reason) => {
  stray ??= { reason };
});

/** Outside of lastseat it would have ended the process: no verdict holds in spite of it. A violation is told first, for it may be the cause. */
function refuseStray(scenario: string): void {
  if (stray === null) return;
  const { reason } = stray;
  const what = reason instanceof Error ? `${reason.name}: ${reason.message}` : String(reason);
  throw new Failure({
    kind: 'scenario',
    message: `${scenario}: a promise that nobody awaits was rejected: ${what}`,
    hint: 'Usual cause: an operation calls a function without await. Node ends a process for it',
    trace:
      reason instanceof Error ? (reason.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line) && !line.includes('/src/')) : [],
  });
}

async function work(id: number, job: Job): Promise<JobResult> {
  const started = Date.now();
  stray = null;
  if (job.kind === 'fuzz') {
    await fuzzAll(id, job);
    return { kind: 'fuzz', elapsedMs: Date.now() - started };
  }
  const { limits, model, strategy, reduction, deadlineMs } = setup!;
  const scenario = await loadOne(job.scenario, job.file);
  if (job.kind === 'counterexample') {
    await opening;
    const counterexample = await makeCounterexample(scenario, job.failure, { limits, postgres: engine });
    return { kind: 'counterexample', counterexample, elapsedMs: Date.now() - started };
  }
  let violatedMs: number | null = null;
  const outcome = await explorePlan(scenario, job.plan, {
    limits: job.runs === null ? limits : { ...limits, runs: job.runs },
    model,
    strategy,
    reduction,
    postgres: opening.then(() => engine),
    expired: () => deadlineMs !== null && Date.now() > deadlineMs,
    onViolation: () => {
      violatedMs = Date.now() - started;
    },
    onProgress: (progress) => say({ kind: 'progress', id, progress }),
  });
  if (holds(outcome.verdict)) refuseStray(scenario.name);
  return { kind: 'plan', outcome, elapsedMs: Date.now() - started, violatedMs };
}

/** Each program is told of as soon as it is done: an interruption costs the one under way. */
async function fuzzAll(id: number, { seed, from, to, schedules }: FuzzJob): Promise<void> {
  await opening;
  const { major } = server!;
  const engines = { model: new ModelEngine({ major }), postgres: engine! };
  catalogue ??= await readCatalogue(engines.postgres, major);
  for (let index = from; index < to; index += 1) {
    const found = await fuzz(seed, index, engines, { ...FUZZ_DEFAULTS, schedules, catalogue });
    const fuzzed = tallyOf(found, index, `seed ${seed}, program ${index}, PostgreSQL ${server!.version}`);
    say({ kind: 'progress', id, progress: { states: 0, runs: index + 1 - from, of: to - from, fuzzed } });
  }
}

async function close(): Promise<void> {
  if (closing) return;
  closing = true;
  engine?.release();
  try {
    await server?.close();
  } catch (error) {
    if (!lost) process.stderr.write(`PostgreSQL could not be closed properly: ${(error as Error).message}\n`);
  }
  process.exit(0);
}

process.on('message', (message: ToWorker) => {
  if (message.kind === 'setup') begin(message);
  else if (message.kind === 'close') close().catch(crash);
  else
    work(message.id, message.job)
      .then((result) => say({ kind: 'result', id: message.id, result }))
      .catch(async (error: unknown) => {
        await refresh();
        const failure = await explainFailure(error, message.job.kind === 'fuzz' ? 'a random program' : message.job.scenario, server);
        lost = failure.kind === 'server';
        say({ kind: 'failed', id: message.id, failure });
      })
      .catch(crash);
});
// The terminal's Ctrl-C, and a signal to the whole process group, reach us too; what is to be done about it the parent says.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
process.on('disconnect', () => void close());

/** What failed may have left the engine in any state: the next job gets another, on the same server. */
async function refresh(): Promise<void> {
  if (server === null || engine === null) return;
  const spent = engine;
  engine = new PostgresEngine(server);
  spent.release();
  await spent.close().catch(() => undefined);
}

function crash(error: Error): void {
  process.stderr.write(`${error.stack}\n`);
  process.exit(70);
}
