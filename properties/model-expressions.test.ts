import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { UnmodelledError } from '../src/engine/contract.js';
import { ModelEngine } from '../src/engine/model/engine.js';
import { PostgresEngine } from '../src/engine/postgres/engine.js';

import type { PostgresServer } from '../src/engine/postgres/providers/server.js';
import { compare } from '../src/fuzz/compare.js';
import type { ScriptedCase } from '../src/fuzz/scripted.js';
import { run, scheduleOf } from '../src/run.js';
import { modelOf } from './model-scripts.js';
import { openPinnedServer } from './pinned-server.js';

/** Single statements of one actor: what pg-mem is asked on the model's behalf, against the server's answers. */
const SEED = Number(process.env.LASTSEAT_FUZZ_SEED ?? 42);
const SCRIPTS = Number(process.env.LASTSEAT_FUZZ_PROGRAMS ?? 60);

const schema = `
  CREATE TABLE t (id int PRIMARY KEY, a int, b bigint, s text, flag boolean, at timestamptz, small smallint NOT NULL DEFAULT 3);
  CREATE TABLE u (id int PRIMARY KEY, t_id int, n int NOT NULL, s text NOT NULL);
`;
const seed = `
  INSERT INTO t (id, a, b, s, flag, at) VALUES
    (1, 1, 10, 'a', true, '2026-01-01T00:00:00Z'), (2, NULL, 20, 'B', false, NULL), (3, 1, NULL, NULL, NULL, '2026-01-02T03:04:05.678Z'),
    (4, -2, -5, '', true, NULL), (5, 3, 10, 'a', NULL, '2025-12-31T23:59:59Z');
  INSERT INTO u (id, t_id, n, s) VALUES (1, 1, 5, 'a'), (2, 1, 7, 'ab'), (3, NULL, 0, 'B'), (4, 9, -1, '');
`;

const filled = (template: string, ...parts: fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
  fc.tuple(...parts).map((drawn) => template.replace(/\$(\d)/g, (_, index: string) => drawn[Number(index) - 1]!));

/** Expressions over the columns of `t`, at most so deep. */
const { number, text, truth, moment } = fc.letrec<{ number: string; text: string; truth: string; moment: string }>((tie) => {
  const n = tie('number');
  const s = tie('text');
  const p = tie('truth');
  const at = tie('moment');
  return {
    number: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'id', 'small', '0', '1', '3', '-2', '10') },
      filled('($1 + $2)', n, n),
      filled('($1 - $2)', n, n),
      filled('($1 * $2)', n, n),
      filled('-$1', fc.constantFrom('a', 'b', '(a)')),
      filled('coalesce($1, $2)', n, n),
      filled('greatest($1, $2, $3)', n, n, n),
      filled('least($1, $2)', n, n),
      filled('CASE WHEN $1 THEN $2 ELSE $3 END', p, n, n),
      filled('CASE WHEN $1 THEN $2 END', p, n),
      filled('(SELECT count(*) FROM u WHERE n > $1)', fc.constantFrom('0', '5', '9')),
      filled('(SELECT max(n) FROM u WHERE n > $1)', fc.constantFrom('0', '5', '9')),
      filled('$1::bigint', n),
    ),
    text: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      { weight: 4, arbitrary: fc.constantFrom('s', "'a'", "'B'", "''", "'ab'") },
      filled('($1 || $2)', s, s),
      filled('lower($1)', s),
      filled('upper($1)', s),
      filled('coalesce($1, $2)', s, s),
      filled('CASE WHEN $1 THEN $2 ELSE $3 END', p, s, s),
    ),
    truth: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      { weight: 2, arbitrary: filled('$1 $2 $3', n, fc.constantFrom('=', '<>', '<', '<=', '>', '>='), n) },
      { weight: 2, arbitrary: filled('$1 $2 $3', s, fc.constantFrom('=', '<>', '<', '<=', '>', '>='), s) },
      filled('$1 $2 $3', at, fc.constantFrom('=', '<>', '<', '>='), at),
      fc.constantFrom('flag', 'flag = true', 'flag <> false', 'flag IS TRUE', 'flag IS NOT TRUE', 'flag IS FALSE', 'true', 'NULL::boolean'),
      filled('($1 AND $2)', p, p),
      filled('($1 OR $2)', p, p),
      filled('NOT ($1)', p),
      filled('$1 IS NULL', fc.oneof(n, s, at)),
      filled('$1 IS NOT NULL', fc.oneof(n, s, at)),
      filled('$1 IN ($2, $3)', n, n, n),
      filled('$1 NOT IN ($2, $3)', n, n, n),
      filled('$1 IN ($2, $3)', s, s, s),
      filled('$1 BETWEEN $2 AND $3', n, n, n),
      filled('$1 NOT BETWEEN $2 AND $3', n, n, n),
      filled('$1 IN (SELECT $2 FROM u)', n, fc.constantFrom('n', 't_id', 'id')),
      filled('EXISTS (SELECT 1 FROM u WHERE n = $1)', fc.constantFrom('5', '6')),
      filled('$1 LIKE $2', s, fc.constantFrom("'a%'", "'%'", "'_'")),
    ),
    moment: fc.constantFrom('at', 'now()', "'2026-01-01T00:00:00Z'::timestamptz", "at + interval '1 day'", 'coalesce(at, now())'),
  };
});
const value = fc.oneof(number, text, truth, moment);
const aggregate = fc.oneof(
  fc.constantFrom(
    'count(*)',
    'count(a)',
    'sum(a)',
    'sum(b)',
    'sum(small)',
    'min(a)',
    'max(b)',
    'min(at)',
    'max(s)',
    'count(DISTINCT a)',
    'avg(a)',
  ),
  filled('$1($2)', fc.constantFrom('count', 'sum', 'min', 'max'), number),
  filled('coalesce(sum($1), 0)', number),
);
const order = fc.constantFrom('id', 'id DESC', 'a, id', 'b DESC, id', 's, id', 'small, id DESC', '1');

