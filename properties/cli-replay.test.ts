import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../sim/exit-codes.js';
import { loadOne } from '../sim/scenarios.js';
import {
  type Counterexample,
  DEFAULT_LIMITS,
  decodeToken,
  drawPlans,
  encodeToken,
  explorePlan,
  ModelEngine,
  makeCounterexample,
  type Recording,
  readScheduleFile,
  scheduleFile,
} from '../src/index.js';
import { Machine } from '../src/machine.js';
import { stepHash } from '../src/record.js';
import { run, scheduleOf } from '../src/run.js';
import { SAFE, scratchDirectory, simHere, UNSAFE, writeScenario } from './cli-process.js';

/** A violation as a run records it, found on the model. */
async function find(name: string, file: string | null = null): Promise<Counterexample> {
  const scenario = await loadOne(name, file);
  for (const plan of drawPlans(scenario, scenario.workloads[0]!, 'READ COMMITTED', {}, 'replay', 8)) {
    const { failure } = await explorePlan(scenario, plan, { strategy: 'auto', limits: DEFAULT_LIMITS, postgres: null, model: true });
    if (failure !== null) return makeCounterexample(scenario, failure, { limits: DEFAULT_LIMITS, postgres: null });
  }
  throw new Error(`no plan of ${name} is violated`);
}

let found: Counterexample;
let recording: Recording;
beforeAll(async () => {
  found = await find('events/check-then-insert');
  recording = decodeToken(found.token);
});

const replay = (...args: string[]) => simHere('replay', '--engine', 'model', ...args);

/** A token as nobody makes it: the checksum is right, the content is what is given. */
function forged(change: (content: unknown[]) => void): string {
  const content = JSON.parse(Buffer.from(found.token.split('.')[1]!, 'base64url').toString('utf8')) as unknown[];
  change(content);
  const body = Buffer.from(JSON.stringify(content), 'utf8').toString('base64url');
  return `ls1.${body}.${createHash('sha256').update(body).digest('base64url').slice(0, 6)}`;
}

describe('a replay of what was recorded', () => {
  it('exits 1 where the violation comes again, by token and by file, and tells its story', async () => {
    const file = join(scratchDirectory(), 'schedule.json');
    writeFileSync(file, scheduleFile(recording, found.history, '0.0.0'));
    const byToken = await replay(found.token);
    expect(byToken).toMatchObject({ code: EXIT.violation, stderr: '' });
    expect(byToken.stdout).toContain('x capacity   event 1: usage 2 > capacity 1');
    expect(byToken.stdout).toContain('ok the model: capacity of event 1 violated again (1 of 1 replays matched)\n');
    expect(await replay(file)).toEqual(byToken);
  });

  it('comes out the same on both engines, as often as --times says', async () => {
    const { code, stdout } = await simHere('replay', found.token, '--times', '3', '--postgres', 'embedded');
    expect(code).toBe(EXIT.violation);
    expect(stdout).toContain('ok the model: capacity of event 1 violated again (3 of 3 replays matched)\n');
    expect(stdout).toMatch(/^ok PostgreSQL [\d.]+ \(embedded\): capacity of event 1 violated again \(3 of 3 replays matched\)$/m);
  });

  it('exits 0 where a run without violation was recorded and comes again', async () => {
    const harmless = await harmlessRun();
    const { code, stdout, stderr } = await replay(encodeToken(harmless));
    expect(stderr).toBe('');
    expect(stdout).toContain('ok the model: no violation, as recorded (1 of 1 replays matched)\n');
    expect(code).toBe(EXIT.fine);
  });

  it('exits 3 where a violation comes that was not recorded, or one that was does not come', async () => {
    const unexpected = await replay(encodeToken({ ...recording, violation: null }));
    expect(unexpected).toMatchObject({ code: EXIT.mismatch, stdout: expect.stringContaining('a violation that was not recorded') });
    const missing = await replay(encodeToken({ ...(await harmlessRun()), violation: recording.violation }));
    expect(missing).toMatchObject({ code: EXIT.mismatch, stdout: expect.stringContaining('violation of capacity did not come again') });
  });

  it('is told in colour where FORCE_COLOR asks for it, and not where it is written to a pipe', async () => {
    const { FORCE_COLOR, NO_COLOR } = process.env;
    try {
      delete process.env.NO_COLOR;
      process.env.FORCE_COLOR = '1';
      expect((await replay(found.token)).stdout).toContain('\u001b[31m');
      delete process.env.FORCE_COLOR;
      expect((await replay(found.token)).stdout).not.toContain('\u001b');
    } finally {
      Object.assign(process.env, {
        ...(FORCE_COLOR === undefined ? {} : { FORCE_COLOR }),
        ...(NO_COLOR === undefined ? {} : { NO_COLOR }),
      });
    }
  });

  /** The same plan, one actor after the other. */
  async function harmlessRun(): Promise<Recording> {
    const machine = new Machine(await loadOne(recording.plan.scenario, null), recording.plan, new ModelEngine());
    const done = await run(machine, { choose: (choices) => choices[0]! });
    return { plan: recording.plan, schedule: scheduleOf(done), hashes: done.steps.map(stepHash), violation: null };
  }
});

