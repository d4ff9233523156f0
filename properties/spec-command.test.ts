/** `npm run sim -- spec` and `--export-spec`, from outside: what goes where, and the exit codes. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isolationTester } from './isolationtester.js';
import { openServer } from '../src/engine/postgres/providers/open.js';
import type { PostgresServer } from '../src/engine/postgres/providers/server.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'lastseat-spec-'));
let server: PostgresServer;

beforeAll(async () => {
  server = await openServer('embedded');
}, 60_000);

afterAll(async () => {
  await server.close();
  rmSync(directory, { recursive: true });
});

interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function sim(args: readonly string[], input = ''): Promise<Said> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, ['--import', 'tsx', 'sim/main.ts', ...args], { cwd: ROOT }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
    child.stdin!.end(input);
  });
}

const TABLE = 'setup { CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); } teardown { DROP TABLE t; }';

describe('spec', () => {
  test('prints what isolationtester prints, and what is to be said of it elsewhere', async () => {
    const said = await sim(['spec', 'fixtures/hermitage/p4.spec', '--isolation', 'repeatable read']);
    const text = readFileSync(join(ROOT, 'fixtures/hermitage/p4.spec'), 'utf8');
    const theirs = await isolationTester(server, text, { default_transaction_isolation: 'repeatable read' });
    expect(said.stdout).toBe(theirs.stdout);
    expect(said.stderr).toMatch(
      /^\nspec {8}PostgreSQL \d+\.\d+ \(embedded\) · REPEATABLE READ · 1 permutation run\nmodel {7}shows the same in 1 of 1 permutations that were tried\n$/,
    );
    expect(said.code).toBe(0);
  });

  test('of the model alone needs no server, and counts the orders that nobody can run', async () => {
    const said = await sim(['spec', 'fixtures/specs/seat-lock.spec', '--engine', 'model']);
    expect(said.stdout.match(/^starting permutation:/gm)).toHaveLength(6);
    expect(said.stderr).toContain('the model alone · READ COMMITTED · 6 of 20 orders run; 14 infeasible');
    expect(said.code).toBe(0);
  });

  test('exits 5 where the model does not know it all, or a permutation cannot be run', async () => {
    const unmodelled = await sim(['spec', '-', '--engine', 'model'], `${TABLE} session s step a { VACUUM t; } step b { SELECT 1; }`);
    expect(unmodelled).toMatchObject({ code: 5, stdout: expect.stringContaining('permutation unmodelled: ') });
    expect(unmodelled.stderr).toMatch(/^unmodelled {2}1 permutation: .*VACUUM t$/m);
    const sessions = 'session s step a { BEGIN; LOCK TABLE t; } session o step b { SELECT 1 FROM t; }';
    const infeasible = await sim(['spec', '-', '--engine', 'model'], `${TABLE} ${sessions} permutation a b`);
    expect(infeasible).toMatchObject({ code: 5, stdout: expect.stringMatching(/\npermutation infeasible: .* still waits for s\n$/) });
    expect(infeasible.stderr).toContain('0 permutations run; 1 infeasible');
  });

  test('exits 2 where there is no specification, or none that can be read or set up', async () => {
    expect(await sim(['spec', 'nowhere.spec'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no file nowhere.spec'),
    });
    const misspelt = await sim(['spec', '-'], 'session s\n\tstap a { SELECT 1; }\n');
    expect(misspelt).toMatchObject({ code: 2, stdout: '' });
    expect(misspelt.stderr).toBe(
      'error: standard input:2:2: expected "step", found name "stap"\n   stap a { SELECT 1; }\n   ^\nA session has a step at least; session s has none here\n',
    );
    const setup = await sim(['spec', '-'], 'setup { SELECT 1 / 0; } session s step a { SELECT 1; } step b { } permutation a');
    expect(setup.code).toBe(2);
    expect(setup.stderr).toContain('unused step name: b\n');
    expect(setup.stderr).toMatch(/^stopped {5}setup failed: ERROR: {2}division by zero$/m);
  });
});

describe('--export-spec', () => {
  test('writes what explore has found, for isolationtester and for spec', async () => {
    const file = join(directory, 'found.spec');
    const found = ['--scenario', 'events/check-then-insert', '--isolation', 'read committed', '--engine', 'model', '--seed', '1'];
    const explored = await sim([...found, '--export-spec', file, '--report', directory]);
    expect(explored.code).toBe(1);
    expect(explored.stdout).toContain(`\nspec        ${file}\n`);
    const text = readFileSync(file, 'utf8');
    expect(text).toMatch(
      /^# events\/check-then-insert, READ COMMITTED, capacity 1, as lastseat has run it\.\n# .*"capacity" of event 1: usage 2 > capacity 1/,
    );
    expect((await isolationTester(server, text)).exitCode).toBe(0);
    expect((await sim(['spec', file])).code).toBe(0);
  });

  test('writes one file for each of several', async () => {
    const found = ['--scenario', 'events/check-then-insert', '--engine', 'model', '--seed', '1'];
    const explored = await sim([...found, '--export-spec', join(directory, 'each.spec'), '--report', directory]);
    for (const level of ['read-committed', 'repeatable-read']) {
      const file = join(directory, `each-events-check-then-insert-${level}.spec`);
      expect(explored.stdout).toContain(`spec        ${file}\n`);
      expect(readFileSync(file, 'utf8')).toContain(level.replace('-', ' ').toUpperCase());
    }
  });

  test('writes what replay has replayed', async () => {
    const file = join(directory, 'replayed.spec');
    const replayed = await sim([
      'replay',
      'fixtures/counterexamples/events-insert-select-read-committed.json',
      '--engine',
      'model',
      '--export-spec',
      file,
    ]);
    expect(replayed.code).toBe(1);
    expect(replayed.stdout).toContain(`spec        ${file}\n`);
    expect(readFileSync(file, 'utf8')).toContain('permutation alice_1 bob_1 alice_2 observer\n');
  });
});
