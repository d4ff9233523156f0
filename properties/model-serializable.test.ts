import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ModelEngine } from '../src/engine/model/engine.js';
import type { ModelState } from '../src/engine/model/state.js';
import { search } from '../src/explore/search.js';
import type { ScriptedCase } from '../src/fuzz/scripted.js';
import { type Run, run, scheduleOf } from '../src/run.js';
import type { IsolationLevel } from '../src/scenario.js';
import type { Choice } from '../src/schedule/choice.js';
import type { Policy } from '../src/schedule/policy.js';
import randomStream from '../src/schedule/random.js';
import { following } from '../src/schedule/replay.js';
import { modelOf } from './model-scripts.js';

/**
 * What the model lets through at SERIALIZABLE, judged without the model's own rules: the transactions that committed are run again one after the
 * other, in every order. In one of them each must get the same answers, and the rows must end up the same.
 */
const SEED = Number(process.env.LASTSEAT_FUZZ_SEED ?? 42);
const schema = 'CREATE TABLE items (id int PRIMARY KEY, v int NOT NULL); CREATE TABLE parts (id int PRIMARY KEY, v int NOT NULL);';
const seed = 'INSERT INTO items VALUES (1, 1), (2, 2), (3, 3); INSERT INTO parts VALUES (1, 1);';

const row = fc.constantFrom('1', '2', '2', '3');
const statement = fc.oneof(
  row.map((id) => `SELECT v FROM items WHERE id = ${id}`),
  fc.constant('SELECT sum(v) FROM items'),
  fc.constant('SELECT count(*) FROM parts'),
  row.map((id) => `SELECT v FROM items WHERE id = ${id} FOR UPDATE`),
  row.map((id) => `UPDATE items SET v = v + 1 WHERE id = ${id}`),
  row.map((id) => `UPDATE items SET v = (SELECT sum(v) FROM items) WHERE id = ${id}`),
  row.map((id) => `UPDATE items SET v = v + 10 WHERE v >= ${id}`),
  row.map((id) => `DELETE FROM items WHERE id = ${id}`),
  fc.nat(5).map((id) => `INSERT INTO parts SELECT ${id + 2}, count(*) FROM items`),
  fc.nat(5).map((id) => `INSERT INTO parts SELECT ${id + 2}, 0 WHERE (SELECT count(*) FROM parts) < 2`),
);
const begin = fc.constantFrom('BEGIN', 'BEGIN', 'BEGIN READ ONLY');
const script = fc
  .tuple(begin, fc.array(statement, { minLength: 1, maxLength: 3 }))
  .map(([opens, statements]) => [opens, ...statements, 'COMMIT'].join('; '));
const scripts = fc.array(script, { minLength: 2, maxLength: 4 });

const scripted = (list: readonly string[], isolation: IsolationLevel): ScriptedCase => ({ schema, seed, scripts: list, isolation });

/** It comes first: no other test may have started PGlite, and the question whether a step may fail is the first that needs it. */
test('what may fail is asked for when PGlite is not there yet', async () => {
  const count = 'WITH n AS (SELECT count(*)::int AS n FROM parts) UPDATE items SET v = v + n.n FROM n WHERE items.id = 1';
  const list = [1, 2].map(() => `BEGIN; SELECT sum(v) FROM items; ${count}; COMMIT`);
  const { machine, engine } = modelOf(scripted(list, 'SERIALIZABLE'));
  const { graph, complete } = await search(machine, engine, { maxStates: 1_000 });
  expect({ complete, transitions: graph.transitions > 8 }).toEqual({ complete: true, transitions: true });
});

/** Fails nobody who may be spared. */
function sparing(name: string): Policy {
  const random = randomStream(name);
  return {
    choose: (choices) => {
      const spared = choices.filter((choice) => choice.kind !== 'fail');
      return spared[random.integer(0, spared.length - 1)]!;
    },
  };
}

interface Told {
  readonly answers: readonly string[];
  readonly rows: string;
}

function tell(done: Run<ModelState>, actors: number): Told {
  const last = done.steps.at(-1)?.after ?? done.first;
  const answers = Array.from({ length: actors }, (_, actor) =>
    JSON.stringify(
      done.steps.flatMap(({ choice, outcome }) =>
        choice.actor !== actor || outcome.kind !== 'done' ? [] : [outcome.reply.kind === 'result' ? outcome.reply.rows : outcome.reply],
      ),
    ),
  );
  return { answers, rows: JSON.stringify(last.committed.tables) };
}

const committedIn = (done: Run<ModelState>, actors: number): number[] =>
  Array.from({ length: actors }, (_, actor) => actor).filter((actor) => {
    const reply = done.steps.filter(({ choice }) => choice.actor === actor).at(-1)?.outcome;
    return reply?.kind === 'done' && reply.reply.kind === 'result' && reply.reply.command === 'COMMIT';
  });