describe('what is no recording exits 2, and says what is wrong with it', () => {
  it.each<[what: string, source: () => string, message: string]>([
    ['a word', () => 'abc', 'no replay token: one begins with "ls1."'],
    ['a token cut off in its body', () => found.token.slice(0, 60), 'not whole: it has three parts'],
    ['a token cut off in its checksum', () => found.token.slice(0, -2), 'checksum does not match'],
    ['a mistyped token', () => found.token.replace('0', 'O').replace('V', 'W'), 'checksum does not match'],
    ['a token with something behind it', () => `${found.token}.x`, 'not whole'],
    ['a token of another version', () => found.token.replace('ls1', 'ls2'), 'format ls2; this version of lastseat reads ls1'],
    ['no JSON in a token', () => forgedBody('no JSON'), 'content cannot be read'],
    ['something else in a token', () => forgedBody('{}'), 'content cannot be read'],
    ['a token with an isolation level that does not exist', () => forged((content) => (content[2] = 7)), 'content cannot be read'],
    ['a token whose actors are no actors', () => forged((content) => (content[4] = [['alice']])), 'content cannot be read'],
    [
      'a token that schedules an actor too many',
      () => forged((content) => (content[6] = '222222')),
      'an actor that its plan does not have',
    ],
    ['a token with a schedule that is none', () => forged((content) => (content[6] = '00;111')), 'schedule cannot be read'],
    ['a token without a hash for every step', () => forged((content) => (content[7] = 'abcd')), 'has 6 steps, and hashes of 1'],
  ])('%s', async (_, source, message) => {
    const { code, stdout, stderr } = await replay(source());
    expect(stderr).toContain(message);
    expect(stderr).toContain('Copy the whole token');
    expect(stderr).not.toMatch(/^\s+at /m);
    expect([code, stdout]).toEqual([EXIT.usage, '']);
  });

  function forgedBody(text: string): string {
    const body = Buffer.from(text, 'utf8').toString('base64url');
    return `ls1.${body}.${createHash('sha256').update(body).digest('base64url').slice(0, 6)}`;
  }

  it.each<[what: string, text: (whole: string) => string, message: string]>([
    ['no JSON', () => '# lastseat', 'this is no JSON'],
    ['a truncated file', (whole) => whole.slice(0, whole.length / 2), 'this is no JSON'],
    [
      'a file of a foreign format',
      () => '{"format": "lastseat.outcome.v1"}',
      '"format" is "lastseat.outcome.v1", not "lastseat.schedule.v1"',
    ],
    ['JSON without a format', () => '[]', '"format" is null'],
    ['null', () => 'null', '"format" is null'],
    ['a file without a token', () => '{"format": "lastseat.schedule.v1"}', 'has no "token"'],
    ['a file with a damaged token', (whole) => whole.replace('ls1.', 'ls1.A'), 'checksum does not match'],
    ['a schedule that does not fit its token', (whole) => whole.replace(/"bob",\n/, '"alice",\n'), 'does not agree with the token'],
    ['a plan that does not fit its token', (whole) => whole.replace('"capacity": 1', '"capacity": 2'), 'does not agree with the token'],
  ])('%s', async (_, text, message) => {
    const whole = scheduleFile(recording, found.history, '0.0.0');
    expect(readScheduleFile(whole)).toEqual(recording);
    const file = join(scratchDirectory(), 'schedule.json');
    writeFileSync(file, text(whole));
    expect(readFileSync(file, 'utf8')).not.toBe(whole);
    const { code, stdout, stderr } = await replay(file);
    expect(stderr).toContain(`error: ${file}: `);
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect([code, stdout]).toEqual([EXIT.usage, '']);
  });

  it('a file that is missing, and one that is a directory', async () => {
    expect(await replay('./nowhere.json')).toMatchObject({ code: EXIT.usage, stderr: expect.stringContaining('no file ./nowhere.json') });
    expect(await replay('./sim')).toMatchObject({ code: EXIT.usage, stderr: expect.stringContaining('./sim cannot be read') });
  });
});

