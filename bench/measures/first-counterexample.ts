/**
 * From the start of a cold process to the first counterexample of `events/check-then-insert`: to the violation seen, to the minimal
 * counterexample, and through the command line, which also confirms it on PostgreSQL and replays it (left out where it is to be quick).
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Measured, Measurement } from '../figure.js';
import { childPath, runTypeScript, type TimedProcess } from '../process.js';

const COMMAND_LINE = fileURLToPath(new URL('../../sim/main.ts', import.meta.url));
/** The exit code of a run that found a violation. */
const VIOLATED = 1;

export const firstCounterexample: Measurement = {
  name: 'first-counterexample',
  measure: async ({ quick }, progress) => {
    progress('first counterexamples in cold processes');
    const times = quick ? 1 : 5;
    const nothing = await sampled(times, () => runTypeScript(childPath('nothing')));
    const alone = await sampled(times, () => runTypeScript(childPath('first-counterexample')));
    const figures: Measured[] = [
      { name: 'cold process that does nothing (node and tsx)', unit: 'ms', samples: nothing.map(({ ms }) => ms) },
      { name: 'cold process to the first violation, model', unit: 'ms', samples: alone.map((done) => momentOf(done, 'violation')) },
      {
        name: 'cold process to the minimal counterexample, model',
        unit: 'ms',
        samples: alone.map((done) => momentOf(done, 'counterexample')),
      },
    ];
    if (quick || !existsSync(COMMAND_LINE)) return figures;
    const whole = await sampled(times, runCommandLine);
    return [
      ...figures,
      { name: 'npm run sim, to its end: minimal, confirmed on PostgreSQL', unit: 'ms', samples: whole.map(({ ms }) => ms) },
    ];
  },
};

async function runCommandLine(): Promise<TimedProcess> {
  const done = await runTypeScript(COMMAND_LINE, ['--scenario', 'events/check-then-insert', '--seed', '42']);
  if (done.exitCode !== VIOLATED) throw new Error(`sim/main.ts ended with ${done.exitCode} instead of ${VIOLATED}`);
  return done;
}

/** Where there are several, one more run comes first and is not counted: it fills tsx's and the system's caches. */
async function sampled(times: number, once: () => Promise<TimedProcess>): Promise<TimedProcess[]> {
  if (times > 1) await once();
  const done: TimedProcess[] = [];
  for (let index = 0; index < times; index += 1) done.push(await once());
  return done;
}

function momentOf({ lines }: TimedProcess, start: string): number {
  const line = lines.find(({ text }) => text.startsWith(start));
  if (line === undefined) throw new Error(`the process never said "${start}"`);
  return line.ms;
}
