import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import type { History, StepRecord } from '../src/history/history.js';
import { readScheduleFile, storyLines } from '../src/index.js';
import { explain } from '../src/report/explain.js';
import { lanesOf, renderLanes, wrap } from '../src/report/lanes.js';
import { condense, showRow } from '../src/report/statement.js';

const PINNED = new URL('../fixtures/counterexamples/', import.meta.url);
const GOLDEN = new URL('../fixtures/reports/', import.meta.url);
/** `LASTSEAT_UPDATE=1 npx vitest run properties/report.test.ts` writes the stories anew: read the difference before you commit it. */
const update = process.env.LASTSEAT_UPDATE === '1';

const pinned = readdirSync(PINNED)
  .sort()
  .map((file) => {
    const text = readFileSync(new URL(file, PINNED), 'utf8');
    const { history } = JSON.parse(text) as { history: History };
    return { name: file.replace('.json', ''), history, recording: readScheduleFile(text) };
  });

describe.each(pinned)('the story of $name', ({ name, history, recording }) => {
  const { plan, violation } = recording;
  const story = (width: number) =>
    storyLines(plan.scenario, { history, plan, ...violation! }, 'as it was recorded', { width, color: false });

  test('reads as it did', () => {
    const golden = new URL(`${name}.txt`, GOLDEN);
    const now = `${story(120).join('\n')}\n`;
    if (update) {
      mkdirSync(GOLDEN, { recursive: true });
      writeFileSync(golden, now);
    }
    expect(existsSync(golden)).toBe(true);
    expect(now).toBe(readFileSync(golden, 'utf8'));
  });

  test.each([80, 100, 160])('has every step in order, in %i columns', (width) => {
    const lines = story(width);
    const last = history.violations.find(({ invariant }) => invariant === violation!.invariant)!.step;
    const numbers = lines.flatMap((line) => /^ {0,3}(\d+) {2}/.exec(line)?.[1] ?? []).map(Number);
    expect(numbers).toEqual(Array.from({ length: last + 1 }, (_, index) => index + 1));
    expect(Math.max(...lines.map((line) => stringWidth(line)))).toBeLessThanOrEqual(width);
    expect(lines.filter((line) => line.endsWith('  x'))).toHaveLength(1);
  });
});

const step = (given: Partial<StepRecord>): StepRecord => ({
  actor: 0,
  name: 'alice',
  kind: 'statement',
  prelude: [],
  text: 'SELECT 1',
  values: [],
  site: null,
  outcome: 'done',
  fields: [],
  rows: [],
  rowCount: null,
  error: null,
  value: null,
  waitsFor: [],
  freed: [],
  changes: [],
  usage: null,
  finished: null,
  events: [],
  clockMs: 0,
  ...given,
});
const historyOf = (...steps: StepRecord[]): History => ({ steps, initialUsage: [], violations: [] });
const shown = (...steps: StepRecord[]) =>
  lanesOf(historyOf(...steps), null).flatMap(({ lines }) => lines.map(({ text, answer }) => [text, answer]));

describe('a step', () => {
  test('that waits says for whom, and what comes of it', () => {
    const update = 'UPDATE events SET n = $1 WHERE id = $2';
    expect(
      shown(
        step({ text: update, values: [0, 7], outcome: 'blocked', waitsFor: ['bob', 'carol'] }),
        step({ kind: 'resume', text: update, outcome: 'blocked', waitsFor: ['carol'] }),
        step({ kind: 'resume', text: update, rowCount: 0 }),
        step({
          kind: 'deadlock',
          text: update,
          outcome: 'failed',
          error: { code: '40P01', message: 'deadlock detected', constraint: null },
        }),
      ),
    ).toEqual([
      ['UPDATE events SET n = 0 WHERE id = 7', ''],
      ['<waits for bob, carol ...>', ''],
      ['<... waits again, for carol>', ''],
      ['<... goes on>', '-> no row'],
      ['<... deadlock>', '-> 40P01 deadlock detected'],
    ]);
  });

  test('shows BEGIN with the statement that it went with, and rows as far as they tell something', () => {
    const fields = ['id', 'starts_at', 'left'].map((name) => ({ name, type: 'int4' }));
    expect(
      shown(
        step({
          prelude: ['BEGIN'],
          text: 'SELECT *  FROM\n events',
          fields,
          rows: [
            [1, '2026-03-01T18:00:00.000Z', 0],
            [2, 'x', 1],
          ],
        }),
      ),
    ).toEqual([['BEGIN; SELECT * FROM events', "-> id 1, starts_at '2026-03-01T18:00:00.000Z', left 0 and 1 more"]]);
  });

  test('that ends an operation says how', () => {
    expect(
      shown(
        step({ text: 'ROLLBACK', finished: { value: { rejected: true, code: 'AVAILABILITY_CONFLICT' } } }),
        step({ text: 'COMMIT', kind: 'commit', finished: { error: 'TypeError: seats is undefined' } }),
        step({ text: 'COMMIT', kind: 'commit', finished: { value: { bookingId: 1 } } }),
      ).map(([, answer]) => answer),
    ).toEqual(['=> AVAILABILITY_CONFLICT', '=> throws TypeError: seats is undefined', '']);
  });
});