describe('a recording that does not fit', () => {
  it('exits 3 with the first step of a schedule that cannot be taken, and what could', async () => {
    const schedule = [...recording.schedule.slice(0, 5), recording.schedule[4]!];
    const { code, stdout } = await replay(encodeToken({ ...recording, schedule }));
    expect(stdout).toContain(
      ' x the model: step 6 of the schedule is bob, which cannot run here; what can: alice (0 of 1 replays matched)\n',
    );
    expect(code).toBe(EXIT.mismatch);
    const short = { ...recording, schedule: recording.schedule.slice(0, 5), hashes: recording.hashes.slice(0, 5) };
    expect(await replay(encodeToken(short))).toMatchObject({
      code: EXIT.mismatch,
      stdout: expect.stringContaining('the schedule ends after 5 steps, and alice could go on'),
    });
  });

  /** Records a violation of a scenario of one's own, and replays it on what its file says by then. */
  async function afterChange(
    name: string,
    change: Parameters<typeof writeScenario>[2],
  ): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const [before, after] = [scratchDirectory(), scratchDirectory()];
    const { token } = await find(`own/${name}`, writeScenario(before, name, { book: UNSAFE }));
    return replay(token, '--scenario', writeScenario(after, name, change));
  }

  it('comes again from unchanged code', async () => {
    expect(await afterChange('same', { book: UNSAFE })).toMatchObject({ code: EXIT.violation, stderr: '' });
  });

  it('exits 3 with the first step that differs where the code has moved on, and tells no story', async () => {
    const { code, stdout, stderr } = await afterChange('reworded', { book: UNSAFE.replace('VALUES (1)', 'VALUES (1 + 0)') });
    expect(stdout).toContain(' x the model: step 2 is now: alice INSERT INTO bookings (slot) VALUES (1 + 0): ');
    expect(stdout).not.toContain('sold twice');
    expect(stderr).toContain('Usual cause: the operations, the schema or the first rows have changed since');
    expect(stderr).toMatch(/npm run sim -- --scenario \S+reworded\.ts --isolation "read committed"/);
    expect(code).toBe(EXIT.mismatch);
  });

  it('exits 3 where the code was mended', async () => {
    expect(await afterChange('mended', { book: SAFE })).toMatchObject({
      code: EXIT.mismatch,
      stdout: expect.stringContaining(' x the model: step 1'),
    });
  });

  it('exits 3 where the operation has another name', async () => {
    const renamed = `operations: { reserve: async ({ client }) => {${UNSAFE} } },
      workloads: [{ name: 'two', capacity: always(1), roles: [{ operation: 'reserve', input: always({}), min: 2, max: 2 }] }],`;
    const { code, stdout } = await afterChange('renamed', { instead: renamed });
    expect(stdout).toContain('alice runs the operation "book", which own/renamed does not have now');
    expect(code).toBe(EXIT.mismatch);
  });

  it('exits 2 where the scenario is not there, and says how one of your own is named', async () => {
    const directory = scratchDirectory();
    const { token } = await find('own/mine', writeScenario(directory, 'mine', { book: UNSAFE }));
    const unnamed = await replay(token);
    expect(unnamed).toMatchObject({ code: EXIT.usage, stderr: expect.stringContaining('name its file too: --scenario ./mine.ts') });
    const other = await replay(token, '--scenario', writeScenario(directory, 'other'));
    expect(other).toMatchObject({ code: EXIT.usage, stderr: expect.stringContaining('no scenario is called "own/mine"') });
  });

  it('exits 5 where the model alone is asked, and does not know the SQL', async () => {
    const { code, stdout, stderr } = await afterChange('unmodelled', { book: `await client.query('SELECT pg_sleep(0)');${UNSAFE}` });
    expect(stdout).toContain(' - the model: not replayed, since it does not know the function pg_sleep\n');
    expect(stderr).toContain('--engine postgres');
    expect(code).toBe(EXIT.inconclusive);
  });
});
