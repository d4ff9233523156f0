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

/** Single statements of one actor, of the kinds that PGlite evaluates on the model's behalf, against the server's answers. */
const SEED = Number(process.env.LASTSEAT_FUZZ_SEED ?? 42);
const SCRIPTS = Number(process.env.LASTSEAT_FUZZ_PROGRAMS ?? 25);

const schema = `
  CREATE TYPE grade AS ENUM ('low', 'mid', 'high');
  CREATE TABLE t (
    id int PRIMARY KEY, a int, b bigint, p numeric(8,2), f float8, s varchar(12), d date, at timestamptz, during daterange, j jsonb, xs int[],
    g grade NOT NULL DEFAULT 'low', twice numeric GENERATED ALWAYS AS (p * 2) STORED, made timestamptz DEFAULT CURRENT_TIMESTAMP
  );
  CREATE UNIQUE INDEX t_s ON t (lower(s)) WHERE a IS NOT NULL;
  CREATE TABLE u (id serial PRIMARY KEY, t_id int REFERENCES t ON DELETE CASCADE, n int NOT NULL CHECK (n < 50), d date DEFAULT CURRENT_DATE, UNIQUE (t_id, n));
  CREATE VIEW sums AS SELECT t_id, sum(n) AS n FROM u GROUP BY t_id;
`;
const seed = `
  INSERT INTO t (id, a, b, p, f, s, d, at, during, j, xs, g) VALUES
    (1, 1, 10, 1.50, 0.5, 'a', '2026-01-01', '2026-01-01T00:00:00Z', '[2026-01-01,2026-01-05)', '{"k": 1, "l": [1, 2]}', '{1,2}', 'mid'),
    (2, NULL, 20, NULL, 1e20, 'A', NULL, NULL, NULL, NULL, NULL, 'low'),
    (3, 1, NULL, 2.25, NULL, NULL, '2026-01-03', '2026-01-02T03:04:05.678Z', '[2026-01-04,2026-01-09)', '{"k": "x"}', '{}', 'high'),
    (4, -2, -5, 0, -0.25, '', '2025-12-31', NULL, 'empty', '[1]', '{3}', 'low');
  INSERT INTO u (t_id, n, d) VALUES (1, 5, '2026-01-01'), (1, 7, '2026-01-02'), (NULL, 0, NULL), (3, 5, '2026-01-03');
`;

