import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXIT } from '../sim/exit-codes.js';
import { readScheduleFile } from '../src/index.js';
import { type Ended, SAFE, scratchDirectory, sim, simHere, UNSAFE, writeScenario } from './cli-process.js';

/** Scenarios of one's own on the model alone. */
const own = (directory: string, files: readonly string[], ...args: string[]): string[] => {
  const named = files.flatMap((file) => ['--scenario', file]);
  return [...named, '--engine', 'model', '--seed', '1', '--workers', '1', '--report', join(directory, 'report'), ...args];
};
const explore = (...given: Parameters<typeof own>): Promise<Ended> => simHere(...own(...given));

interface OutcomeJson {
  readonly scenarios: readonly { readonly name: string; readonly verdict: string; readonly reason: string | null }[];
}

const verdicts = (stdout: string) =>
  Object.fromEntries((JSON.parse(stdout) as OutcomeJson).scenarios.map(({ name, verdict }) => [name, verdict]));
const reasons = (stdout: string) =>
  Object.fromEntries((JSON.parse(stdout) as OutcomeJson).scenarios.map(({ name, reason }) => [name, reason]));

const NONDETERMINISTIC = "\n    await client.query('SELECT id FROM slots WHERE id = $1', [Math.floor(Math.random() * 1e9)]);";
const UNMODELLED = `\n    await client.query('SELECT pg_sleep(0)');${SAFE}`;

describe('--reporter', () => {
  it('writes files beside what is printed, and one without a file has standard output to itself', async () => {
    const directory = scratchDirectory();
    const unsafe = writeScenario(directory, 'unsafe', { book: UNSAFE });
    const [junit, markdown] = [join(directory, 'new', 'junit.xml'), join(directory, 'report.md')];
    const { code, stdout, stderr } = await explore(
      directory,
      [unsafe],
      '--reporter',
      `junit:${junit}`,
      '--reporter',
      `markdown:${markdown}`,
      '--reporter',
      'json',
    );
    expect(code).toBe(EXIT.violation);
    expect(verdicts(stdout)).toEqual({ 'own/unsafe': 'violated' });
    expect(stdout).toBe(readFileSync(join(directory, 'report', 'outcome.json'), 'utf8'));
    expect(stderr).toContain('x capacity   slot 1: sold twice');
    expect(readFileSync(junit, 'utf8')).toContain('<testcase classname="own.unsafe" name="own/unsafe READ COMMITTED"');
    expect(readFileSync(markdown, 'utf8')).toContain('### own/unsafe: capacity violated');
  });

  it('github: annotations among the lines, and the Markdown in the file that GitHub names', async () => {
    const directory = scratchDirectory();
    const unsafe = writeScenario(directory, 'unsafe', { book: UNSAFE });
    const summary = join(directory, 'summary.md');
    process.env.GITHUB_STEP_SUMMARY = summary;
    try {
      const { stdout } = await explore(directory, [unsafe], '--reporter', 'github');
      expect(stdout).toContain('x capacity   slot 1: sold twice');
      expect(stdout).toMatch(/^::error file=\S*unsafe\.ts,line=\d+,title=lastseat%3A own\/unsafe%2C READ COMMITTED::/m);
      expect(readFileSync(summary, 'utf8')).toContain('## lastseat: 1 of 1 to look at');
    } finally {
      delete process.env.GITHUB_STEP_SUMMARY;
    }
  });
});

