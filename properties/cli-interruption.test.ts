/** Ctrl-C, SIGTERM, and processes that are killed: what is known is written, and nothing is left. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { leftoversSeen } from '../bench/leftovers-seen.js';
import { EXIT } from '../sim/exit-codes.js';
import { type Ended, type Running, scratchDirectory, start, UNSAFE, writeScenario } from './cli-process.js';

/** How often is looked for leftovers: a supervisor needs a moment to remove what it guards. */
const LOOKS = 100;
const before = leftoversSeen();
afterEach(async () => {
  let left: string[] = [];
  for (let look = 0; look < LOOKS; look += 1) {
    left = leftoversSeen().filter((line) => !before.includes(line));
    if (left.length === 0) break;
    await delay(100);
  }
  expect(left).toEqual([]);
});

/** A run with a server that has found its first verdict, and has work for a minute. */
async function underWay(directory: string): Promise<Running> {
  const quick = writeScenario(directory, 'quick', { book: UNSAFE });
  const running = start('--scenario', quick, '--scenario', 'events/*', '--seed', '1', '--workers', '1', '--report', report(directory));
  await running.says('own-quick-read-committed.md');
  return running;
}

const report = (directory: string) => join(directory, 'report');

function expectWritten(directory: string, ended: Ended): void {
  expect(ended).toEqual({
    code: EXIT.interrupted,
    signal: null,
    stdout: expect.stringMatching(/\ninterrupted after \d+ of \d+ verdicts, .*\nagain {7}npm run sim -- --seed 1 --scenario /),
    stderr: 'interrupted: closing servers, and writing what is known (once more ends it at once)\n',
  });
  const names = readdirSync(report(directory));
  expect(names).toEqual(expect.arrayContaining(['outcome.json', 'own-quick-read-committed.json', 'own-quick-read-committed.md']));
  expect(names.filter((name) => !/\.(json|md)$/.test(name))).toEqual([]);
  const outcome = JSON.parse(readFileSync(join(report(directory), 'outcome.json'), 'utf8')) as {
    interrupted: boolean;
    scenarios: object[];
  };
  expect(outcome.interrupted).toBe(true);
  expect(outcome.scenarios[0]).toMatchObject({ name: 'own/quick', verdict: 'violated' });
}

describe('an interruption exits 130, with the outcome so far', () => {
  it('Ctrl-C, which reaches the whole process group', async () => {
    const directory = scratchDirectory();
    const running = await underWay(directory);
    running.signalGroup('SIGINT');
    expectWritten(directory, await running.ended);
  });

  it('SIGINT to the main process alone', async () => {
    const directory = scratchDirectory();
    const running = await underWay(directory);
    running.process.kill('SIGINT');
    expectWritten(directory, await running.ended);
  });

  it('Ctrl-C while random programs are run: their counts so far', async () => {
    const directory = scratchDirectory();
    const running = start('fuzz', '--seed', '1', '--runs', '5000', '--schedules', '1', '--workers', '1', '--report', report(directory));
    await running.says('postgres ');
    running.signalGroup('SIGINT');
    expect(await running.ended).toMatchObject({
      code: EXIT.interrupted,
      stdout: expect.stringMatching(
        /\nprograms {5}\d+ of 5000\n[\s\S]*\ninterrupted after .*\nagain {8}npm run fuzz -- --seed 1 --runs 5000 /,
      ),
      stderr: expect.stringContaining('interrupted: closing servers'),
    });
  });

  it('SIGTERM to the whole process group while servers are being started', async () => {
    const directory = scratchDirectory();
    const running = start('--report', report(directory));
    await running.says('verdicts to find');
    running.signalGroup('SIGTERM');
    expect(await running.ended).toMatchObject({
      code: EXIT.interrupted,
      stdout: expect.stringMatching(/\ninterrupted after \d+ of \d+ verdicts, /),
      stderr: expect.stringMatching(/^interrupted: /),
    });
    expect(readdirSync(report(directory))).toContain('outcome.json');
  });
});