const filled = (template: string, ...parts: fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
  fc.tuple(...parts).map((drawn) => template.replace(/\$(\d)/g, (_, index: string) => drawn[Number(index) - 1]!));

const { number, date, truth, text, other } = fc.letrec<Record<'number' | 'date' | 'truth' | 'text' | 'other', string>>((tie) => {
  const n = tie('number');
  const d = tie('date');
  const p = tie('truth');
  const s = tie('text');
  return {
    number: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      { weight: 4, arbitrary: fc.constantFrom('t.a', 't.b', 't.id', 't.p', '0', '2', '-3', '1.5', 't.f', 'NULL::int') },
      filled('($1 $2 $3)', n, fc.constantFrom('+', '-', '*', '/', '%'), n),
      filled('round($1::numeric, 1)', n),
      filled('($1)::$2', n, fc.constantFrom('int', 'bigint', 'numeric(6,2)', 'float8', 'smallint')),
      filled('nullif($1, $2)', n, n),
      filled('abs($1)', n),
      filled('(SELECT sum(u.n) FROM u WHERE u.t_id = t.id AND u.n > $1)', n),
      filled('(SELECT count(*) FILTER (WHERE u.n > 5) FROM u WHERE u.t_id = t.id)'),
      filled('(SELECT sums.n FROM sums WHERE sums.t_id = t.id)'),
      filled('(upper($1) - lower($1))', fc.constantFrom('t.during', "daterange('2026-01-01', '2026-01-03')")),
      filled('($1 - $2)', d, d),
      filled('extract($1 FROM $2)', fc.constantFrom('day', 'dow', 'year'), d),
      filled("(t.j->>'k')::int"),
      filled('cardinality(t.xs)'),
      filled('t.xs[$1]', fc.constantFrom('1', '2')),
      filled('length($1)', s),
      filled('CASE t.a WHEN $1 THEN $2 ELSE 0 END', fc.constantFrom('1', '-2'), n),
    ),
    date: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      { weight: 3, arbitrary: fc.constantFrom('t.d', 'CURRENT_DATE', "date '2026-01-02'", 't.at::date', 'now()::date') },
      filled('($1 + $2)', d, fc.constantFrom('1', '30', 't.a')),
      filled('coalesce($1, $2)', d, d),
      filled('lower(t.during)'),
    ),
    truth: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      { weight: 2, arbitrary: filled('$1 $2 $3', n, fc.constantFrom('=', '<>', '<', '>='), n) },
      { weight: 2, arbitrary: filled('$1 $2 $3', d, fc.constantFrom('=', '<', '>='), d) },
      filled('EXISTS (SELECT 1 FROM u WHERE u.t_id = t.id AND u.n < $1)', n),
      filled('NOT EXISTS (SELECT 1 FROM u WHERE u.t_id = t.id AND u.d = $1)', d),
      filled('$1 = ANY($2)', n, fc.constantFrom('t.xs', 'ARRAY[1,3]', '(SELECT n FROM u)')),
      filled('$1 NOT IN (SELECT n FROM u WHERE u.t_id = t.id)', n),
      filled(
        't.during && daterange($1, $2)',
        fc.constantFrom("'2026-01-02'", 'NULL'),
        fc.constantFrom("'2026-01-04'", "'2026-01-08'", "'2025-01-01'"),
      ),
      filled('t.during @> $1', d),
      filled('isempty(t.during)'),
      filled('t.g $1 $2', fc.constantFrom('=', '<', '>='), fc.constantFrom("'mid'", "'high'")),
      filled("t.j @> '$1'", fc.constantFrom('{"k": 1}', '[1]')),
      filled("t.j ? 'k'"),
      filled('$1 LIKE $2', s, fc.constantFrom("'a%'", "'_'", 'NULL')),
      filled('($1 AND $2)', p, p),
      filled('($1 OR $2)', p, p),
      filled('NOT ($1)', p),
      filled('($1) IS NOT TRUE', p),
      filled('($1, $2) = (1, 1)', n, n),
      filled('$1 IS DISTINCT FROM $2', n, n),
    ),
    text: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      { weight: 3, arbitrary: fc.constantFrom('t.s', "'a'", "'B'", 't.g::text', "t.j->>'k'") },
      filled('($1 || $2)', s, s),
      filled('upper($1)', s),
      filled("to_char($1, 'YYYY-MM')", d),
      filled("concat($1, '-', $2)", s, n),
      filled('left($1, 2)', s),
      filled('(SELECT string_agg(u.n::text, $1 ORDER BY u.n) FROM u WHERE u.t_id = t.id)', fc.constantFrom("','", "''")),
    ),
    other: fc.constantFrom(
      't.during',
      't.j',
      't.xs',
      't.at',
      't.made',
      "t.at + interval '90 minutes'",
      "date_trunc('month', t.at)",
      't.at - now()',
      "t.during * daterange('2026-01-02', '2026-01-20')",
      "tstzrange(t.at, t.at + interval '1 day')",
      "jsonb_build_object('a', t.a, 'd', t.d)",
      'array_append(t.xs, t.a)',
      'to_jsonb(t)',
      'ROW(t.a, t.s)',
      'ARRAY(SELECT u.n FROM u WHERE u.t_id = t.id ORDER BY u.n)',
      'make_interval(hours => t.a)',
      'LOCALTIMESTAMP',
      't.f',
      't',
    ),
  };
});
const value = fc.oneof(number, date, truth, text, other);
const order = fc.constantFrom('t.id', 't.a NULLS FIRST, t.id', 't.p DESC NULLS LAST, t.id DESC', 't.s, t.id', 't.g, t.id', '1');
const window = fc.constantFrom(
  'row_number() OVER (ORDER BY t.id)',
  'rank() OVER (PARTITION BY t.a ORDER BY t.b)',
  'dense_rank() OVER (ORDER BY t.p NULLS FIRST)',
  'lag(t.id) OVER (ORDER BY t.id)',
  'sum(t.id) OVER (PARTITION BY t.a)',
  'row_number() OVER (ORDER BY t.a)',
);
const aggregate = fc.oneof(
  fc.constantFrom(
    'count(*)',
    'avg(t.a)',
    'sum(t.p)',
    'max(t.d)',
    'bool_or(t.a > 0)',
    'count(DISTINCT t.a)',
    'max(t.s)',
    'string_agg(t.s, $$,$$ ORDER BY t.id)',
    'array_agg(t.id)',
    'sum(t.f)',
  ),
  filled('$1($2) FILTER (WHERE $3)', fc.constantFrom('count', 'sum', 'min', 'avg'), number, truth),
);

