import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { StatusLine } from '../sim/status-line.js';
import { plainEnvironment, scratchDirectory, simCommand, simHere, UNSAFE, writeScenario } from './cli-process.js';

const ERASE = '\r\u001b[2K';

/** What a terminal shows in the end, and all that stood for a while in a line that was erased later. */
function watch(output: string): { shown: string[]; erased: string[] } {
  const erased: string[] = [];
  const shown = output.split(/\r?\n/).map((line) => {
    const parts = line.split(ERASE);
    erased.push(...parts.slice(0, -1));
    return parts.at(-1)!;
  });
  return { shown, erased: erased.filter((text) => text !== '') };
}

function hasTerminals(): boolean {
  try {
    return execFileSync('script', ['-qec', 'true', '/dev/null'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }) === '';
  } catch {
    return false;
  }
}

it.skipIf(!hasTerminals())(
  'on a terminal there is one line that says what is being done, erased before anything else is said, and colour',
  () => {
    const directory = scratchDirectory();
    const file = writeScenario(directory, 'unsafe', { book: UNSAFE });
    const [program, ...args] = simCommand('--scenario', file, '--engine', 'model', '--seed', '1', '--workers', '1', '--report', directory);
    const typescript = join(directory, 'typescript');
    const command = `stty cols 60; ${[program, ...args].map((word) => `'${word}'`).join(' ')}`;
    const options = { stdio: 'ignore', env: { ...plainEnvironment(), TERM: 'xterm' } } as const;
    expect(() => execFileSync('script', ['-qec', command, typescript], options)).toThrow(expect.objectContaining({ status: 1 }));
    const output = readFileSync(typescript, 'utf8');
    const { shown, erased } = watch(output);
    expect(erased).toContain('starting ...');
    expect(erased).toContainEqual(expect.stringMatching(/^0\/1 · own\/unsafe READ COMMITTED · plan 1\/1 · \d+ s$/));
    expect(shown.filter((line) => line.includes('starting ...') || line.includes('0/1 · '))).toEqual([]);
    expect(shown.some((line) => line.startsWith('\u001b[31mx capacity'))).toBe(true);
  },
);

it('elsewhere there is none, and no colour', async () => {
  const directory = scratchDirectory();
  const file = writeScenario(directory, 'unsafe', { book: UNSAFE });
  const { FORCE_COLOR } = process.env;
  delete process.env.FORCE_COLOR;
  try {
    const { stdout, stderr } = await simHere(
      '--scenario',
      file,
      '--engine',
      'model',
      '--seed',
      '1',
      '--workers',
      '1',
      '--report',
      directory,
    );
    expect(stdout).toContain('\nx capacity');
    for (const trace of ['\r', '\u001b', 'starting']) expect(`${stdout}${stderr}`).not.toContain(trace);
  } finally {
    if (FORCE_COLOR !== undefined) process.env.FORCE_COLOR = FORCE_COLOR;
  }
});

it('is cut to the width of the terminal, one that does not know its width included', () => {
  for (const [columns, width] of [
    [20, 19],
    [0, 79],
  ] as const) {
    let written = '';
    const stream = { isTTY: true, columns, write: (text: string) => (written += text) } as unknown as NodeJS.WriteStream;
    const status = new StatusLine(stream);
    status.show('x'.repeat(200));
    expect(written).toBe(`${ERASE}${'x'.repeat(width)}`);
    status.clear();
    status.clear();
    expect(written).toBe(`${ERASE}${'x'.repeat(width)}${ERASE}`);
  }
});
