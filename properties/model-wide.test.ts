import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UnmodelledError } from '../src/engine/contract.js';
import { ModelEngine } from '../src/engine/model/engine.js';
import { PostgresEngine } from '../src/engine/postgres/engine.js';

import type { PostgresServer } from '../src/engine/postgres/providers/server.js';
import { lockstep } from '../src/explore/lockstep.js';
import type { Script } from '../src/fuzz/scripted.js';
import { Machine } from '../src/machine.js';
import type { Plan } from '../src/plan/plan.js';
import { run, scheduleOf } from '../src/run.js';
import type { IsolationLevel, Scenario } from '../src/scenario.js';
import { confirm, modelOf } from './model-scripts.js';
import { openPinnedServer } from './pinned-server.js';

/** SQL that pg-mem is not asked about, under contention: every interleaving on the model, every transition on a real server. */

const BOTH: readonly IsolationLevel[] = ['READ COMMITTED', 'REPEATABLE READ'];
const RC: readonly IsolationLevel[] = ['READ COMMITTED'];

interface Case {
  readonly name: string;
  readonly scripts: readonly Script[];
  readonly sees?: readonly string[];
  readonly at?: readonly IsolationLevel[];
  readonly stubborn?: boolean;
}

let server: PostgresServer;
let postgres: PostgresEngine;
const engine = new ModelEngine();

beforeAll(async () => {
  server = await openPinnedServer();
  postgres = new PostgresEngine(server, { looksAlways: true });
}, 60_000);

afterAll(async () => {
  await postgres.close();
  await server.close();
});

function conforms(schema: string, seed: string, cases: readonly Case[]): void {
  const each = cases.flatMap((item) => (item.at ?? BOTH).map((isolation) => ({ ...item, isolation })));
  for (const { name, scripts, sees, isolation, stubborn } of each)
    test(`${name} (${isolation})`, async () => {
      const { difference, seen } = await confirm({ schema, seed, scripts, isolation, stubborn: stubborn ?? false }, engine, postgres);
      expect(difference).toBeNull();
      for (const what of sees ?? []) expect([...seen]).toContain(what);
    }, 60_000);
}

const block = (...statements: string[]): Script => ['BEGIN', ...statements, 'COMMIT'].join('; ');

const rooms = `
  CREATE TABLE rooms (id int PRIMARY KEY, free int NOT NULL, CONSTRAINT free_left CHECK (free >= 0));
  CREATE TABLE orders (id int PRIMARY KEY, room_id int NOT NULL, wanted int NOT NULL, code int UNIQUE);
`;
const roomsSeed = `
  INSERT INTO rooms (id, free) VALUES (1, 2), (2, 1);
  INSERT INTO orders (id, room_id, wanted, code) VALUES (1, 1, 1, 10), (2, 2, 1, NULL);
`;
const addOne = 'UPDATE rooms SET free = free + 1 WHERE id = 1';

