/** `npm run sim -- spec` and `--export-spec`: what goes where, and the exit codes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openServer } from '../src/engine/postgres/providers/open.js';
import type { PostgresServer } from '../src/engine/postgres/providers/server.js';
import { plainEnvironment, scratchDirectory, simCommand, simHere } from './cli-process.js';
import { isolationTester } from './isolationtester.js';
import { readFixture } from './spec-runs.js';

let server: PostgresServer;

beforeAll(async () => {
  server = await openServer('embedded');
}, 60_000);

afterAll(async () => {
  await server.close();
});

const fixture = (path: string): string => fileURLToPath(new URL(`../fixtures/${path}`, import.meta.url));

/** Runs a text as a specification on the model. */
function onModel(text: string) {
  const file = join(scratchDirectory(), 'text.spec');
  writeFileSync(file, text);
  return simHere('spec', file, '--engine', 'model');
}

const TABLE = 'setup { CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); } teardown { DROP TABLE t; }';

describe('spec', () => {
  test('prints what isolationtester prints, and what is to be said of it elsewhere', async () => {
    const said = await simHere('spec', fixture('hermitage/p4.spec'), '--isolation', 'repeatable read', '--postgres', 'embedded');
    const theirs = await isolationTester(server, readFixture('hermitage/p4.spec'), { default_transaction_isolation: 'repeatable read' });
    expect(said.stdout).toBe(theirs.stdout);
    expect(said.stderr).toMatch(
      /^\nspec {8}PostgreSQL \d+\.\d+ \(embedded\) · REPEATABLE READ · 1 permutation run\nmodel {7}shows the same in 1 of 1 permutations that were tried\n$/,
    );
    expect(said.code).toBe(0);
  });

  test('of the model alone needs no server, and counts the orders that nobody can run', async () => {
    const said = await simHere('spec', fixture('specs/seat-lock.spec'), '--engine', 'model');
    expect(said.stdout.match(/^starting permutation:/gm)).toHaveLength(6);
    expect(said.stderr).toContain('the model alone · READ COMMITTED · 6 of 20 orders run; 14 infeasible');
    expect(said.code).toBe(0);
  });

  test('exits 5 where the model does not know it all, or a permutation cannot be run', async () => {
    const unmodelled = await onModel(`${TABLE} session s step a { VACUUM t; } step b { SELECT 1; }`);
    expect(unmodelled).toMatchObject({ code: 5, stdout: expect.stringContaining('permutation unmodelled: ') });
    expect(unmodelled.stderr).toMatch(/^unmodelled {2}1 permutation: VACUUM T: /m);
    const timed = await onModel(`${TABLE} session s setup { SET enable_seqscan = off; } step a { SET idle_session_timeout = 10; }`);
    expect(timed).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('idle_session_timeout, whose timer goes off under a specification'),
    });
    const listens = await onModel(`${TABLE} session s step a { LISTEN c; } step b { NOTIFY c; }`);
    expect(listens).toMatchObject({ code: 5, stderr: expect.stringContaining('LISTEN, since notifications are shown') });
    const tables = await onModel('setup { CREATE EXTENSION postgis; } session s step a { SELECT 1; }');
    expect(tables).toMatchObject({ code: 5, stderr: expect.stringMatching(/^unmodelled {2}.*postgis.*\n.*--engine postgres\n$/) });
    const infeasible = await onModel(
      `${TABLE} session s step a { BEGIN; LOCK TABLE t; } session o step b { SELECT id FROM t; } permutation a b`,
    );
    expect(infeasible).toMatchObject({ code: 5, stdout: expect.stringMatching(/\npermutation infeasible: .* still waits for s\n$/) });
    expect(infeasible.stderr).toContain('0 permutations run; 1 infeasible');
  });

  test('runs every specification of a folder, with a line for each and the reasons of refusals by frequency', async () => {
    const directory = scratchDirectory();
    writeFileSync(join(directory, 'fine.spec'), `${TABLE} session s step a { SELECT sum(id) FROM t; }`);
    writeFileSync(join(directory, 'mistake.spec'), 'session s');
    writeFileSync(join(directory, 'unknown.spec'), `${TABLE} session s step a { VACUUM t; } step b { SELECT 1; }`);
    writeFileSync(join(directory, 'notes.txt'), 'no specification');
    const said = await simHere('spec', directory, '--postgres', 'embedded');
    expect(said.stdout).toMatch(
      /^fine +agrees +1 of 1\nmistake +stopped +line 1: .*\nunknown +unmodelled +0 of 1 +VACUUM T: .*\n\nspecs {7}3: 1 agree in every permutation, 1 refused in part or whole, 1 stopped for a reason of their own\nunmodelled {2}1 specs, 1 permutations: /,
    );
    expect(said.code).toBe(2);
    const empty = await simHere('spec', scratchDirectory());
    expect(empty).toMatchObject({ code: 2, stderr: expect.stringContaining('has no file that ends with .spec') });
  });

  test('of the model answers what PostgreSQL alone can answer, in its words', async () => {
    const setup =
      'setup { CREATE TABLE w (n numeric(8,3), f float8, j jsonb, d date, a int[]); ' +
      "INSERT INTO w VALUES (1.5, 1e20, '[1,2]', '2026-01-02', ARRAY[1, 2]); CREATE INDEX ON w (n); } teardown { DROP TABLE w; }";
    const said = await onModel(`${setup} session s step a { SELECT *, array_agg(n) OVER () FROM w; }`);
    expect(said.stdout).toMatch(/^1\.500\|1e\+20\|\[1, 2\]\|2026-01-02\|\{1,2\}\|\{1\.500\} +$/m);
    expect(said.code).toBe(0);
  });

  test('of the model sets up rows and definitions in their order, and refuses those whose order it cannot keep', async () => {
    const setup = 'CREATE TABLE r (id int PRIMARY KEY); INSERT INTO r VALUES (1); ALTER TABLE r ADD v int DEFAULT 7;';
    const read = 'session s step a { SELECT * FROM r; }';
    const whole = await onModel(`setup { ${setup} } ${read}`);
    expect(whole).toMatchObject({ code: 0, stdout: expect.stringContaining(' 1|7\n(1 row)') });
    const shown = await onModel(`setup { ${setup} SELECT * FROM r; } ${read}`);
    expect(shown).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('behind statements that may have rows: ALTER TABLE r ADD v int DEFAULT 7'),
    });
  });

  test('exits 2 where there is no specification, or none that can be set up', async () => {
    expect(await simHere('spec', 'nowhere.spec')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('there is no file nowhere.spec'),
    });
    expect(await simHere('nowhere.spec')).toMatchObject({ code: 2, stderr: expect.stringContaining('npm run sim -- spec FILE') });
    const setup = await onModel(
      `${TABLE.replace('VALUES (1)', 'VALUES (1), (1)')} session s step a { SELECT 1; } step b { } permutation a`,
    );
    expect(setup.code).toBe(2);
    expect(setup.stderr).toContain('unused step name: b\n');
    expect(setup.stderr).toMatch(/^stopped {5}setup failed: ERROR: {2}duplicate key value violates unique constraint "t_pkey"$/m);
    const type = await onModel('setup { CREATE TABLE t (id nonsense); } session s step a { SELECT 1; }');
    expect(type).toMatchObject({ code: 2, stderr: expect.stringContaining('setup failed: ERROR:  type "nonsense" does not exist') });
  });

  test('reads standard input, and shows a mistake with its place', async () => {
    const [program, ...args] = simCommand('spec', '-');
    const child = spawn(program!, args, { env: plainEnvironment(), stdio: ['pipe', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.stdin.end('session s\n\tstap a { SELECT 1; }\n');
    const [code] = await once(child, 'close');
    expect(code).toBe(2);
    expect(stderr).toBe(
      'error: standard input:2:2: expected "step", found name "stap"\n   stap a { SELECT 1; }\n   ^\nA session has a step at least; session s has none here\n',
    );
  });
});

describe('--export-spec', () => {
  const FOUND = ['--scenario', 'events/check-then-insert', '--engine', 'model', '--seed', '1'];

  test('writes what explore has found, for isolationtester and for spec', async () => {
    const directory = scratchDirectory();
    const file = join(directory, 'found.spec');
    const explored = await simHere(...FOUND, '--isolation', 'read committed', '--export-spec', file, '--report', directory);
    expect(explored.code).toBe(1);
    expect(explored.stdout).toContain(`\nspec        ${file}\n`);
    const text = readFileSync(file, 'utf8');
    expect(text).toMatch(
      /^# events\/check-then-insert, READ COMMITTED, capacity 1, as lastseat has run it\.\n# .*"capacity" of event 1: usage 2 > capacity 1/,
    );
    expect((await isolationTester(server, text)).exitCode).toBe(0);
    expect((await simHere('spec', file, '--engine', 'model')).code).toBe(0);
  });

  test('writes one file for each of several', async () => {
    const directory = scratchDirectory();
    const explored = await simHere(...FOUND, '--export-spec', join(directory, 'each.spec'), '--report', directory);
    for (const level of ['read-committed', 'repeatable-read']) {
      const file = join(directory, `each-events-check-then-insert-${level}.spec`);
      expect(explored.stdout).toContain(`spec        ${file}\n`);
      expect(readFileSync(file, 'utf8')).toContain(level.replace('-', ' ').toUpperCase());
    }
  });

  test('writes what replay has replayed', async () => {
    const file = join(scratchDirectory(), 'replayed.spec');
    const schedule = fixture('counterexamples/events-insert-select-read-committed.json');
    const replayed = await simHere('replay', schedule, '--engine', 'model', '--export-spec', file);
    expect(replayed.code).toBe(1);
    expect(replayed.stdout).toContain(`spec        ${file}\n`);
    expect(readFileSync(file, 'utf8')).toContain('permutation alice_1 bob_1 alice_2 observer\n');
  });

  test('says so where there is nothing to write, or nowhere', async () => {
    const directory = scratchDirectory();
    const safe = ['--scenario', 'events/conditional', '--engine', 'model', '--seed', '1', '--isolation', 'read committed'];
    const explored = await simHere(...safe, '--export-spec', join(directory, 'none.spec'), '--report', directory);
    expect(explored).toMatchObject({ code: 0, stdout: expect.stringMatching(/^spec {8}nothing to write to .*none\.spec$/m) });
    expect((await simHere(...safe, '--export-spec', '/dev/null/none.spec', '--report', directory)).code).toBe(2);
  });
});