const statement: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: filled('SELECT t.id, $1 AS x, $2 AS y FROM t WHERE $3', value, value, truth) },
  { weight: 2, arbitrary: filled('SELECT t.id, $1 FROM t ORDER BY $2', value, order) },
  filled(
    'SELECT $1 AS k, $2 AS x FROM t GROUP BY k HAVING $3 ORDER BY k',
    fc.constantFrom('t.a', 't.g', 't.d', 't.p'),
    aggregate,
    fc.constantFrom('count(*) > 1', 'sum(t.a) > 0', 'true'),
  ),
  filled('SELECT t.id, u.id AS uid, $1 AS x FROM t LEFT JOIN u ON u.t_id = t.id GROUP BY t.id, u.id', aggregate),
  filled('SELECT $1, $2 FROM t', aggregate, aggregate),
  filled('SELECT t.id, $1 FROM t ORDER BY t.id', window),
  filled(
    'SELECT DISTINCT ON ($1) $1, t.id FROM t ORDER BY $1$2',
    fc.constantFrom('t.a', 't.g'),
    fc.constantFrom('', ', t.id', ', t.id DESC'),
  ),
  filled(
    'SELECT g.d::date, count(t.id) FROM generate_series(date $1, date $2, interval $3) AS g(d) LEFT JOIN t ON t.during @> g.d::date GROUP BY g.d ORDER BY g.d',
    fc.constantFrom("'2026-01-01'"),
    fc.constantFrom("'2026-01-04'", "'2025-01-01'"),
    fc.constantFrom("'1 day'", "'36 hours'"),
  ),
  filled(
    'SELECT t.id, x.n FROM t $1 JOIN LATERAL (SELECT u.n FROM u WHERE u.t_id = t.id ORDER BY u.n $2 LIMIT 1) x ON true WHERE $3',
    fc.constantFrom('LEFT', 'INNER'),
    fc.constantFrom('ASC', 'DESC'),
    truth,
  ),
  filled('WITH c AS (SELECT t.id, $1 AS x FROM t WHERE $2) SELECT * FROM c JOIN u ON u.t_id = c.id ORDER BY u.id', value, truth),
  filled('SELECT t.id FROM t WHERE $1 $2 SELECT u.n FROM u', truth, fc.constantFrom('UNION', 'UNION ALL', 'EXCEPT', 'INTERSECT')),
  filled('SELECT t.id FROM t WHERE $1 LIMIT $2', truth, fc.constantFrom('0', '1', '3', '9')),
  filled('SELECT t.*, u.n FROM t JOIN u ON u.t_id = t.id WHERE $1 ORDER BY u.id LIMIT 2 FOR UPDATE OF t', truth),
  { weight: 3, arbitrary: filled('UPDATE t SET a = $1, s = $2 WHERE $3 RETURNING *', number, text, truth) },
  {
    weight: 2,
    arbitrary: filled('UPDATE t SET p = $1, d = $2, g = DEFAULT WHERE $3 RETURNING t.id, p, twice, d, $4 AS x', number, date, truth, value),
  },
  filled(
    'UPDATE t SET a = u.n + $1, j = to_jsonb(u) FROM u WHERE u.t_id = t.id AND $2 RETURNING t.id, t.a, u.n, $3 AS x',
    number,
    truth,
    value,
  ),
  filled('UPDATE t SET (a, b) = (SELECT max(u.n), count(*) FROM u WHERE u.t_id = t.id) WHERE $1 RETURNING id, a, b', truth),
  filled(
    'UPDATE u SET n = u.n + c.x FROM (SELECT t.id, $1::int AS x FROM t WHERE $2) c WHERE c.id = u.t_id RETURNING u.*, c.x',
    number,
    truth,
  ),
  filled('DELETE FROM t USING u WHERE u.t_id = t.id AND u.n < $1 AND $2 RETURNING t.id, $3 AS x', number, truth, value),
  filled('DELETE FROM t WHERE $1 RETURNING *', truth),
  filled(
    'INSERT INTO t (id, a, s, d) VALUES ($1, $2, $3, DEFAULT) ON CONFLICT $4 RETURNING *',
    fc.constantFrom('1', '8'),
    fc.constantFrom('1', 'NULL', '2 + 2'),
    fc.constantFrom("'a'", "'B'", "'longer than it may be'"),
    fc.constantFrom(
      'DO NOTHING',
      '(id) DO NOTHING',
      '(id) DO UPDATE SET a = t.a + excluded.a, s = excluded.s',
      '(id) DO UPDATE SET b = 1 WHERE t.b > 10',
      '(lower(s)) WHERE a IS NOT NULL DO UPDATE SET p = 9',
    ),
  ),
  filled('INSERT INTO u (t_id, n) SELECT t.id, $1 FROM t WHERE $2 ORDER BY t.id RETURNING *', number, truth),
  filled(
    'INSERT INTO u (t_id, n) VALUES (1, $1), ($2, 3) ON CONFLICT (t_id, n) DO UPDATE SET n = u.n + 10 RETURNING id, n',
    fc.constantFrom('5', '6', '60'),
    fc.constantFrom('1', '3', '9'),
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

test(`PGlite answers random statements as the server does, or the model refuses them by name (seed ${SEED})`, async () => {
  const refused = new Map<string, number>();
  let asked = 0;
  const answered = async (sql: string): Promise<boolean> => {
    asked += 1;
    try {
      await run(modelOf(of([sql]), engine).machine, { choose: (choices) => choices[0]! });
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
    for (const sql of statements) if (await answered(sql)) known.push(sql);
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
  expect(total).toBeLessThan(asked / 4);
}, 3_600_000);

/** Each statement in a transaction of its own that is rolled back, so that all of them meet the same rows. */
const of = (statements: readonly string[]): ScriptedCase => ({
  schema,
  seed,
  scripts: [statements.map((sql) => `BEGIN; ${sql}; ROLLBACK`).join('; ')],
  isolation: 'READ COMMITTED',
  stubborn: true,
});