describe('joins that change or lock rows', () => {
  conforms(rooms, roomsSeed, [
    {
      name: 'UPDATE FROM meets an update of its target',
      scripts: [
        block('UPDATE rooms r SET free = free - o.wanted FROM orders o WHERE o.room_id = r.id AND o.id = 1 RETURNING r.id, free, o.wanted'),
        block(addOne),
      ],
      sees: ['waits'],
    },
    {
      name: 'UPDATE FROM keeps its join partner when the partner changes, too',
      at: RC,
      scripts: [
        block('UPDATE rooms SET free = rooms.free + wanted FROM orders WHERE room_id = rooms.id AND orders.id = 1 RETURNING *'),
        block(addOne, 'UPDATE orders SET wanted = 5 WHERE id = 1'),
      ],
      sees: ['waits'],
    },
    {
      name: 'UPDATE FROM whose condition does not hold any more',
      scripts: [
        block('UPDATE rooms SET free = 0 FROM orders o WHERE o.room_id = rooms.id AND o.wanted < rooms.free AND o.id = 1'),
        block('UPDATE rooms SET free = 1 WHERE id = 1'),
      ],
      sees: ['waits', 'UPDATE 1'],
    },
    {
      name: 'UPDATE FROM an aggregate in a subquery',
      scripts: [
        block(
          'UPDATE rooms SET free = free + x.total FROM (SELECT room_id, sum(wanted)::int AS total FROM orders GROUP BY room_id) x WHERE x.room_id = rooms.id AND rooms.id = 1 RETURNING free, total',
        ),
        block(addOne, 'UPDATE orders SET wanted = 7 WHERE id = 1'),
      ],
      sees: ['waits'],
    },
    {
      name: 'UPDATE FROM a WITH query',
      scripts: [
        block(
          'WITH c AS (SELECT room_id, count(*) AS n FROM orders GROUP BY room_id) UPDATE rooms SET free = free + n::int FROM c WHERE c.room_id = rooms.id AND rooms.id = 1 RETURNING *',
        ),
        block(addOne),
      ],
      sees: ['waits'],
    },
    {
      name: 'UPDATE FROM with an outer join',
      at: RC,
      scripts: [
        block(
          'UPDATE rooms r SET free = r.free + coalesce(o.wanted, 10) FROM rooms s LEFT JOIN orders o ON o.room_id = s.id AND o.code > 10 WHERE s.id = r.id AND r.id = 1 RETURNING r.*, o.id',
        ),
        block(addOne, 'UPDATE orders SET code = 11 WHERE id = 1'),
      ],
      sees: ['waits'],
    },
    {
      name: 'DELETE USING',
      scripts: [
        block('DELETE FROM orders o USING rooms r WHERE r.id = o.room_id AND r.free > o.wanted RETURNING o.id, r.free'),
        block('UPDATE orders SET wanted = 2 WHERE id = 1'),
      ],
      sees: ['waits'],
    },
    {
      name: 'FOR UPDATE of a join',
      scripts: [
        block('SELECT r.id, r.free, o.wanted FROM rooms r JOIN orders o ON o.room_id = r.id WHERE o.id = 1 AND r.free > 1 FOR UPDATE'),
        block('UPDATE rooms SET free = free - 1 WHERE id = 1', 'UPDATE orders SET wanted = 3 WHERE id = 1'),
      ],
      sees: ['waits'],
    },
    {
      name: 'FOR UPDATE OF one of two',
      scripts: [
        block('SELECT r.free, o.wanted FROM rooms r JOIN orders o ON o.room_id = r.id WHERE o.id = 1 FOR NO KEY UPDATE OF r'),
        block('UPDATE orders SET wanted = 3 WHERE id = 1', addOne),
      ],
      sees: ['waits'],
    },
    {
      name: 'the first that nobody has',
      scripts: [0, 1].map(() =>
        block('SELECT id FROM rooms WHERE free > 0 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED', 'UPDATE rooms SET free = 0 WHERE id = 1'),
      ),
      sees: ['SELECT 1'],
    },
    {
      name: 'OF says in which order rows are locked',
      scripts: [
        block('SELECT r.id, o.id FROM rooms r JOIN orders o ON o.room_id = r.id WHERE o.id = 1 FOR UPDATE OF o, r'),
        block('UPDATE rooms SET free = 3 WHERE id = 1'),
        'SELECT id FROM orders WHERE id = 1 FOR UPDATE SKIP LOCKED',
      ],
      sees: ['waits', 'SELECT 0'],
      at: RC,
    },
    {
      name: 'several clauses, each with its mode and its way of waiting',
      scripts: [
        block('SELECT r.id, o.wanted FROM rooms r JOIN orders o ON o.room_id = r.id WHERE o.id = 1 FOR SHARE OF r FOR UPDATE OF o NOWAIT'),
        block(
          'SELECT id FROM rooms WHERE id = 1 FOR SHARE',
          'UPDATE orders SET wanted = 2 WHERE id = 1',
          'UPDATE rooms SET free = 1 WHERE id = 1',
        ),
      ],
      sees: ['waits', '55P03', 'UPDATE 1'],
    },
    {
      name: 'of two clauses for one table the stronger counts, and the firmer',
      scripts: [
        block('SELECT o.id FROM rooms r, orders o WHERE o.room_id = r.id ORDER BY o.id FOR UPDATE OF r SKIP LOCKED FOR KEY SHARE LIMIT 1'),
        block('SELECT id FROM rooms WHERE id = 1 FOR SHARE', 'DELETE FROM orders WHERE id = 2'),
      ],
      sees: ['waits', 'SELECT 1'],
      at: RC,
    },
    {
      name: 'OF something that is not there, or a function',
      scripts: ['SELECT 1 FROM rooms r FOR UPDATE OF rooms; SELECT 1 FROM rooms, generate_series(1, 2) g FOR UPDATE OF g'],
      stubborn: true,
      sees: ['42P01', '0A000'],
      at: RC,
    },
    {
      name: 'LIMIT waits for the rows that it needs, and no others',
      scripts: [
        block('SELECT id, free FROM rooms WHERE free > 0 ORDER BY id LIMIT 1 FOR UPDATE'),
        block('UPDATE rooms SET free = 0 WHERE id = 1'),
        'UPDATE rooms SET free = 5 WHERE id = 2',
      ],
      sees: ['waits'],
    },
  ]);
});