function* orders(of: readonly number[]): Generator<readonly number[]> {
  if (of.length === 0) yield [];
  for (const first of of) for (const rest of orders(of.filter((item) => item !== first))) yield [first, ...rest];
}

/** An order in which the committed transactions, one after the other, come to what they came to together; null where there is none. */
async function serialOrder(list: readonly string[], done: Run<ModelState>, engine: ModelEngine): Promise<readonly number[] | null> {
  const together = tell(done, list.length);
  for (const order of orders(committedIn(done, list.length))) {
    const { machine } = modelOf(
      scripted(
        order.map((actor) => list[actor]!),
        'READ COMMITTED',
      ),
      engine,
    );
    const alone = tell(await run(machine, following([])), order.length);
    if (alone.rows === together.rows && order.every((actor, index) => alone.answers[index] === together.answers[actor])) return order;
  }
  return null;
}

/** Whether every one of some random runs is serialisable; and how often anybody could have been failed, or was. */
async function judge(list: readonly string[], isolation: IsolationLevel, runs: number) {
  const engine = new ModelEngine();
  const alone = new ModelEngine();
  const seen = { serialisable: true, failed: 0, all: 0 };
  for (let index = 0; index < runs; index += 1) {
    const { machine } = modelOf(scripted(list, isolation), engine);
    const done = await run(machine, sparing(`${list.join()}/${index}`));
    if ((await serialOrder(list, done, alone)) === null) return { ...seen, serialisable: false, schedule: scheduleOf(done) };
    if (committedIn(done, list.length).length === list.length) seen.all += 1;
    if (done.steps.some(({ outcome }) => outcome.kind === 'done' && outcome.reply.kind === 'error' && outcome.reply.code === '40001'))
      seen.failed += 1;
  }
  return seen;
}

describe('what commits at SERIALIZABLE', () => {
  test(`could have come one after the other, in random programs (seed ${SEED})`, async () => {
    let failed = 0;
    let all = 0;
    const property = fc.asyncProperty(scripts, async (list) => {
      const seen = await judge(list, 'SERIALIZABLE', 6);
      expect(seen).toMatchObject({ serialisable: true });
      failed += seen.failed;
      all += seen.all;
    });
    await fc.assert(property, { seed: SEED, numRuns: Number(process.env.LASTSEAT_SERIAL_PROGRAMS ?? 60) });
    expect(Math.min(failed, all)).toBeGreaterThan(20);
  }, 3_600_000);

  test('the judge finds write skew at REPEATABLE READ', async () => {
    const skew = [
      'BEGIN; SELECT sum(v) FROM items; UPDATE items SET v = 5 WHERE id = 1; COMMIT',
      'BEGIN; SELECT sum(v) FROM items; UPDATE items SET v = 6 WHERE id = 2; COMMIT',
    ];
    expect(await judge(skew, 'REPEATABLE READ', 20)).toMatchObject({ serialisable: false });
    expect(await judge(skew, 'SERIALIZABLE', 20)).toMatchObject({ serialisable: true });
  });

  test.each([
    [
      'write skew',
      [
        'BEGIN; SELECT v FROM items WHERE id = 1; UPDATE items SET v = 5 WHERE id = 2; COMMIT',
        'BEGIN; SELECT v FROM items WHERE id = 2; UPDATE items SET v = 5 WHERE id = 1; COMMIT',
      ],
    ],
    [
      'count and insert',
      [
        'BEGIN; SELECT count(*) FROM parts; INSERT INTO parts VALUES (5, 0); COMMIT',
        'BEGIN; SELECT count(*) FROM parts; INSERT INTO parts VALUES (6, 0); COMMIT',
      ],
    ],
  ])('%s: with all statements before all commits, no way lets both through', async (_name, list) => {
    const engine = new ModelEngine();
    const { machine } = modelOf(scripted(list, 'SERIALIZABLE'), engine);
    const { graph } = await search(machine, engine, { maxStates: 10_000 });
    // Both have read and written; of what can happen then, nothing ends with two commits.
    let node = graph.root;
    for (const actor of [0, 1, 0, 1]) node = node.edges.find(({ choice }) => choice.actor === actor && choice.kind === 'step')!.to;
    const ways: Choice[][] = [];
    const walk = (at: typeof node, way: readonly Choice[]): void => {
      if (at.edges.length === 0) ways.push([...way]);
      for (const { choice, to } of at.edges) walk(to, [...way, choice]);
    };
    walk(
      node,
      [0, 1, 0, 1].map((actor) => ({ actor, kind: 'step' })),
    );
    const commits = await Promise.all(ways.map(async (way) => committedIn(await run(machine, following(way)), 2).length));
    expect(Math.max(...commits)).toBe(1);
  });
});
