import { describe, expect, test } from 'vitest';
import { ModelEngine } from '../src/engine/model/engine.js';
import { type Choice, sameChoice } from '../src/schedule/choice.js';
import { onServer, RC } from './model-cases.js';
import { modelOf } from './model-scripts.js';

/**
 * Which of its tables a statement locks first. Another takes both the other way round, or the same: every interleaving on the model, every transition
 * on a real server.
 */

const SCHEMA = `
  CREATE TABLE a (id int PRIMARY KEY, v int NOT NULL);
  CREATE TABLE b (id int PRIMARY KEY, a_id int NOT NULL, v int NOT NULL);
  CREATE TABLE c (id int PRIMARY KEY, v int NOT NULL);
`;
const SEED = 'INSERT INTO a VALUES (1, 1); INSERT INTO b VALUES (1, 1, 1); INSERT INTO c VALUES (1, 1)';

const { conforms } = onServer(SCHEMA, SEED);

const STATEMENTS = [
  'SELECT a.id, b.v FROM a JOIN b ON b.a_id = a.id',
  'SELECT a.id, b.v FROM b JOIN a ON b.a_id = a.id',
  'SELECT id, (SELECT count(*) FROM a) AS n FROM b',
  'SELECT id, (SELECT count(*) FROM b WHERE b.a_id = a.id) AS n FROM a',
  'SELECT id FROM b WHERE EXISTS (SELECT 1 FROM a WHERE a.id = b.a_id)',
  'SELECT b.id FROM b, (SELECT id FROM a) x WHERE x.id = b.a_id',
  'WITH n AS (SELECT id FROM b) SELECT a.id, (SELECT count(*) FROM n) AS n FROM a',
  'SELECT b.id FROM b JOIN a ON a.id = b.a_id FOR UPDATE OF a',
  'SELECT id FROM b UNION ALL SELECT id FROM a',
  'SELECT (SELECT count(*) FROM a) IS DISTINCT FROM v AS other FROM b',
  'UPDATE a SET v = (SELECT count(*) FROM b)',
  'UPDATE b SET v = a.v FROM a WHERE a.id = b.a_id',
  'WITH n AS (SELECT a_id, count(*)::int AS n FROM b GROUP BY a_id) UPDATE a SET v = n.n FROM n WHERE n.a_id = a.id',
  'INSERT INTO a SELECT id + 5, v FROM b',
  'INSERT INTO b SELECT id + 5, id, v FROM a',
  'WITH n AS (SELECT id + 5 AS id, v FROM b) INSERT INTO a SELECT id, v FROM n',
  'INSERT INTO a WITH n AS (SELECT id + 5 AS id, v FROM b) SELECT id, v FROM n',
  'DELETE FROM b USING a WHERE a.id = b.a_id',
  'DELETE FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.a_id = a.id + 1)',
];

const locking = (...tables: string[]) => ['BEGIN', ...tables.map((table) => `LOCK TABLE ${table}`), 'COMMIT'].join('; ');

describe.each(STATEMENTS)('%s', (statement) => {
  conforms([
    { name: 'beside a then b', scripts: [locking('a', 'b'), statement], sees: ['waits'], at: RC },
    { name: 'beside b then a', scripts: [locking('b', 'a'), statement], sees: ['waits'], at: RC },
  ]);
});

