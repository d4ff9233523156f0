/** `.ci/run` with an `npm` and a `docker` of our own in its way: whatever fails, it goes on to the end, and its last line says so. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const RUN = fileURLToPath(new URL('../.ci/run', import.meta.url));

/** What our `npm` does for one of its scripts. */
interface Behaviour {
  readonly exit?: number;
  /** What Vitest would have reported: by file, what became of its tests. */
  readonly files?: readonly (readonly ('passed' | 'failed' | 'skipped')[] | 'not loaded')[];
}

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lastseat-ci-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const GOOD: Readonly<Record<string, Behaviour>> = {
  test: { files: [['passed', 'passed'], ['passed']] },
  'test:conformance': { files: [['passed']] },
  'test:whole': { files: [['passed']] },
  'test:testcontainers': { files: [['passed']] },
  'test:server-tools': { files: [['passed']] },
};

/** Exits with what `NAME.exit` says, and hands out `NAME.json` as Vitest's report. */
const NPM = `#!/usr/bin/env bash
cd "$(dirname "$0")"
if [ "$1" = run ]; then name=$2; else name=$1; fi
echo "$name" | tee -a ran
for argument; do
  case $argument in --outputFile.json=*) if [ -e "$name.json" ]; then cp "$name.json" "\${argument#*=}"; fi ;; esac
done
exit "$(cat "$name.exit" 2>/dev/null || echo 0)"
`;

function reportOf(files: NonNullable<Behaviour['files']>): string {
  const testResults = files.map((tests) => ({
    status: tests === 'not loaded' || tests.includes('failed') ? 'failed' : 'passed',
    assertionResults: tests === 'not loaded' ? [] : tests.map((status) => ({ status })),
  }));
  const tests = testResults.flatMap((file) => file.assertionResults);
  const count = (status: string) => tests.filter((item) => item.status === status).length;
  const counts = { numPassedTests: count('passed'), numFailedTests: count('failed'), numPendingTests: count('skipped'), numTodoTests: 0 };
  return JSON.stringify({ ...counts, testResults });
}

async function ciRun(behaviours: Readonly<Record<string, Behaviour>>) {
  for (const [name, { exit = 0, files }] of Object.entries({ ...GOOD, ...behaviours })) {
    writeFileSync(join(folder, `${name}.exit`), String(exit));
    if (files !== undefined) writeFileSync(join(folder, `${name}.json`), reportOf(files));
  }
  writeFileSync(join(folder, 'npm'), NPM, { mode: 0o755 });
  writeFileSync(join(folder, 'docker'), '#!/bin/sh\n', { mode: 0o755 });
  const env = { ...process.env, CI: 'true', PATH: `${folder}${delimiter}${process.env.PATH}` };
  const { code, stdout } = await new Promise<{ code: number; stdout: string }>((resolve) => {
    const child = execFile(RUN, { env }, (error, out) => resolve({ code: error === null ? 0 : Number(error.code), stdout: out }));
    child.stdin?.destroy();
  });
  const ran = readFileSync(join(folder, 'ran'), 'utf8').trim().split('\n');
  return { code, last: stdout.split('\n').slice(-2), said: stdout.split('\n').filter((line) => line.startsWith('failed: ')), ran };
}

const ALL = [
  'ci',
  'lint',
  'format:check',
  'typecheck',
  'imports',
  'test',
  'test:conformance',
  'test:whole',
  'coverage',
  'test:testcontainers',
  'test:server-tools',
];

test('all is well', async () => {
  expect(await ciRun({})).toEqual({ code: 0, last: ['7 passed, 0 failed', ''], said: [], ran: ALL });
});

test('skipped tests are told', async () => {
  const { code, last } = await ciRun({ test: { files: [['passed', 'skipped']] } });
  expect({ code, last }).toEqual({ code: 0, last: ['5 passed, 0 failed, 1 skipped', ''] });
});

describe('what fails is counted, and the rest still runs', () => {
  test.each(['lint', 'format:check', 'typecheck', 'imports'])('%s', async (script) => {
    const name = { 'format:check': 'format', typecheck: 'types' }[script] ?? script;
    expect(await ciRun({ [script]: { exit: 2 } })).toEqual({
      code: 1,
      last: ['7 passed, 1 failed', ''],
      said: [`failed: ${name}`],
      ran: ALL,
    });
  });

  test.each<[string, Behaviour, string]>([
    ['two tests', { exit: 1, files: [['passed', 'failed'], ['failed']] }, '5 passed, 2 failed'],
    ['a file that cannot be loaded', { exit: 1, files: [['passed'], 'not loaded'] }, '5 passed, 1 failed'],
    ['such a file and a test', { exit: 1, files: [['failed', 'passed'], 'not loaded'] }, '5 passed, 2 failed'],
    ['an error outside every test', { exit: 1, files: [['passed']] }, '5 passed, 1 failed'],
    ['a runner that does not come to its report', { exit: 139 }, '4 passed, 1 failed'],
  ])('%s', async (_what, behaviour, line) => {
    expect(await ciRun({ test: behaviour })).toEqual({ code: 1, last: [line, ''], said: ['failed: tests'], ran: ALL });
  });

  test('the Testcontainers suite', async () => {
    const { code, last, said } = await ciRun({ 'test:testcontainers': { exit: 1, files: [['failed']] } });
    expect({ code, last, said }).toEqual({ code: 1, last: ['6 passed, 1 failed', ''], said: ['failed: testcontainers'] });
  });
});

test('without its packages nothing else can run', async () => {
  expect(await ciRun({ ci: { exit: 1 } })).toEqual({ code: 1, last: ['0 passed, 1 failed', ''], said: ['failed: install'], ran: ['ci'] });
});
