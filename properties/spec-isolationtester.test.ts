/** What we print on a real server is, byte for byte, what PostgreSQL's own isolationtester prints on it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openServer } from '../src/engine/postgres/providers/open.js';
import type { PostgresServer } from '../src/engine/postgres/providers/server.js';
import { isolationTester } from './isolationtester.js';
import { readFixture, runSpec, specNames } from './spec-runs.js';

let server: PostgresServer;

beforeAll(async () => {
  server = await openServer('embedded');
}, 60_000);

afterAll(async () => {
  await server.close();
});

/** Without permutations it hangs on those that nobody can run. */
const HANGS = ['seat-lock'];

const complaintsOf = (run: Awaited<ReturnType<typeof runSpec>>) =>
  run.events.flatMap((event) => (event.kind === 'complaint' ? event.text.split('\n') : []));

describe('the same transcript', () => {
  test.each(specNames('specs').filter((name) => !HANGS.includes(name)))('%s', async (name) => {
    const text = readFixture(`specs/${name}.spec`);
    const ours = await runSpec(text, server, { withModel: true });
    const theirs = await isolationTester(server, text);
    expect(ours.transcript).toBe(theirs.stdout);
    expect(theirs.exitCode).toBe(0);
    expect(ours.outcome.failure).toBeNull();
    // Where in a failed script the error stands goes to standard error, and is not told by us.
    const said = theirs.stderr.split('\n').filter((line) => line !== '' && !/^LINE \d|^ *\^$/.test(line));
    expect(complaintsOf(ours)).toEqual(said);
    // The model shows the same, or says what it does not know.
    for (const judgement of ours.outcome.judgements) expect(['agrees', 'unmodelled']).toContain(judgement.kind);
  });

  test('of the orders that can be run, where isolationtester hangs on the others', async () => {
    const text = readFixture('specs/seat-lock.spec');
    const ours = await runSpec(text, server);
    expect(ours.outcome).toMatchObject({ complete: 6n, infeasible: 14n, exhaustive: true, failure: null });
    const orders = ours.events.flatMap((event) => (event.kind === 'starting' ? [`permutation ${event.steps.join(' ')}\n`] : []));
    const theirs = await isolationTester(server, text + orders.join(''));
    expect(ours.transcript).toBe(theirs.stdout);
    expect(theirs.exitCode).toBe(0);
  });

  test('at another isolation level', async () => {
    const text = readFixture('specs/lost-update.spec');
    const ours = await runSpec(text, server, { isolation: 'REPEATABLE READ' });
    const theirs = await isolationTester(server, text, { default_transaction_isolation: 'repeatable read' });
    expect(ours.transcript).toBe(theirs.stdout);
    expect(ours.transcript).toContain('ERROR:  could not serialize access due to concurrent update');
  });

  test.each([
    ['a setup that fails', 'setup { SELECT 1 / 0; } session s step a { SELECT 1; }', 'setup failed: ERROR:  division by zero'],
    ['a setup that is empty', 'setup { } session s step a { SELECT 1; }', 'setup failed: '],
    [
      'a session’s setup that fails',
      'session s setup { SELECT nothing; } step a { SELECT 1; }',
      'setup of session s failed: ERROR:  column "nothing" does not exist',
    ],
  ])('up to %s', async (_, text, complaint) => {
    const ours = await runSpec(`${text} permutation a permutation a`, server);
    const theirs = await isolationTester(server, `${text} permutation a permutation a`);
    expect(ours.transcript).toBe(theirs.stdout);
    expect(theirs.exitCode).toBe(1);
    expect(theirs.stderr).toContain(complaint);
    expect(ours.outcome.failure).toMatchObject({ kind: 'specification', message: expect.stringContaining(complaint) });
  });
});

