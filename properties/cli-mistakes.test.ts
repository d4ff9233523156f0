/** Mistakes in a scenario: exit code 2, what is wrong and where, and never a defect of lastseat or a bare stack. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EXIT } from '../sim/exit-codes.js';
import { scratchDirectory, sim } from './cli-process.js';

const LIBRARY = new URL('../src/index.ts', import.meta.url).href;

interface Parts {
  readonly book?: string;
  readonly check?: string;
  readonly seed?: string;
  readonly head?: string;
}

const READ = "await client.query('SELECT free FROM seats');";

function write({
  book = `${READ} return 1;`,
  check = '() => []',
  seed = "() => 'INSERT INTO seats VALUES (1, 1)'",
  head = '',
}: Parts): string {
  const file = join(scratchDirectory(), 'mine.ts');
  writeFileSync(
    file,
    `import { always, defineScenario } from '${LIBRARY}';
${head}
export default defineScenario({
  name: 'mine', description: 'Has a mistake in it.',
  schema: 'CREATE TABLE seats (id int PRIMARY KEY, free int NOT NULL)',
  seed: ${seed},
  operations: { book: async ({ client }) => { ${book} } },
  workloads: [{ name: 'two', capacity: always(1), roles: [{ operation: 'book', input: always({}), min: 2, max: 2 }] }],
  invariants: [{ name: 'free', check: ${check} }],
  expect: {},
});
`,
  );
  return file;
}

const explore = (parts: Parts) => {
  const file = write(parts);
  return sim('--scenario', file, '--engine', 'model', '--seed', '1', '--workers', '1', '--report', scratchDirectory());
};

const mistakes: readonly (readonly [string, Parts, string])[] = [
  ['an invariant that returns a boolean', { check: '() => true' }, 'the invariant "free" must return a list of violations'],
  ['an invariant that returns a text', { check: "() => 'sold twice'" }, 'It returns the text "sold twice"'],
  ['an invariant that returns nothing', { check: '() => undefined' }, 'It returns undefined'],
  ['an invariant that returns a promise of something else', { check: 'async () => 5' }, 'It returns 5'],
  [
    'an invariant whose violations have no message',
    { check: "() => [{ resource: 'seat' }]" },
    'must return violations with a resource and a message',
  ],
  ['a result that is a BigInt', { book: `${READ} return 1n;` }, 'what an operation returns must be JSON'],
  ['a query that is a number', { book: 'await client.query(5); return 1;' }, 'query() wants SQL as a text, and was given 5, at mine.ts:'],
  ['a query that is nothing', { book: 'await client.query(); return 1;' }, 'query() wants SQL as a text, and was given undefined'],
  [
    'an error in a timer',
    { book: `setTimeout(() => { throw new Error('late'); }, 0); ${READ} ${READ} return 1;` },
    'an error that nobody catches was thrown, in a timer or a handler of events: Error: late',
  ],
  [
    'a rejection that nobody awaits',
    { book: `Promise.reject(new Error('stray')); ${READ} return 1;` },
    'a promise that nobody awaits was rejected: Error: stray',
  ],
  ['an operation that ends the process', { book: `${READ} process.exit(0);` }, 'an operation wants to end the process'],
  ['a file that ends the process', { head: 'process.exit(0);' }, 'could not be loaded: it calls process.exit(0)'],
  [
    'a file that ends the process, and catches what comes of it',
    { head: 'try { process.exit(); } catch {}' },
    'could not be loaded: it calls process.exit()',
  ],
  [
    'first rows that throw',
    { seed: "() => { throw new Error('no rows'); }" },
    'the function "seed" of the first rows throws Error: no rows',
  ],
  ['first rows that are no text', { seed: '() => 5' }, 'the function "seed" must return the first rows as SQL'],
];

describe('code that never ends is ended, and the others get their verdicts', () => {
  test.each([
    [
      'an operation',
      { book: `${READ} for (;;) {}` },
      /the operation of alice since its call number 1, SELECT free FROM seats, was answered has not let anything else run for 10 s/,
    ],
    ['first rows', { seed: '() => { for (;;) {} }' }, /the schema or the first rows has not let anything else run for 10 s/],
  ] as const)(
    '%s',
    async (_, parts, told) => {
      const [endless, fine] = [write(parts), write({})];
      writeFileSync(fine, readFileSync(fine, 'utf8').replaceAll("name: 'mine'", "name: 'fine'"));
      const { code, stdout, stderr } = await sim(
        '--scenario',
        endless,
        '--scenario',
        fine,
        '--engine',
        'model',
        '--seed',
        '1',
        '--workers',
        '1',
        '--report',
        scratchDirectory(),
      );
      expect(stderr).toMatch(told);
      expect(stdout).toMatch(/fine · READ COMMITTED\n\nverdict {5}(explored|vacuous)/);
      expect(`${stdout}${stderr}`).not.toContain('defect of lastseat');
      expect(code).toBe(EXIT.usage);
    },
    60_000,
  );
});

describe('a mistake in a scenario is told with exit code 2', () => {
  test.each(mistakes)('%s', async (_, parts, told) => {
    const { code, stdout, stderr } = await explore(parts);
    expect(stderr).toContain(told);
    expect(`${stdout}${stderr}`).not.toContain('defect of lastseat');
    expect(stderr).not.toMatch(/Node\.js v\d/);
    expect(code).toBe(EXIT.usage);
  });
});
