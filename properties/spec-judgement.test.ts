/** The model is held against what the server has shown of a specification: it agrees, differs, does not know, or cannot be tried to the end. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ModelEngine } from '../src/engine/model/engine.js';
import { openServer } from '../src/engine/postgres/providers/open.js';
import type { PostgresServer } from '../src/engine/postgres/providers/server.js';
import type { SpecEvent } from '../src/spec/events.js';
import { type Judgement, judge } from '../src/spec/judge.js';
import { parseSpecification } from '../src/spec/parse.js';
import { SPEC_DEFAULTS } from '../src/spec/run.js';
import { specSummary } from '../src/spec/summary.js';
import { readFixture, runSpec } from './spec-runs.js';

let server: PostgresServer;

beforeAll(async () => {
  server = await openServer('embedded');
}, 60_000);

afterAll(async () => {
  await server.close();
});

const TEXT = `
  setup { CREATE TABLE t (id int PRIMARY KEY, v int, w text); INSERT INTO t VALUES (1, 1, NULL), (2, 2, 'x'); }
  teardown { DROP TABLE t; }
  session s1
  step a1 { BEGIN; UPDATE t SET v = v + 1 WHERE id = 1; }
  step a2 { COMMIT; }
  session s2
  setup { BEGIN; }
  step b1 { SELECT * FROM t ORDER BY id; }
  step b2 { UPDATE t SET v = v * 10 WHERE v > 0 RETURNING id, v; }
  step b3 { INSERT INTO t VALUES (1, 0, 'y'); }
  step b4 { COMMIT; BEGIN; BEGIN; }
  teardown { ROLLBACK; }
  permutation b1 a1 b2 a2 b1 b3 b4
`;
const specification = parseSpecification(TEXT);
const judged = (events: readonly SpecEvent[], ways = SPEC_DEFAULTS.ways): Promise<Judgement> =>
  judge(new ModelEngine({ textRows: true }), specification, specification.permutations[0]!, events, { isolation: 'READ COMMITTED', ways });

describe('the model', () => {
  test('agrees with what it has shown as well', async () => {
    const { events } = await runSpec(TEXT, server);
    expect(await judged(events)).toEqual({ permutation: 'b1 a1 b2 a2 b1 b3 b4', kind: 'agrees' });
  });

  test('differs where the server was at another isolation level, and it is said where', async () => {
    const { events } = await runSpec(TEXT, server, { isolation: 'REPEATABLE READ' });
    expect(await judged(events)).toEqual({
      permutation: 'b1 a1 b2 a2 b1 b3 b4',
      kind: 'differs',
      after: 'step b2 completes after a wait',
      server: '40001 could not serialize access due to concurrent update',
      model: 'UPDATE 2 id|v ["1","20"] ["2","20"]',
    });
  });

  /** What the server might have shown otherwise, one thing at a time. */
  const changes: readonly (readonly [string, (event: SpecEvent) => SpecEvent | null])[] = [
    ['a value', onResult((rows) => rows.map((row) => row.map((value) => (value === '20' ? '21' : value))))],
    ['a null', onResult((rows) => rows.map((row) => row.map((value) => value ?? '')))],
    ['a row', onResult((rows) => rows.slice(1))],
    ['an order that was asked for', onResult((rows) => [...rows].reverse(), 'id|v|w')],
    [
      'the names of columns',
      (event) => (isResult(event) ? { ...event, answer: { ...event.answer, fields: event.answer.fields?.map(() => 'x') ?? null } } : event),
    ],
    [
      'a count',
      (event) => (isResult(event) ? { ...event, answer: { ...event.answer, tag: event.answer.tag.replace(/\d+$/, '7') } } : event),
    ],
    [
      'an error',
      (event) =>
        event.kind === 'answer' && event.answer.kind === 'error' ? { ...event, answer: { ...event.answer, code: '40001' } } : event,
    ],
    ['a wait', (event) => (event.kind === 'step' && event.how === 'waiting' ? { ...event, how: 'done' } : event)],
    ['a notice', (event) => (event.kind === 'notice' ? { ...event, text: 'WARNING:  no\n' } : event)],
    ['less', (event) => (event.kind === 'notice' ? null : event)],
  ];

  test.each(changes)('differs in %s', async (_, change) => {
    const { events } = await runSpec(TEXT, null);
    expect((await judged(events)).kind).toBe('agrees');
    expect((await judged(events.map(change).filter((event) => event !== null))).kind).toBe('differs');
  });

  test('and an order that was not asked for makes no difference', async () => {
    const { events } = await runSpec(TEXT, null);
    const turned = events.map(onResult((rows) => [...rows].reverse(), 'id|v'));
    expect(turned).not.toEqual(events);
    expect((await judged(turned)).kind).toBe('agrees');
  });

  test('tries other ways until one is the server’s; it is undecided where it may try no more', async () => {
    const text = readFixture('specs/deadlock.spec');
    // The second waiter is the victim; the first way that is tried takes the first.
    const first = text.replace(/\npermutation s1_first (?!s2_first s1_).*/g, '');
    const deadlock = parseSpecification(first);
    const { events } = await runSpec(first, server);
    const verdict = (ways: number) =>
      judge(new ModelEngine({ textRows: true }), deadlock, deadlock.permutations[0]!, events, { isolation: 'READ COMMITTED', ways });
    expect(await verdict(1)).toMatchObject({ kind: 'undecided', ways: 1 });
    expect(await verdict(SPEC_DEFAULTS.ways)).toMatchObject({ kind: 'agrees' });
  });
});

