/**
 * A process of its own with a server of its own: the two share a core, which is what makes lockstep fast. It works on one job at a time and
 * goes away when its parent does.
 */
import { setFlagsFromString } from 'node:v8';
import { openServer } from '../engine/postgres/providers/open.js';
import { type PostgresServer, ProviderError } from '../engine/postgres/providers/server.js';
import { Hand } from './hand.js';
import type { FromWorker, JobResult, SentTask, ToWorker, WorkerSetup } from './jobs.js';
import { scenarioIn } from './load.js';
import { pinTo } from './pin.js';
import { startWatchdog } from './watchdog.js';

// A worker lives for seconds, and shares its core with the compiler's threads: inlining that much less costs it a fifth less in all.
setFlagsFromString('--max-inlined-bytecode-size-cumulative=200');

/** A scenario's code that calls it ends nothing while a job is under way. */
const exit = process.exit.bind(process);

let server: PostgresServer | null = null;
let hand: Hand | null = null;
let closing = false;
/** The server has gone before us: there is nothing to close. */
let lost = false;

const say = (message: FromWorker) => {
  if (process.connected) process.send?.(message);
};

function begin(setup: WorkerSetup): void {
  if (setup.cpu !== null) pinTo(setup.cpu);
  startWatchdog();
  const opening = open(setup);
  hand = new Hand(setup, opening, () => false, true);
  opening.then(tell, (error: unknown) => {
    if (error instanceof ProviderError) say({ kind: 'unavailable', message: error.message, hint: error.hint });
    else crash(error as Error);
  });
  say({ kind: 'accepting' });
}

async function open({ postgres, cpu, natives }: WorkerSetup): Promise<PostgresServer | null> {
  if (postgres === null) return null;
  server = await openServer(postgres, { ...(cpu === null ? {} : { cpu }), ...(natives === null ? {} : { natives }) });
  return server;
}

function tell(opened: PostgresServer | null): void {
  const postgres = opened === null ? null : { provider: opened.kind, version: opened.version, limitations: opened.limitations };
  say({ kind: 'ready', postgres });
}

async function work(id: number, { name, module, job }: SentTask): Promise<JobResult> {
  const onProgress = (progress: Extract<FromWorker, { kind: 'progress' }>['progress']) => say({ kind: 'progress', id, progress });
  if (job.kind === 'fuzz') return hand!.fuzz(job, onProgress);
  return hand!.work(await scenarioIn(module!, name!), job, onProgress);
}

async function close(): Promise<void> {
  if (closing) return;
  closing = true;
  hand?.release();
  try {
    await server?.close();
  } catch (error) {
    if (!lost) process.stderr.write(`PostgreSQL could not be closed properly: ${(error as Error).message}\n`);
  }
  exit(0);
}

process.on('message', (message: ToWorker) => {
  if (message.kind === 'setup') begin(message);
  else if (message.kind === 'close') close().catch(crash);
  else {
    const { id, task } = message;
    work(id, task)
      .then((result) => say({ kind: 'result', id, result }))
      .catch(async (error: unknown) => {
        const failure = await hand!.explain(error, task.name ?? 'a random program');
        lost = failure.kind === 'server';
        say({ kind: 'failed', id, failure });
      })
      .catch(crash);
  }
});
// What is rejected or thrown between two jobs, by a timer of an operation that has ended, does not end the process; during one it is the hand's affair.
process.on('unhandledRejection', () => undefined);
process.on('uncaughtException', () => undefined);
// The terminal's Ctrl-C, and a signal to the whole process group, reach us too; what is to be done about it the parent says.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
process.on('disconnect', () => void close());

function crash(error: Error): void {
  process.stderr.write(`${error.stack}\n`);
  exit(70);
}