describe('text', () => {
  test('a long row loses its longest values first', () => {
    const fields = [{ name: 'id' }, { name: 'name' }, { name: 'seats' }];
    expect(showRow(fields, [1, 'a long name', 3], 40)).toBe("id 1, name 'a long name', seats 3");
    expect(showRow(fields, [1, 'a long name that is longer', 3], 30)).toBe('id 1, seats 3, ...');
  });

  test('a long statement loses its lists of columns', () => {
    expect(condense('SELECT id, name, starts_at, total_seats, available_seats FROM events WHERE id = $1')).toBe(
      'SELECT ... FROM events WHERE id = $1',
    );
    expect(condense('INSERT INTO bookings (event_id, user_id, seats, status) VALUES ($1, $2, $3, $4)')).toBe(
      'INSERT INTO bookings VALUES ($1, $2, $3, $4)',
    );
  });

  test('wraps at spaces, and in words that are longer than a line', () => {
    expect(wrap('one two three four', 9)).toEqual(['one two', '  three', '  four']);
    for (const line of wrap(`-> ${'x'.repeat(50)}`, 20)) expect(stringWidth(line)).toBeLessThanOrEqual(20);
  });

  test('lanes keep their place where names and values are wide', () => {
    const lines = renderLanes(
      lanesOf(historyOf(step({ text: "SELECT '席席席'" }), step({ actor: 1, name: 'bob', text: 'SELECT 2' })), null),
      ['アリス', 'bob'],
      80,
    );
    const column = stringWidth(lines[0]!.slice(0, lines[0]!.indexOf('bob')));
    expect(stringWidth(lines[2]!.slice(0, lines[2]!.indexOf('SELECT 2')))).toBe(column);
  });
});

describe('why', () => {
  const change = (id: number, n = 1) => ({ table: 'events', before: { id, n }, after: { id, n: n - 1 } });
  const violations = [{ step: 3, invariant: 'capacity', resource: 'event 1', message: '', usage: 2, capacity: 1 }];

  test('who overwrote whom is a lost update', () => {
    const history: History = {
      steps: [
        step({ text: 'SELECT n FROM events WHERE id = 1', rows: [[1]], prelude: ['BEGIN'] }),
        step({ actor: 1, name: 'bob', text: 'UPDATE events SET n = 0 WHERE id = 1', rowCount: 1, changes: [change(1)] }),
        step({ text: 'UPDATE events SET n = n - 1 WHERE id = 1', rowCount: 1 }),
        step({ text: 'COMMIT', kind: 'commit', changes: [change(1, 0)] }),
      ],
      initialUsage: [],
      violations,
    };
    expect(explain(history, 'capacity', 'READ COMMITTED').at(-1)).toContain('alice -rw-> bob -ww-> alice');
    expect(explain(history, 'capacity', 'READ COMMITTED').at(-1)).toContain('(lost update, P4)');
  });

  test('who went on although nothing was changed is told first', () => {
    const history: History = {
      steps: [
        step({ text: 'SELECT n FROM events WHERE id = 1', rows: [[1]] }),
        step({ actor: 1, name: 'bob', text: 'UPDATE events SET n = 0 WHERE id = 1', rowCount: 1, changes: [change(1)] }),
        step({ text: 'UPDATE events SET n = 0 WHERE id = 1 AND n > 0', rowCount: 0 }),
        step({ text: 'INSERT INTO bookings VALUES (1)', rowCount: 1, changes: [{ table: 'bookings', before: null, after: { id: 1 } }] }),
      ],
      initialUsage: [],
      violations,
    };
    expect(explain(history, 'capacity', 'READ COMMITTED')[0]).toBe('alice went on after UPDATE events had changed no row (step 3)');
  });

  test.each([
    ['lost', 'alice lost the connection (step 1): what was open was rolled back'],
    [
      'unanswered',
      'the COMMIT of alice was carried out (step 1) and the answer was lost: alice could not know whether it had been (lost acknowledgement)',
    ],
    ['dies', 'the process of alice died (step 1): what it had committed stays, and what was to follow never comes'],
    ['terminated', 'the session of alice was ended (step 1): what was open was rolled back'],
    ['lock-timeout', 'a statement of alice waited and was given up (step 1)'],
    ['crash', 'the server crashed (step 1): what was committed stays, and nothing else'],
    ['cache-down', 'the cache was down (step 1)'],
  ] as const)('what happened is told: %s', (kind, told) => {
    const steps = [step({ kind }), step({}), step({}), step({})];
    expect(explain({ steps, initialUsage: [], violations }, 'capacity', 'READ COMMITTED')).toEqual([told]);
  });

  test('no cycle is no story of one', () => {
    const history: History = { steps: [0, 1, 2, 3].map(() => step({})), initialUsage: [], violations };
    expect(explain(history, 'capacity', 'READ COMMITTED')).toEqual([
      'no actor depended on another in a cycle. The code is wrong in this order, and no isolation level prevents that. The rule is broken at step 4 (alice: SELECT)',
    ]);
  });
});
