/** The benchmark runs to its end and says what it measured. How fast anything is, is no test's business. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { Report } from '../bench/figure.js';

const MAIN = fileURLToPath(new URL('../bench/main.ts', import.meta.url));
const LIMIT_MS = 300_000;

async function bench(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, ['--import', 'tsx', MAIN, ...args]);
}

it(
  'measures everything once with --quick, and prints nothing but well-formed JSON with --json -',
  async () => {
    const { stdout } = await bench('--quick', '--json', '-');
    const report = JSON.parse(stdout) as Report;
    expect(report).toMatchObject({ format: 'lastseat.bench.v1', node: process.versions.node, quick: true });
    expect(report.postgres).toMatch(/^\d+\.\d+$/);
    expect(report.cpus).toBeGreaterThan(0);
    const names = report.figures.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const wrong = report.figures.filter(({ value, samples, comparison }) =>
      [value, ...samples, comparison?.ratio ?? 1].some((number) => !Number.isFinite(number) || number <= 0),
    );
    expect(wrong).toEqual([]);
    for (const part of [
      'interleavings covered',
      'first exploration',
      'no step waits',
      'one step waits',
      'two steps wait',
      'first violation',
    ])
      expect(names.some((name) => name.includes(part))).toBe(true);
  },
  LIMIT_MS,
);

it('refuses a measurement that it does not have, and names those that it has', async () => {
  await expect(bench('--only', 'nonsense')).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('model-exploration') });
});
