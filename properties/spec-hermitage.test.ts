/** Hermitage's cases on the server and on the model: which anomalies each level keeps out. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PostgresServer } from '../src/engine/postgres/providers/server.js';
import type { IsolationLevel } from '../src/scenario.js';
import type { SpecEvent } from '../src/spec/events.js';
import { openPinnedServer } from './pinned-server.js';
import { readFixture, runSpec, specNames } from './spec-runs.js';

const LEVELS: readonly IsolationLevel[] = ['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'];

/** What a step answered: its rows as texts such as `1|10`, or its SQLSTATE. */
interface Answered {
  readonly rows: readonly string[];
  readonly code: string | null;
}

/** By step, in the order in which it was taken. */
class Story {
  readonly #answers: ReadonlyMap<string, readonly Answered[]>;

  constructor(answers: ReadonlyMap<string, readonly Answered[]>) {
    this.#answers = answers;
  }

  static of(events: readonly SpecEvent[]): Story {
    const answers = new Map<string, Answered[]>();
    let step = '';
    for (const event of events) {
      if (event.kind === 'step') step = event.step.name;
      if (event.kind === 'step' && event.how !== 'waiting') answers.set(step, [...(answers.get(step) ?? []), { rows: [], code: null }]);
      if (event.kind !== 'answer' || step === '') continue;
      const { answer } = event;
      if (answer.kind === 'error') answers.get(step)!.push({ ...answers.get(step)!.pop()!, code: answer.code });
      else if (answer.kind === 'result' && answer.fields !== null)
        answers.get(step)!.push({ ...answers.get(step)!.pop()!, rows: answer.rows.map((row) => row.join('|')).sort() });
    }
    return new Story(answers);
  }

  /** The rows of a step, the first time or a later one. */
  rows(step: string, time = 1): readonly string[] {
    return this.#answer(step, time).rows;
  }

  /** Its transaction has committed: nothing of it has failed, the commit included. */
  commits(session: string): boolean {
    this.#answer(`${session}_commit`, 1);
    return ![...this.#answers].some(([step, answers]) => step.startsWith(`${session}_`) && answers.some(({ code }) => code !== null));
  }

  #answer(step: string, time: number): Answered {
    const found = this.#answers.get(step)?.[time - 1];
    if (found === undefined) throw new Error(`step ${step} was not taken ${time} times`);
    return found;
  }
}

const both = (story: Story) => story.commits('t1') && story.commits('t2');

/** Did the anomaly occur? As the fixture's first lines tell it. */
const ANOMALIES: Readonly<Record<string, (story: Story) => boolean>> = {
  g0: (story) => ['1|11,2|22', '1|12,2|21'].includes(story.rows('prices', 2).join()),
  g1a: (story) => [1, 2].some((time) => story.rows('t2_read', time).includes('1|101')),
  g1b: (story) => [1, 2].some((time) => story.rows('t2_read', time).includes('1|101')),
  g1c: (story) => story.rows('t1_read').includes('2|22') && story.rows('t2_read').includes('1|11'),
  otv: (story) => {
    const seen = [story.rows('t3_one'), story.rows('t3_two'), story.rows('t3_two', 2), story.rows('t3_one', 2)].map((rows) => rows.join());
    const first = seen.findIndex((row) => row === '1|12' || row === '2|18');
    return first >= 0 && seen.slice(first).some((row) => row !== '1|12' && row !== '2|18');
  },
  pmp: (story) => story.rows('t1_range').length > story.rows('t1_equal').length,
  'pmp-write': (story) => both(story) && story.rows('t2_read').length > 0,
  p4: both,
  'g-single': (story) => story.commits('t1') && story.rows('t1_one').join() === '1|10' && story.rows('t1_two').join() === '2|18',
  'g-single-predicate': (story) => story.rows('t1_low').includes('1|10') && story.rows('t1_middle').includes('1|12'),
  'g-single-write': (story) => both(story) && story.rows('prices').includes('2|18'),
  'g2-item': both,
  g2: both,
  'g2-two-edges': (story) => story.commits('t1') && story.rows('t3_read').join() === '1|10,2|25',
};

const README = readFixture('hermitage/README.md');

/** The table in the README: by case, a sign a level. */
const published = new Map(
  [...README.matchAll(/^\| ([a-z0-9-]+) \| (.) \| (.) \| (.) \|$/gm)].map(([, name, ...signs]) => [name!, signs as string[]]),
);

const sign = (name: string, events: readonly SpecEvent[]): string => (ANOMALIES[name]!(Story.of(events)) ? '—' : '✓');

let server: PostgresServer;

beforeAll(async () => {
  server = await openPinnedServer();
}, 60_000);

afterAll(async () => {
  await server.close();
});

test('the table has a line for each case', () => {
  expect([...published.keys()].sort()).toEqual(specNames('hermitage'));
  expect(Object.keys(ANOMALIES).sort()).toEqual(specNames('hermitage'));
});

/** PostgreSQL keeps these out at every level, so that what they would look like is made up here. */
test.each([
  [
    'g0',
    {
      prices: [
        ['1|11', '2|20'],
        ['1|12', '2|21'],
      ],
    },
  ],
  [
    'g1a',
    {
      t2_read: [
        ['1|101', '2|20'],
        ['1|10', '2|20'],
      ],
    },
  ],
  [
    'g1b',
    {
      t2_read: [
        ['1|101', '2|20'],
        ['1|11', '2|20'],
      ],
    },
  ],
  ['g1c', { t1_read: [['2|22']], t2_read: [['1|11']] }],
  ['otv', { t3_one: [['1|11'], ['1|11']], t3_two: [['2|19'], ['2|18']] }],
])('%s would be seen', (name, rows) => {
  const answers = Object.entries(rows).map(([step, times]) => [step, times.map((row) => ({ rows: row, code: null }))] as const);
  expect(ANOMALIES[name]!(new Story(new Map(answers)))).toBe(true);
});

describe.each(specNames('hermitage'))('%s', (name) => {
  const text = readFixture(`hermitage/${name}.spec`);

  test('on the server, at each level, and the model agrees', async () => {
    const signs: string[] = [];
    for (const isolation of LEVELS) {
      const { events, outcome } = await runSpec(text, server, { isolation, withModel: true });
      signs.push(sign(name, events));
      expect(outcome.failure).toBeNull();
      expect(outcome.judgements).toMatchObject([{ kind: 'agrees' }]);
    }
    expect(signs).toEqual(published.get(name));
  });

  test('on the model alone', async () => {
    const signs: string[] = [];
    for (const isolation of LEVELS) signs.push(sign(name, (await runSpec(text, null, { isolation })).events));
    expect(signs).toEqual(published.get(name));
  });
});