describe('exit codes of scenarios that are named', () => {
  it('0: it holds, or by --expect is as expected', async () => {
    const directory = scratchDirectory();
    const safe = writeScenario(directory, 'safe');
    const { code, stdout, stderr } = await explore(directory, [safe]);
    expect(stderr).toBe('');
    expect(stdout).toContain('own/safe · READ COMMITTED\n\nverdict     explored: no violation in any of 8 interleavings');
    expect(stdout).toMatch(/\nagain {7}npm run sim -- --seed 1 --scenario \S+safe\.ts --engine model /);
    expect(code).toBe(EXIT.fine);
    const unsafe = writeScenario(directory, 'unsafe', { book: UNSAFE, instead: "expect: { 'READ COMMITTED': 'violated' }," });
    const expected = await explore(directory, [safe, unsafe], '--expect');
    expect(expected.stdout).toMatch(/^ok own\/safe {3}RC {2}explored .*\nok own\/unsafe RC {2}violated .*\n\n2 of 2 verdicts as expected/m);
    expect(expected.stdout).toContain('\nscore       found 1 of 1 buggy · proved 0 of 1 safe, explored or passed 1\n');
    expect(expected.code).toBe(EXIT.fine);
  });

  it('1: it is violated, with a report, a fixture and a JSON file that replay', async () => {
    const directory = scratchDirectory();
    const file = writeScenario(directory, 'unsafe', { book: UNSAFE, instead: "expect: { 'READ COMMITTED': 'violated' }," });
    const json = join(directory, 'new', 'outcome.json');
    const { code, stdout } = await sim(...own(directory, [file], '--json', json, '--save', join(directory, 'fixtures')));
    expect(code).toBe(EXIT.violation);
    expect(stdout).toContain('x capacity   slot 1: sold twice');
    expect(stdout).toContain(`\nreport      ${join(directory, 'report', 'own-unsafe-read-committed.md')}\n`);
    expect(readdirSync(join(directory, 'report')).sort()).toEqual([
      'outcome.json',
      'own-unsafe-read-committed.json',
      'own-unsafe-read-committed.md',
    ]);
    const text = readFileSync(json, 'utf8');
    expect(readFileSync(join(directory, 'report', 'outcome.json'), 'utf8')).toBe(text);
    const { counterexample } = (JSON.parse(text) as { scenarios: { counterexample: { file: string; token: string } }[] }).scenarios[0]!;
    expect(stdout).toContain(`replay      npm run sim -- replay --scenario ${file} ${counterexample.token}\n`);
    const pinned = join(directory, 'fixtures', 'own-unsafe-read-committed.json');
    expect(readScheduleFile(readFileSync(pinned, 'utf8')).violation).toEqual({ invariant: 'capacity', resource: 'slot 1' });
    expect(readFileSync(counterexample.file, 'utf8')).toBe(readFileSync(pinned, 'utf8'));
    for (const source of [counterexample.token, counterexample.file, pinned])
      expect(await simHere('replay', source, '--engine', 'model', '--scenario', file)).toMatchObject({ code: EXIT.violation });
  });

  it('3, before 1: an actor that depends on more than its replies', async () => {
    const directory = scratchDirectory();
    const files = [
      writeScenario(directory, 'unsafe', { book: UNSAFE }),
      writeScenario(directory, 'nondeterministic', { book: NONDETERMINISTIC }),
      writeScenario(directory, 'unsteady-result', { book: "\n    await client.query('SELECT id FROM slots');\n    return Math.random();" }),
    ];
    const { code, stdout, stderr } = await explore(directory, files, '--json', '-');
    expect(code).toBe(EXIT.mismatch);
    expect(verdicts(stdout)).toEqual({ 'own/unsafe': 'violated', 'own/nondeterministic': 'racy', 'own/unsteady-result': 'racy' });
    expect(reasons(stdout)['own/nondeterministic']).toMatch(
      /^uncontrolled nondeterminism: alice did something else .*: at its step 1 it came to SELECT id FROM slots WHERE id = \$1 with \[\d+\], and to /,
    );
    expect(reasons(stdout)['own/unsteady-result']).toMatch(/: at its step 2 it came to its end, \{"value":0\.\d+\}, and to /);
    expect(stderr).toContain('Usual cause: Math.random');
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('5: a required witness never came, SQL that the model does not know, a limit that was hit', async () => {
    const directory = scratchDirectory();
    const vacuous = writeScenario(directory, 'vacuous', { instead: "requires: ['deadlock']," });
    const unmodelled = writeScenario(directory, 'unmodelled', { book: UNMODELLED });
    const { code, stdout } = await explore(directory, [vacuous, unmodelled], '--json', '-');
    expect(code).toBe(EXIT.inconclusive);
    expect(verdicts(stdout)).toEqual({ 'own/vacuous': 'vacuous', 'own/unmodelled': 'unmodelled' });
    expect(reasons(stdout)).toEqual({
      'own/vacuous': 'required, and never seen: deadlock',
      'own/unmodelled': expect.stringMatching(
        /^the model does not answer the function pg_sleep, in .*pg_sleep\(.*\).* \(at unmodelled\.ts:\d+\)$/,
      ),
    });
    const limited = await explore(directory, [vacuous], '--max-states', '10', '--strategy', 'exhaustive', '--json', '-');
    expect(limited.code).toBe(EXIT.inconclusive);
    expect(JSON.parse(limited.stdout)).toMatchObject({
      scenarios: [{ verdict: 'inconclusive', limits: ['max-states 10'], counterexample: null }],
    });
  });

  it('5: --time is up while the model is searched, and says that this depends on the machine', async () => {
    const directory = scratchDirectory();
    const file = writeScenario(directory, 'unsafe', { book: UNSAFE });
    const { code, stdout, stderr } = await explore(
      directory,
      [file],
      '--actors',
      '9',
      '--max-states',
      '100000000',
      '--time',
      '2',
      '--json',
      '-',
    );
    expect(JSON.parse(stdout)).toMatchObject({
      scenarios: [
        { verdict: 'inconclusive', actors: 9, limits: ['time'], reason: expect.stringMatching(/^the time was up after \d+ states/) },
      ],
    });
    expect(stderr).toContain('--time: what is found depends on this machine');
    expect(code).toBe(EXIT.inconclusive);
  });

  it('70, before the others, while these get their verdicts: a worker process that is gone', async () => {
    const directory = scratchDirectory();
    const files = [
      writeScenario(directory, 'check', {
        instead: "invariants: [{ name: 'broken', check: () => { throw new TypeError('no seats'); } }],",
      }),
      writeScenario(directory, 'seed', { instead: "seed: () => 'INSERT INTO nowhere VALUES (1)'," }),
      writeScenario(directory, 'query', { instead: "invariants: [{ name: 'broken', sql: 'SELECT * FROM nowhere' }]," }),
      writeScenario(directory, 'unsafe', { book: UNSAFE }),
      // Ends the only worker: what waits behind it cannot be done.
      writeScenario(directory, 'exit', { book: '\n    process.reallyExit(7);' }),
      writeScenario(directory, 'behind'),
    ];
    const { code, stdout, stderr } = await explore(directory, files, '--json', '-');
    expect(code).toBe(EXIT.internal);
    expect(verdicts(stdout)).toEqual({
      'own/check': 'error',
      'own/seed': 'error',
      'own/query': 'error',
      'own/unsafe': 'violated',
      'own/exit': 'error',
      'own/behind': 'error',
    });
    expect(stderr).toContain('error: own/check: the invariant "broken" throws TypeError: no seats\n');
    expect(stderr).toMatch(/^ {4}at .*check\.ts:\d+:\d+\)$/m);
    expect(stderr).toContain('SQL of own/seed fails outside of its operations: the first rows: relation "nowhere" does not exist');
    expect(stderr).toContain('own/query: the invariant "broken" fails: 42P01 relation "nowhere" does not exist, in: SELECT * FROM nowhere');
    expect(stderr.match(/a worker process ended by itself \(exit code 7\)\nUsual cause/g)).toHaveLength(1);
    expect(stderr.match(/^\s+at .*$/gm)?.filter((frame) => !frame.includes(directory))).toEqual([]);
  });
});

it('2: a promise that nobody awaits and that is rejected is named, and does not pass', async () => {
  const directory = scratchDirectory();
  const book = `
    void (async () => { await client.query('SELECT nothing'); })();
    await client.query('SELECT 1 FROM slots');
    await client.query('UPDATE slots SET capacity = capacity');`;
  const { code, stdout, stderr } = await explore(directory, [writeScenario(directory, 'stray', { book })], '--json', '-');
  expect(code).toBe(EXIT.usage);
  expect(verdicts(stdout)).toEqual({ 'own/stray': 'error' });
  expect(stderr).toContain('own/stray: a promise that nobody awaits was rejected: error: column "nothing" does not exist');
});

it('2: bad input within a scenario, whatever the other verdicts are', async () => {
  const directory = scratchDirectory();
  const files = [
    writeScenario(directory, 'check', { instead: "invariants: [{ name: 'broken', check: () => { throw new TypeError('no seats'); } }]," }),
    writeScenario(directory, 'query', { instead: "invariants: [{ name: 'broken', sql: 'SELECT * FROM nowhere' }]," }),
    writeScenario(directory, 'seed', { instead: "seed: () => 'INSERT INTO nowhere VALUES (1)'," }),
    writeScenario(directory, 'unsafe', { book: UNSAFE }),
  ];
  const { code, stdout, stderr } = await explore(directory, files, '--json', '-');
  expect(code).toBe(EXIT.usage);
  expect(verdicts(stdout)).toEqual({ 'own/check': 'error', 'own/query': 'error', 'own/seed': 'error', 'own/unsafe': 'violated' });
  expect(stderr).not.toContain('a defect of lastseat');
});

describe('--json -', () => {
  it('leaves standard output to the JSON, which has every field of the contract', async () => {
    const directory = scratchDirectory();
    const files = [writeScenario(directory, 'unsafe', { book: UNSAFE }), writeScenario(directory, 'safe')];
    const named = files.flatMap((file) => ['--scenario', file]);
    const { code, stdout, stderr } = await simHere(...named, '--seed', 'ünï ☂', '--workers', '1', '--json', '-', '--report', directory);
    expect(code).toBe(EXIT.violation);
    expect(stderr).toContain('x capacity   slot 1: sold twice');
    const text = expect.any(String) as string;
    const number = expect.any(Number) as number;
    const digits = expect.stringMatching(/^\d+$/) as string;
    const model = (violating: unknown) => ({
      interleavings: digits,
      violating,
      states: number,
      transitions: number,
      exhaustive: true,
      strategy: 'exhaustive',
      coarse: [],
    });
    const postgres = { runs: number, transitionsConfirmed: number, transitionsUnforceable: 0, divergences: 0 };
    const witnesses = { overlap: digits, 'lock-wait': digits, 'sold-out': digits, deadlock: digits, 'serialization-failure': digits };
    const planCounts = { explored: 1, of: '1', exact: true, drawn: 0, declared: false };
    const operations = { book: { returned: digits, refused: {}, threw: {} } };
    const common = { isolation: 'READ COMMITTED', postgres, witnesses, operations, reason: null, empty: [], limits: [], planCounts };
    expect(JSON.parse(stdout)).toEqual({
      format: 'lastseat.outcome.v1',
      seed: 'ünï ☂',
      version: text,
      postgres: { provider: 'embedded', version: expect.stringMatching(/^\d+\.\d+$/), limitations: [] },
      interrupted: false,
      elapsedMs: number,
      score: null,
      scenarios: [
        {
          ...common,
          name: 'own/unsafe',
          expect: 'holds',
          verdict: 'violated',
          actors: 2,
          capacity: 1,
          model: model('18'),
          elapsedMs: number,
          firstViolation: { plan: 0, schedules: number, elapsedMs: number },
          plans: [expect.objectContaining({ verdict: 'violated', model: model('18'), postgres, witnesses, reason: null, limits: [] })],
          counterexample: {
            token: expect.stringMatching(/^ls1\./),
            file: join(directory, 'own-unsafe-read-committed.json'),
            invariant: 'capacity',
            resource: 'slot 1',
            actors: 2,
            broken: [{ invariant: 'capacity', resource: 'slot 1', message: expect.any(String), atEnd: false }],
            steps: 6,
            switches: 1,
            minimal: true,
            confirmedOnPostgres: true,
            replays: { matched: 10, of: 10 },
            shrunkFrom: { actors: 2, steps: number, switches: number },
          },
        },
        {
          ...common,
          name: 'own/safe',
          expect: 'holds',
          verdict: 'proved',
          actors: 2,
          capacity: 1,
          model: model('0'),
          elapsedMs: number,
          firstViolation: null,
          plans: [expect.objectContaining({ verdict: 'proved', plan: expect.objectContaining({ scenario: 'own/safe', seed: 'ünï ☂' }) })],
          counterexample: null,
        },
      ],
    });
    expect(existsSync(join(directory, 'own-safe-read-committed.json'))).toBe(false);
  });
});