/** A scenario whose operation never gives its worker back, and the file that tells that it has begun. */
function busy(directory: string): { file: string; begun: () => Promise<void> } {
  const marker = join(directory, 'begun');
  const book = `\n    writeFileSync('${marker}', ''); for (;;);`;
  return { file: writeScenario(directory, 'busy', { book, before: WRITES_FILES }), begun: () => untilThere(marker) };
}

const WRITES_FILES = "import { writeFileSync } from 'node:fs';";

async function untilThere(file: string): Promise<void> {
  while (!existsSync(file)) await delay(20);
}

it('what is known is written also where something before it is not, and a worker does not listen any more', async () => {
  const directory = scratchDirectory();
  const stuck = busy(directory);
  const done = join(directory, 'done');
  const files = [
    stuck.file,
    writeScenario(directory, 'quick', { book: UNSAFE }),
    writeScenario(directory, 'last', { book: `\n    writeFileSync('${done}', '');`, before: WRITES_FILES }),
  ];
  const named = files.flatMap((file) => ['--scenario', file]);
  const running = start(...named, '--engine', 'model', '--seed', '1', '--workers', '2', '--report', report(directory));
  await Promise.all([stuck.begun(), untilThere(done)]);
  running.signalGroup('SIGINT');
  expectWritten(directory, await running.ended);
});

it('a second Ctrl-C ends it at once', async () => {
  const directory = scratchDirectory();
  const { file, begun } = busy(directory);
  const running = start('--scenario', file, '--workers', '1', '--report', report(directory));
  await begun();
  running.signalGroup('SIGINT');
  await running.says('interrupted');
  // Signals that come together are one: npm and tsx pass on what the terminal has sent to everybody already.
  await delay(400);
  running.signalGroup('SIGINT');
  expect(await running.ended).toMatchObject({ code: EXIT.interrupted, signal: null });
  expect(readdirSync(report(directory))).toEqual([]);
});

describe.skipIf(process.platform !== 'linux')('a process that is killed', () => {
  function workerOf(running: Running): number {
    const processes = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n');
    const [worker] = processes.filter(
      (line) => line.trim().split(/\s+/)[1] === String(running.process.pid) && line.includes('src/crew/worker.ts'),
    );
    return Number(worker!.trim().split(/\s+/)[0]);
  }

  it('a worker: 70, with the verdicts that there are, the usual cause and the next command', async () => {
    const directory = scratchDirectory();
    const running = await underWay(directory);
    process.kill(workerOf(running), 'SIGKILL');
    const { code, stdout, stderr } = await running.ended;
    expect({ code, stdout }).toMatchObject({ code: EXIT.internal });
    expect(stderr).toMatch(/^error: a worker process was killed \(SIGKILL\)\nUsual cause: the system ran out of memory .*--workers/);
    expect(stdout).toMatch(/\nevents\/\S+ · [A-Z ]+\n\nverdict {5}error: a worker process was killed \(SIGKILL\)\n/);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('the PostgreSQL server: 4, with the verdicts that there are, the usual cause and the next command', async () => {
    const directory = scratchDirectory();
    const running = await underWay(directory);
    process.kill(postmasterOf(workerOf(running)), 'SIGKILL');
    const { code, stdout, stderr } = await running.ended;
    expect(stderr).toMatch(
      /^error: the connection to PostgreSQL [\d.]+ \(embedded\) was lost in the middle of the run\nUsual cause: .*doctor/,
    );
    expect(stdout).toContain('x capacity   slot 1: sold twice');
    expect(stdout).toMatch(/\nevents\/\S+ · [A-Z ]+\n\nverdict {5}inconclusive: the connection to PostgreSQL /);
    expect(`${stdout}${stderr}`).not.toMatch(/^\s+at /m);
    expect(code).toBe(EXIT.environment);
  });

  /** The cluster's directory is named after the worker. */
  function postmasterOf(worker: number): number {
    const [home] = ['/dev/shm', '/tmp'].flatMap((root) =>
      readdirSync(root).flatMap((name) => (name.startsWith(`lastseat-${worker}-`) ? [join(root, name)] : [])),
    );
    return Number(readFileSync(join(home!, 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);
  }
});
