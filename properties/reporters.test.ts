/** Each reporter is a view of one run, and what comes from outside is text in it. `npx vitest run reporters -u` writes the golden files anew. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { validateXML } from 'xmllint-wasm';
import { always, explore, REPORTERS, type RunReport, type Scenario, type ScenarioOutcome } from '../src/index.js';

const GOLDEN = new URL('../fixtures/reporters/', import.meta.url);
const XSD = readFileSync(new URL('junit.xsd', GOLDEN), 'utf8');

/** Signs of every format, and what no terminal should see. */
const HOSTILE = 'a|b `c` <script>"&amp;"</script> ]]> ::error file=x:: %0A **d** [e](f)';

const seats = (book: 'unlocked' | 'locked'): Scenario => ({
  name: `hostile/${book}`,
  description: 'Sells a seat whose name is markup.',
  schema: 'CREATE TABLE seats (id int PRIMARY KEY, label text NOT NULL, free int NOT NULL)',
  seed: () => `INSERT INTO seats VALUES (1, '${HOSTILE}', 1)`,
  operations: {
    take: async ({ client }) => {
      await client.query('BEGIN');
      const lock = book === 'locked' ? ' FOR UPDATE' : '';
      const { rows } = await client.query<{ free: number; label: string }>(`SELECT free, label FROM seats WHERE id = 1${lock}`);
      if (rows[0]!.free > 0) await client.query('UPDATE seats SET free = free - 1 WHERE label = $1', [rows[0]!.label]);
      await client.query('COMMIT');
      return rows[0]!.free > 0;
    },
  },
  workloads: [{ name: 'two', capacity: always(1), roles: [{ operation: 'take', input: always({}), min: 2, max: 2 }] }],
  invariants: [
    {
      name: 'never below zero',
      check: ({ tables }) =>
        Number(tables.seats![0]!.free) < 0 ? [{ resource: HOSTILE, message: `sold twice: ${String(tables.seats![0]!.label)}` }] : [],
    },
  ],
  expect: {},
});

let outcomes: ScenarioOutcome[];
beforeAll(async () => {
  const runs = [await explore(seats('unlocked'), { engine: 'model' }), await explore(seats('locked'), { engine: 'model' })];
  // Times are the machine's.
  outcomes = runs.flatMap((run) => run.outcomes).map((outcome) => ({ ...outcome, elapsedMs: 1500, firstViolation: null }));
}, 60_000);

const report = (scenarios: readonly ScenarioOutcome[] = outcomes): RunReport => ({
  format: 'lastseat.outcome.v1',
  seed: '42',
  version: '0.0.0',
  postgres: null,
  interrupted: false,
  elapsedMs: 3000,
  judged: false,
  scenarios,
  schedules: new Map([['hostile/unlocked READ COMMITTED', '.lastseat/hostile.json']]),
  again: 'npm run sim -- --seed 42',
  textOptions: () => ({ width: 120, postgres: null, version: '0.0.0', color: false, replayCommand: 'npm run sim -- replay' }),
});

const render = (name: string, given = report()): string => REPORTERS[name]!.render(given);
const isValidJunit = async (xml: string) => {
  const { valid, errors } = await validateXML({ xml: [{ fileName: 'report.xml', contents: xml }], schema: [XSD] });
  return valid ? 'valid' : errors.map(({ message }) => message).join('\n');
};

describe('a run with a violation and a verdict that holds', () => {
  test.each(['text', 'markdown', 'json', 'junit', 'github'])('%s is as its golden file has it', async (name) => {
    await expect(render(name)).toMatchFileSnapshot(new URL(`hostile.${name}`, GOLDEN).pathname);
  });

  test('the same report gives the same text', () => {
    for (const name of Object.keys(REPORTERS)) expect(render(name)).toBe(render(name));
  });
});

describe('junit', () => {
  test('is valid under its schema, and counts what failed', async () => {
    expect(await isValidJunit(render('junit'))).toBe('valid');
    expect(render('junit')).toContain('<testsuites name="lastseat" tests="2" failures="1" errors="0"');
  });

  test('the schema refuses what is no report', async () => {
    expect(await isValidJunit(render('junit').replace('classname=', 'class='))).not.toBe('valid');
  });

  test('a verdict that could not be found is an error, and one that proves nothing a failure', async () => {
    const [first, second] = outcomes as [ScenarioOutcome, ScenarioOutcome];
    const xml = render(
      'junit',
      report([
        { ...first, verdict: 'error', counterexample: null, reason: 'no' },
        { ...second, verdict: 'inconclusive', reason: 'the budget was spent' },
      ]),
    );
    expect(await isValidJunit(xml)).toBe('valid');
    expect(xml).toContain('tests="2" failures="1" errors="1"');
    expect(xml).toContain('<failure message="inconclusive: the budget was spent" type="inconclusive">');
  });

  test('any text is valid in it (seed 42)', async () => {
    const property = fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 40 }), async (text) => {
      const [first] = outcomes as [ScenarioOutcome];
      const xml = render(
        'junit',
        report([{ ...first, name: text, verdict: 'inconclusive', counterexample: null, reason: `${text}\u0000\u001b[31m\ud800` }]),
      );
      expect(await isValidJunit(xml)).toBe('valid');
    });
    await fc.assert(property, { seed: 42, numRuns: 15 });
  }, 60_000);
});

describe('github', () => {
  test('an annotation is one line, at the line of the statement that did it', () => {
    const lines = render('github').trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^::error file=properties\/reporters\.test\.ts,line=\d+,title=lastseat%3A hostile\/unlocked%2C READ COMMITTED::/,
    );
  });

  test('says that all is well where it is', () => {
    expect(render('github', report([outcomes[1]!]))).toBe('::notice title=lastseat::every verdict is good\n');
  });

  test("the job's summary is the Markdown report", () => {
    expect(REPORTERS.github!.summarise!(report())).toBe(render('markdown'));
  });
});

test('Markdown shows what broke before what did not', () => {
  const text = render('markdown');
  expect(text.indexOf('hostile/unlocked')).toBeLessThan(text.indexOf('hostile/locked'));
  expect(text.split('\n')[0]).toBe('## lastseat: 1 of 2 to look at');
});