describe('foreign keys that only PostgreSQL has read', () => {
  const schema = `
    CREATE TABLE halls (town text, number int, PRIMARY KEY (town, number));
    CREATE TABLE shows (
      id int PRIMARY KEY, town text, number int,
      FOREIGN KEY (town, number) REFERENCES halls ON DELETE SET NULL (number) ON UPDATE CASCADE
    );
  `;
  conforms(schema, "INSERT INTO halls VALUES ('Ulm', 1); INSERT INTO shows VALUES (1, 'Ulm', 1)", [
    {
      name: 'SET NULL of one column, and CASCADE',
      scripts: [
        block('DELETE FROM halls', 'SELECT town, number FROM shows'),
        block("UPDATE halls SET town = 'Bonn' WHERE number = 1", 'SELECT town, number FROM shows FOR UPDATE'),
      ],
      sees: ['waits', 'SELECT 1', 'UPDATE 0'],
      at: RC,
    },
  ]);
});

describe('subqueries that lock', () => {
  const take = (clause: string) =>
    `UPDATE rooms SET free = free - 1 WHERE id = (SELECT id FROM rooms WHERE free > 0 ORDER BY id LIMIT 1 FOR UPDATE${clause}) RETURNING id, free`;
  conforms(rooms, roomsSeed, [
    { name: 'the next that nobody has', scripts: [block(take(' SKIP LOCKED')), block(take(' SKIP LOCKED'))], sees: ['UPDATE 1'] },
    { name: 'the next, waited for', scripts: [block(take('')), block(take(''), take(''))], sees: ['waits'] },
    {
      name: 'the next meets an update after which it is not the next',
      scripts: [block(take('')), block('UPDATE rooms SET free = 0 WHERE id = 1')],
      sees: ['waits'],
    },
    {
      name: 'several at once, in an array',
      scripts: [0, 1].map(() =>
        block('DELETE FROM rooms WHERE id = ANY (ARRAY(SELECT id FROM rooms ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)) RETURNING *'),
      ),
      sees: ['DELETE 1'],
    },
    {
      name: 'a WITH query',
      scripts: [
        block(
          'WITH picked AS (SELECT id, room_id FROM orders ORDER BY id LIMIT 1 FOR UPDATE) UPDATE orders o SET wanted = wanted + 1 FROM picked p WHERE p.id = o.id RETURNING o.*, p.room_id',
        ),
        block('UPDATE orders SET wanted = 5, room_id = 3 WHERE id = 1'),
      ],
      sees: ['waits'],
    },
  ]);
});

describe('conditions with subqueries', () => {
  conforms(rooms, roomsSeed, [
    {
      name: 'a correlated subquery sees the snapshot on a recheck',
      scripts: [
        block('UPDATE rooms r SET free = free + (SELECT count(*)::int FROM orders o WHERE o.room_id = r.id) WHERE id = 1 RETURNING *'),
        block('INSERT INTO orders VALUES (3, 1, 1, 30)', addOne),
      ],
      sees: ['waits'],
    },
    {
      name: 'NOT EXISTS does not keep two from inserting',
      scripts: [3, 4].map((id) =>
        block(`INSERT INTO orders SELECT ${id}, 1, 1, NULL WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.room_id = 1 AND o.id > 2)`),
      ),
      sees: ['INSERT 1'],
    },
    {
      name: 'a guarded delete',
      scripts: [
        block(
          'DELETE FROM rooms r WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.room_id = r.id AND o.wanted > 0) AND free < 2 RETURNING *',
        ),
        block('UPDATE orders SET wanted = 0 WHERE id = 2', 'UPDATE rooms SET free = 1 WHERE id = 2'),
      ],
    },
  ]);
});