const statement: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: filled('SELECT id, $1 AS x, $2 AS y FROM t WHERE $3', value, value, truth) },
  { weight: 2, arbitrary: filled('SELECT id, $1 FROM t ORDER BY $2', value, order) },
  filled('SELECT id FROM t WHERE $1 ORDER BY id LIMIT $2 OFFSET $3', truth, fc.constantFrom('0', '1', '2'), fc.constantFrom('0', '1')),
  { weight: 2, arbitrary: filled('SELECT $1, $2 FROM t WHERE $3', aggregate, aggregate, truth) },
  filled('SELECT $1, $2 AS x FROM t GROUP BY $1', fc.constantFrom('a', 's', 'flag', 'small', 'b'), aggregate),
  filled(
    'SELECT $1 AS k, $2 AS x FROM t WHERE $3 GROUP BY k',
    fc.constantFrom('a', 's', 'flag', 'a + 1', "coalesce(s, '-')"),
    aggregate,
    truth,
  ),
  filled('SELECT DISTINCT $1 FROM t', value),
  filled(
    'SELECT t.id, u.id AS uid, u.n, t.a FROM t $1 JOIN u ON u.t_id = t.id WHERE $2',
    fc.constantFrom('', 'LEFT', 'INNER'),
    fc.constantFrom('true', 'u.n > 5', 'u.n IS NULL', 't.flag'),
  ),
  filled(
    'SELECT t.id, count(u.id) AS c, coalesce(sum(u.n), 0) AS taken FROM t LEFT JOIN u ON u.t_id = t.id$1 GROUP BY t.id ORDER BY t.id',
    fc.constantFrom('', ' AND u.n > 5', ' AND t.flag'),
  ),
  filled('SELECT * FROM t WHERE $1 FOR UPDATE', truth),
  { weight: 2, arbitrary: filled('UPDATE t SET a = $1, s = $2 WHERE $3 RETURNING id, a, s', number, text, truth) },
  filled('UPDATE t SET b = $1, flag = $2, at = $3 WHERE $4 RETURNING *', number, truth, moment, truth),
  filled('UPDATE t SET small = $1 WHERE id = 1 RETURNING small, $2 AS x', number, value),
  filled('DELETE FROM t WHERE $1 RETURNING $2 AS x', truth, value),
  filled(
    'INSERT INTO t (id, a, s) VALUES ($1, $2, $3) RETURNING *',
    fc.constantFrom('6', '7', '1'),
    fc.constantFrom('1', 'NULL', '2 + 3', '3000000000', "'7'", "'x'"),
    fc.constantFrom("'q'", 'NULL', "lower('Q')"),
  ),
  filled('INSERT INTO u (id, t_id, n, s) SELECT id + 10, $1, $2, $3 FROM t WHERE $4', number, number, text, truth),
  filled(
    'INSERT INTO t (id, b, at) SELECT 9, $1, $2 WHERE (SELECT count(*) FROM u) > $3 RETURNING *',
    fc.constantFrom('5', '2147483648', 'NULL'),
    fc.constantFrom('now()', "'2026-02-03T04:05:06Z'"),
    fc.constantFrom('3', '9'),
  ),
);

let server: PostgresServer;
let postgres: PostgresEngine;
const engine = new ModelEngine();

beforeAll(async () => {
  server = await openPinnedServer();
  postgres = new PostgresEngine(server);
}, 60_000);

afterAll(async () => {
  await postgres.close();
  await server.close();
});

test(`the model answers random statements as the server does, or refuses them by name (seed ${SEED})`, async () => {
  const refused = new Map<string, number>();
  let asked = 0;
  const answered = async (text: string): Promise<boolean> => {
    asked += 1;
    try {
      await run(modelOf(of([text]), engine).machine, { choose: (choices) => choices[0]! });
      return true;
    } catch (error) {
      if (!(error instanceof UnmodelledError)) throw error;
      const reason = error.message.replace(/: .*/, '');
      refused.set(reason, (refused.get(reason) ?? 0) + 1);
      return false;
    }
  };
  const property = fc.asyncProperty(fc.array(statement, { minLength: 6, maxLength: 10 }), async (statements) => {
    const known: string[] = [];
    for (const text of statements) if (await answered(text)) known.push(text);
    if (known.length === 0) return;
    const scripted = of(known);
    const { machine } = modelOf(scripted, engine);
    const schedule = scheduleOf(await run(machine, { choose: (choices) => choices[0]! }));
    const { difference } = await compare(machine, postgres, schedule);
    expect(difference).toBeNull();
  });
  await fc.assert(property, { seed: SEED, numRuns: SCRIPTS });
  const total = [...refused.values()].reduce((sum, count) => sum + count, 0);
  if (process.env.LASTSEAT_FUZZ_PROGRAMS !== undefined) console.log(`refused ${total} of ${asked}`, refused);
  expect(total).toBeLessThan(asked / 2);
}, 3_600_000);

/** Each statement in a transaction of its own that is rolled back, so that all of them meet the same rows. */
const of = (statements: readonly string[]): ScriptedCase => ({
  schema,
  seed,
  scripts: [statements.map((text) => `BEGIN; ${text}; ROLLBACK`).join('; ')],
  isolation: 'READ COMMITTED',
  stubborn: true,
});