test('the model alone shows the same as the server where it knows everything, and says where it does not', async () => {
  const alone = await runSpec(TEXT, null);
  const both = await runSpec(TEXT, server);
  // Rows that nobody has ordered come in the order of the table there.
  expect(alone.transcript).toBe(both.transcript);
  const unknown = await runSpec(TEXT.replace('step b3 { INSERT', 'step b3 { VACUUM; INSERT'), null);
  expect(unknown.events.at(-1)).toMatchObject({ kind: 'unmodelled' });
  expect(unknown.transcript).toMatch(/permutation unmodelled: VACUUM: the server as a whole is not modelled\n$/);
});

test('the summary counts, and tells each difference with both sides', () => {
  const judgements: Judgement[] = [
    { permutation: 'a b', kind: 'agrees' },
    { permutation: 'b a', kind: 'differs', after: 'step b waits', server: '40001 no', model: 'UPDATE 1' },
    { permutation: 'c', kind: 'unmodelled', reason: 'ON CONFLICT' },
    { permutation: 'd', kind: 'unmodelled', reason: 'ON CONFLICT' },
    { permutation: 'e', kind: 'undecided', ways: 9 },
  ];
  const outcome = { complete: 4n, infeasible: 1n, exhaustive: false, judgements, failure: null };
  expect(specSummary(outcome, { postgres: '18.4 (embedded)', isolation: 'READ COMMITTED' })).toEqual([
    'spec        PostgreSQL 18.4 (embedded) · READ COMMITTED · 4 permutations run; 1 infeasible',
    'model       shows the same in 1 of 5 permutations that were tried',
    'differs     b a',
    '            after:  step b waits',
    '            server: 40001 no',
    '            model:  UPDATE 1',
    'undecided   e: none of 9 ways on the model, and there are more',
    'unmodelled  2 permutations: ON CONFLICT',
  ]);
});

type Rows = readonly (readonly (string | null)[])[];
type ResultEvent = Extract<SpecEvent, { kind: 'answer' }> & { readonly answer: { readonly kind: 'result' } };

function isResult(event: SpecEvent): event is ResultEvent {
  return event.kind === 'answer' && event.answer.kind === 'result';
}

/** Changes the rows of results, or of those with these columns. */
function onResult(change: (rows: Rows) => Rows, columns?: string): (event: SpecEvent) => SpecEvent {
  return (event) => {
    if (!isResult(event) || (columns !== undefined && event.answer.fields?.join('|') !== columns)) return event;
    return { ...event, answer: { ...event.answer, rows: change(event.answer.rows) } };
  };
}