describe('ON CONFLICT', () => {
  const upsert = (id: number, wanted: number) =>
    `INSERT INTO orders VALUES (${id}, 1, ${wanted}, NULL) ON CONFLICT (id) DO UPDATE SET wanted = orders.wanted + excluded.wanted RETURNING id, wanted`;
  conforms(rooms, roomsSeed, [
    { name: 'two upserts of a new row', scripts: [block(upsert(5, 1)), block(upsert(5, 2))], sees: ['waits', 'INSERT 1'] },
    { name: 'two upserts of an old row', scripts: [block(upsert(1, 1)), block(upsert(1, 2))], sees: ['waits'] },
    { name: 'an upsert after a rollback', scripts: [`BEGIN; ${upsert(5, 1)}; ROLLBACK`, block(upsert(5, 2))], sees: ['waits'] },
    { name: 'an upsert meets a delete', scripts: [block(upsert(1, 1)), block('DELETE FROM orders WHERE id = 1')], sees: ['waits'] },
    {
      name: 'an upsert meets an update',
      scripts: [block(upsert(1, 1)), block('UPDATE orders SET wanted = 9 WHERE id = 1')],
      sees: ['waits'],
    },
    {
      name: 'an upsert meets a move of the key',
      scripts: [block(upsert(1, 1)), block('UPDATE orders SET id = 7 WHERE id = 1')],
      sees: ['waits'],
    },
    {
      name: 'an upsert meets FOR SHARE',
      scripts: [block(upsert(1, 1)), block('SELECT id FROM orders WHERE id = 1 FOR SHARE')],
      sees: ['waits'],
    },
    {
      name: 'an upsert meets FOR KEY SHARE',
      scripts: [block(upsert(1, 1)), block('SELECT id FROM orders WHERE id = 1 FOR KEY SHARE')],
    },
    {
      name: 'DO NOTHING waits for who has the key',
      scripts: [
        block('INSERT INTO orders VALUES (5, 1, 1, 50) ON CONFLICT DO NOTHING RETURNING id'),
        block('INSERT INTO orders VALUES (6, 2, 1, 50) ON CONFLICT (code) DO NOTHING RETURNING id'),
      ],
      sees: ['waits', 'INSERT 0', 'INSERT 1'],
    },
    {
      name: 'DO NOTHING meets a row that the snapshot does not show',
      scripts: [
        block('SELECT 1', 'INSERT INTO orders VALUES (5, 1, 1, 50) ON CONFLICT DO NOTHING'),
        'INSERT INTO orders VALUES (5, 2, 2, 51)',
      ],
    },
    {
      name: 'DO UPDATE with a condition',
      scripts: [
        block('INSERT INTO orders VALUES (1, 1, 1) ON CONFLICT (id) DO UPDATE SET wanted = 0 WHERE orders.wanted > 1 RETURNING wanted'),
        block('UPDATE orders SET wanted = wanted + 1 WHERE id = 1'),
      ],
      sees: ['waits', 'INSERT 0'],
    },
    {
      name: 'DO UPDATE of a key',
      scripts: [
        block('INSERT INTO orders VALUES (1, 1, 1) ON CONFLICT (id) DO UPDATE SET code = 99'),
        block('SELECT id FROM orders WHERE id = 1 FOR KEY SHARE'),
      ],
      sees: ['waits'],
    },
    {
      name: 'several rows at once',
      scripts: [
        block('INSERT INTO orders VALUES (1, 1, 1), (8, 1, 1) ON CONFLICT (id) DO UPDATE SET wanted = excluded.wanted + 1'),
        block('INSERT INTO orders VALUES (8, 1, 5), (1, 1, 5) ON CONFLICT (id) DO UPDATE SET wanted = excluded.wanted + 1'),
      ],
      sees: ['waits', 'INSERT 2'],
    },
  ]);
});

const stays = `
  CREATE TYPE phase AS ENUM ('held', 'paid', 'gone');
  CREATE TABLE stays (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email varchar(20) NOT NULL, during daterange NOT NULL, state phase NOT NULL DEFAULT 'held',
    price numeric(10,2) NOT NULL DEFAULT 1.5 CHECK (price > 0), tags text[] NOT NULL DEFAULT '{}', extra jsonb,
    doubled numeric GENERATED ALWAYS AS (price * 2) STORED, made timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
  );
  CREATE UNIQUE INDEX one_stay ON stays (lower(email)) WHERE state <> 'gone';
  CREATE TABLE nights (stay_id int NOT NULL REFERENCES stays ON DELETE CASCADE, night date NOT NULL, PRIMARY KEY (stay_id, night));
  CREATE VIEW open_stays AS SELECT id, email FROM stays WHERE state = 'held';
`;
const staysSeed = `
  INSERT INTO stays (email, during) VALUES ('ann', '[2026-01-01,2026-01-03)'), ('bob', '[2026-02-01,2026-02-02)');
  INSERT INTO nights SELECT s.id, d::date FROM stays s, generate_series(lower(s.during), upper(s.during) - 1, '1 day') d;
`;

