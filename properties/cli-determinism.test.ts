/** Same arguments, same bytes, whatever the number of workers: on standard output, in the reports, in the JSON. Times are masked. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { scratchDirectory, simHere } from './cli-process.js';

/** Everything that a run says and writes, with times and the place of its reports masked. */
async function everythingOf(workers: number, ...args: string[]): Promise<Record<string, string>> {
  const directory = scratchDirectory();
  const [report, json] = [join(directory, 'report'), join(directory, 'outcome.json')];
  const { code, stdout, stderr } = await simHere(...args, '--workers', String(workers), '--report', report, '--json', json);
  const files = Object.fromEntries(readdirSync(report).map((name) => [name, readFileSync(join(report, name), 'utf8')]));
  const all: Record<string, string> = { ...files, stdout, stderr, json: readFileSync(json, 'utf8'), code: String(code) };
  return Object.fromEntries(Object.entries(all).map(([name, text]) => [name, masked(text).replaceAll(directory, 'DIRECTORY')]));
}

const masked = (text: string) => text.replace(/("\w+(?:Ms|PerSecond)": )[\d.]+/g, '$1TIME').replace(/\b\d+\.\d s\b/g, 'TIME s');

it("'events/check*' on both engines, exhaustively, with one worker and with two", async () => {
  const args = ['--seed', '7', '--scenario', 'events/check*', '--isolation', 'read committed'];
  const one = await everythingOf(1, ...args);
  expect(one.stderr).toBe('');
  expect(one.code).toBe('1');
  expect(Object.keys(one).sort()).toEqual([
    'code',
    'events-check-outside-transaction-read-committed.json',
    'events-check-outside-transaction-read-committed.md',
    'events-check-then-insert-read-committed.json',
    'events-check-then-insert-read-committed.md',
    'json',
    'outcome.json',
    'stderr',
    'stdout',
  ]);
  expect(one.stdout).toContain('TIME s');
  expect(one.json).toContain('"elapsedMs": TIME');
  expect(await everythingOf(2, ...args)).toEqual(one);
});

it('a sample by pct on both engines, with one worker and with two', async () => {
  const args = [
    '--seed',
    '7',
    '--scenario',
    'events/check-then-insert',
    '--isolation',
    'read committed',
    '--strategy',
    'pct',
    '--runs',
    '40',
  ];
  const one = await everythingOf(1, ...args);
  expect(JSON.parse(one.json!.replaceAll('TIME', '0'))).toMatchObject({
    scenarios: [{ model: { exhaustive: false, strategy: 'pct' }, postgres: { divergences: 0 } }],
  });
  expect(await everythingOf(2, ...args)).toEqual(one);
});