/** Statements over three tables of which `a` is locked first, and the order of the other two. */
const THREE: readonly (readonly [string, 'b then c' | 'c then b'])[] = [
  ['UPDATE a SET v = (SELECT count(*) FROM b) WHERE EXISTS (SELECT 1 FROM c)', 'c then b'],
  ['UPDATE a SET v = (SELECT count(*) FROM b) RETURNING (SELECT count(*) FROM c) AS n', 'c then b'],
  ['SELECT (SELECT count(*) FROM b) AS n, a.id FROM a JOIN c ON c.id = a.id', 'c then b'],
  ['SELECT id FROM a WHERE v = (SELECT max((SELECT count(*) FROM b)) FROM c)', 'c then b'],
  ['SELECT a.id FROM a, (SELECT (SELECT count(*) FROM b) AS n FROM c) x', 'c then b'],
  ['SELECT id FROM a WHERE EXISTS (SELECT 1 FROM b WHERE EXISTS (SELECT 1 FROM c))', 'b then c'],
  ['SELECT id, count(*) FROM a GROUP BY id, (SELECT count(*) FROM b) HAVING EXISTS (SELECT 1 FROM c)', 'c then b'],
  ['SELECT id FROM a ORDER BY (SELECT count(*) FROM b), id LIMIT (SELECT count(*) FROM c)', 'b then c'],
  ['SELECT id FROM a GROUP BY id, (SELECT count(*) FROM c) ORDER BY (SELECT count(*) FROM b)', 'b then c'],
  ['SELECT id FROM a UNION ALL (SELECT (SELECT count(*) FROM b)::int FROM c)', 'c then b'],
  ['WITH n AS (SELECT (SELECT count(*) FROM b) AS n FROM a) SELECT n FROM n, c', 'b then c'],
  ['INSERT INTO a VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET v = (SELECT count(*) FROM b) WHERE EXISTS (SELECT 1 FROM c)', 'b then c'],
  ['DELETE FROM a WHERE EXISTS (SELECT 1 FROM c) RETURNING (SELECT count(*) FROM b) AS n', 'c then b'],
];

describe.each(THREE)('%s', (statement, order) => {
  const [first, second] = order.split(' then ') as [string, string];
  conforms([
    { name: `beside ${first} then ${second}`, scripts: [locking(first, second), statement], sees: ['waits'], at: RC },
    { name: `beside ${second} then ${first}`, scripts: [locking(second, first), statement], sees: ['waits', '40P01'], at: RC },
  ]);
});

describe('who holds a lock that others wait for, and wants more of it', () => {
  const more = 'BEGIN; UPDATE a SET v = 2; LOCK TABLE a IN SHARE ROW EXCLUSIVE MODE NOWAIT; COMMIT';
  conforms([
    { name: 'goes before them', scripts: [more.replace(' NOWAIT', ''), locking('a')], sees: ['waits', 'LOCK'], at: RC },
    {
      name: 'does so with NOWAIT since 17',
      scripts: [more, 'BEGIN; LOCK TABLE a IN SHARE ROW EXCLUSIVE MODE; COMMIT'],
      sees: (major) => ['waits', 'LOCK', ...(major >= 17 ? [] : ['55P03'])],
      at: RC,
    },
    {
      name: 'and with pg_try_advisory_xact_lock',
      scripts: [
        'BEGIN; SELECT pg_advisory_xact_lock_shared(1); SELECT pg_try_advisory_xact_lock(1) AS got; COMMIT',
        'BEGIN; SELECT pg_advisory_xact_lock(1); COMMIT',
      ],
      sees: ['waits', 'SELECT 1'],
      at: RC,
    },
  ]);

  test.each([
    [16, true],
    [17, false],
  ])('the model waits to be told the major version, here %i, where it matters', async (major, refuses) => {
    const scripts = [more, 'BEGIN; LOCK TABLE a IN SHARE ROW EXCLUSIVE MODE; COMMIT'];
    const told = new Promise<number>((resolve) => setTimeout(() => resolve(major), 20));
    const engine = new ModelEngine({ major: told });
    const { machine } = modelOf({ schema: SCHEMA, seed: SEED, scripts, isolation: 'READ COMMITTED' }, engine);
    const schedule = [0, 1, 0, 0, 1, 1].map((actor): Choice => ({ actor, kind: 'step' }));
    let now = await machine.start();
    const codes: string[] = [];
    for (const choice of schedule) {
      if (!machine.choices(now).some((item) => sameChoice(item, choice))) continue;
      const step = await machine.apply(now, choice);
      now = step.after;
      if (step.outcome.kind !== 'blocked' && step.outcome.reply.kind === 'error') codes.push(step.outcome.reply.code);
    }
    expect(codes.includes('55P03')).toBe(refuses);
  });
});