describe('a schema that only PostgreSQL understands', () => {
  const book = (email: string) =>
    `INSERT INTO stays (email, during) VALUES ('${email}', '[2026-03-01,2026-03-02)') RETURNING id, email, doubled, made`;
  conforms(stays, staysSeed, [
    {
      name: 'two entries of one key in a partial index',
      scripts: [block(book('cy')), block(book('CY'))],
      sees: ['waits', '23505', 'INSERT 1'],
    },
    {
      name: 'a row that leaves the partial index makes room',
      scripts: [block("UPDATE stays SET state = 'gone' WHERE id = 1"), block(book('Ann'))],
      sees: ['waits', '23505', 'INSERT 1'],
    },
    {
      name: 'a row that comes into the partial index',
      scripts: [block("UPDATE stays SET state = 'gone' WHERE id = 1", "UPDATE stays SET state = 'held' WHERE id = 1"), block(book('ann'))],
      sees: ['waits', '23505'],
    },
    {
      name: 'ON CONFLICT with the predicate of the index',
      scripts: [0, 1].map(() =>
        block(
          "INSERT INTO stays (email, during) VALUES ('dee', 'empty') ON CONFLICT (lower(email)) WHERE state <> 'gone' DO UPDATE SET price = stays.price + 1 RETURNING id, price, doubled",
        ),
      ),
      sees: ['waits'],
    },
    {
      name: 'numeric, jsonb and arrays through a recheck',
      scripts: [
        block(
          "UPDATE stays SET price = price * 1.1, tags = array_append(tags, 'a'), extra = jsonb_build_object('price', price) WHERE id = 1 RETURNING price, doubled, tags, extra",
        ),
        block(
          "UPDATE stays SET price = price + 0.25, tags = array_append(tags, 'b') WHERE during && daterange('2026-01-02', '2026-01-09') RETURNING price, tags",
        ),
      ],
      sees: ['waits'],
    },
    {
      name: 'a cascade',
      scripts: [
        block('DELETE FROM stays WHERE id = 1 RETURNING email'),
        block("INSERT INTO nights VALUES (1, '2026-01-09') ON CONFLICT DO NOTHING"),
      ],
      sees: ['waits', '23503'],
    },
    {
      name: 'a view, and a CHECK that fails',
      scripts: [
        block('SELECT count(*) FROM open_stays', 'UPDATE stays SET price = price - 2 WHERE id = 2'),
        block("UPDATE stays SET state = 'paid' WHERE id = 2"),
      ],
      sees: ['23514'],
      stubborn: true,
    },
  ]);
});

describe('parameters', () => {
  const calls: readonly (readonly [string, readonly unknown[]])[] = [
    ['SELECT id FROM rooms WHERE id = ANY($1) ORDER BY id', [[1, 2]]],
    ['SELECT id FROM rooms WHERE id = ANY($1::int[]) AND free > $2', [[], 0]],
    ['SELECT $1::jsonb AS j, $2::date + 1 AS d, $3::numeric * 2 AS n', [{ a: [1] }, '2026-01-31', 1.25]],
    ['SELECT $1::timestamptz AS at', [new Date('2026-01-02T03:04:05.678Z')]],
    ['INSERT INTO orders VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET wanted = $3 + excluded.wanted RETURNING *', [1, 2, 3]],
    [
      'UPDATE rooms SET free = free - $1 FROM unnest($2::int[]) AS picked(id) WHERE rooms.id = picked.id RETURNING rooms.id, free',
      [1, [1, 2]],
    ],
    ['SELECT id FROM rooms WHERE free > $2 ORDER BY id LIMIT $1 FOR UPDATE', [1, 0]],
    [
      'UPDATE rooms SET free = 0 WHERE id = (SELECT id FROM rooms WHERE free > $1 ORDER BY id LIMIT 1 FOR UPDATE) RETURNING id, $2::text AS note',
      [1, 'x'],
    ],
    ['SELECT id FROM rooms WHERE id = ANY($1)', ['{1,x}']],
    ['SELECT id FROM rooms WHERE EXISTS (SELECT 1 FROM orders WHERE room_id = rooms.id AND code = $1)', []],
  ];
  const scenario: Scenario = {
    name: 'wide/parameters',
    description: 'Statements with parameters, each in a transaction that is rolled back.',
    schema: rooms,
    seed: () => roomsSeed,
    operations: {
      all: async ({ client }) => {
        for (const [text, values] of calls) {
          await client.query('BEGIN');
          await client.query(text, [...values]).catch(() => undefined);
          await client.query('ROLLBACK');
        }
      },
    },
    workloads: [],
    invariants: [],
    expect: {},
  };
  const actors = [{ name: 'a', operation: 'all', input: {} }];
  const plan: Plan = {
    scenario: scenario.name,
    workload: 'parameters',
    isolation: 'READ COMMITTED',
    capacity: 1,
    actors,
    seed: 'parameters',
  };

  test('are what the server makes of them', async () => {
    const model = new Machine(scenario, plan, engine);
    const schedule = scheduleOf(await run(model, { choose: (choices) => choices[0]! }));
    const { model: steps, difference } = await lockstep(model, new Machine(scenario, plan, postgres), schedule);
    expect(difference).toBeNull();
    const codes = steps.flatMap(({ outcome }) => (outcome.kind === 'done' && outcome.reply.kind === 'error' ? [outcome.reply.code] : []));
    expect(codes).toEqual(['22P02', '08P01']);
  });
});