test('a step that is marked (*) gets a start before the next one, which isolationtester does not give it', async () => {
  const text = `
    setup { CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 0); }
    teardown { DROP TABLE t; }
    session s1 step slow { SELECT pg_sleep(0.01); UPDATE t SET v = v + 1; }
    session s2 step next { UPDATE t SET v = v * 10 RETURNING v; }
    permutation slow(*) next
  `;
  const { transcript } = await runSpec(text, server);
  expect(transcript).toContain('step next: UPDATE t SET v = v * 10 RETURNING v;\n v\n--\n10\n');
});

describe('a permutation that nobody could run is said to be infeasible', () => {
  const setup = `
    setup { CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); }
    teardown { DROP TABLE t; }
    session s1 step a1 { BEGIN; SELECT id FROM t FOR UPDATE; } step a2 { COMMIT; }
    session s2 step b1 { BEGIN; SELECT id FROM t FOR UPDATE; } step b2 { COMMIT; }
  `;
  const reasons = (run: Awaited<ReturnType<typeof runSpec>>) =>
    run.events.flatMap((event) => (event.kind === 'infeasible' ? [event.reason] : []));

  test('where the next step’s session waits; the next permutation finds everything as it should', async () => {
    const run = await runSpec(`${setup} permutation a1 b1 b2 a2 permutation a1 a2 b1 b2`, server);
    expect(reasons(run)).toEqual(['step b2 comes next, but step b1 of session s2 still waits for s1']);
    expect(run.outcome).toMatchObject({ complete: 1n, infeasible: 1n, failure: null });
    expect(run.transcript.split('starting permutation')[1]).toBe(`: a1 b1 b2 a2
step a1: BEGIN; SELECT id FROM t FOR UPDATE;
id
--
 1
(1 row)

step b1: BEGIN; SELECT id FROM t FOR UPDATE; <waiting ...>
permutation infeasible: step b2 comes next, but step b1 of session s2 still waits for s1

`);
  });

  test('where somebody still waits at the end', async () => {
    const run = await runSpec(`${setup} permutation a1 b1`, server);
    expect(reasons(run)).toEqual(['all steps are taken, but step b1 of session s2 still waits for s1']);
  });

  test('where markers hold each other back', async () => {
    const run = await runSpec(`${setup} permutation a2(*, b2) b2(a2)`, server);
    expect(reasons(run)).toEqual(['all steps are taken, but step a2 of session s1 is held back by its markers']);
    const notices = await runSpec(`${setup} permutation a2(b2 notices 2) b2`, server);
    expect(reasons(notices)).toEqual(['all steps are taken, but step a2 of session s1 is held back by its markers']);
  });

  test('where a teardown waits for what nobody ends, and there nothing more can be run', async () => {
    const run = await runSpec(`${setup} permutation a1 permutation a1`, server);
    const message = 'teardown failed: it waits for s1, which nobody ends: is there a teardown for it?';
    expect(run.outcome.failure).toEqual({ kind: 'specification', message });
    expect(run.events.filter((event) => event.kind === 'starting')).toHaveLength(1);
  });

  test('and a wait that a timeout may end is given time', async () => {
    const text = setup.replace('session s2', "session s2 setup { SET lock_timeout = '200ms'; }");
    const run = await runSpec(`${text} permutation a1 b1 b2 a2`, server);
    expect(reasons(run)).toEqual([]);
    expect(run.transcript).toContain('ERROR:  canceling statement due to lock timeout');
    const hasty = await runSpec(`${text} permutation a1 b1 b2 a2`, server, { patienceMs: 20 });
    expect(reasons(hasty)).toEqual(['step b2 comes next, but step b1 of session s2 still waits for s1']);
  });

  test('and a step that runs on is not waited for for ever', async () => {
    const text = 'session s step a { SELECT pg_sleep(1000); } permutation a';
    const { outcome } = await runSpec(text, server, { patienceMs: 50 });
    expect(outcome.failure).toEqual({ kind: 'limit', message: 'step a: it neither ends nor waits for anybody' });
  });
});