describe('what is open, or not known, is refused by name', () => {
  test.each([
    ['SELECT id FROM rooms LIMIT 1', 'an answer that depends on the order'],
    ['SELECT array_agg(id) FROM rooms', 'an answer that depends on the order'],
    ['SELECT DISTINCT ON (room_id > 0) id FROM orders', 'an answer that depends on the order'],
    ['UPDATE rooms SET free = o.id FROM orders o', 'an answer that depends on the order'],
    ['SELECT id FROM rooms WHERE free > 0 LIMIT 1 FOR UPDATE SKIP LOCKED', 'LIMIT without ORDER BY'],
    ['SELECT uuidv7()', 'the function uuidv7'],
    ['SELECT txid_current()', 'the function txid_current'],
    ["SELECT 'now'::timestamptz", "'now', which reads the server's clock"],
    ['SELECT xmin FROM rooms', 'xmin'],
    ['SELECT relname FROM pg_class', 'pg_class'],
    ['SELECT CURRENT_USER', 'current_user'],
    ['UPDATE rooms SET free = 1 WHERE id IN (SELECT id FROM rooms ORDER BY id LIMIT 1 FOR UPDATE)', 'a locking clause in a subquery'],
    ['MERGE INTO rooms USING orders ON rooms.id = room_id WHEN MATCHED THEN DELETE', 'the parser does not know this statement'],
  ])('%s', async (sql, reason) => {
    const { machine } = modelOf({ schema: rooms, seed: roomsSeed, scripts: [sql], isolation: 'READ COMMITTED' }, engine);
    await expect(run(machine, { choose: (choices) => choices[0]! })).rejects.toThrow(UnmodelledError);
    await expect(run(machine, { choose: (choices) => choices[0]! })).rejects.toThrow(reason);
  });

  test('a mistake in the schema is an error of the scenario', async () => {
    const schema = 'CREATE TABLE x (id nonsense PRIMARY KEY)';
    const { machine } = modelOf({ schema, seed: '', scripts: ['SELECT 1'], isolation: 'READ COMMITTED' });
    await expect(machine.start()).rejects.toThrow(`the schema: type "nonsense" does not exist, in: ${schema}`);
  });

  test('what a foreign key does to rows of which more is to be computed', async () => {
    const schema = `CREATE TABLE x (id int PRIMARY KEY);
      CREATE TABLE y (id int PRIMARY KEY, x int REFERENCES x ON DELETE SET NULL, twice int GENERATED ALWAYS AS (x * 2) STORED);`;
    const removing = async (seed: string) => {
      const { machine } = modelOf({ schema, seed, scripts: ['DELETE FROM x'], isolation: 'READ COMMITTED' });
      await run(machine, { choose: (choices) => choices[0]! });
    };
    await expect(removing('INSERT INTO x VALUES (1); INSERT INTO y VALUES (1, 1)')).rejects.toThrow('which has generated columns');
    await removing('INSERT INTO x VALUES (1)');
  });

  test('a trigger, when its table is written to', async () => {
    const schema = `CREATE TABLE x (id int PRIMARY KEY);
      CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM 1; RETURN NEW; END $$;
      CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW EXECUTE FUNCTION f();`;
    const { machine } = modelOf({ schema, seed: '', scripts: ['INSERT INTO x VALUES (1)'], isolation: 'READ COMMITTED' });
    await expect(run(machine, { choose: (choices) => choices[0]! })).rejects.toThrow('trigger t of x, with PERFORM in it');
  });
});
