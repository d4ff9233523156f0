import { describe, expect, test } from 'vitest';
import { search } from '../src/explore/search.js';
import { run } from '../src/run.js';
import type { IsolationLevel } from '../src/scenario.js';
import { block, type Case, onServer } from './model-cases.js';
import { modelOf } from './model-scripts.js';

/** Queries of WITH that modify, under contention: every interleaving on the model, every transition on a real server. */

const schema = `
  CREATE TABLE events (id int PRIMARY KEY, seats int NOT NULL, CONSTRAINT seats_left CHECK (seats >= 0));
  CREATE TABLE bookings (id int PRIMARY KEY, event_id int NOT NULL REFERENCES events, who text NOT NULL, CONSTRAINT one_each UNIQUE (event_id, who));
  CREATE TABLE keys (key text PRIMARY KEY, at timestamptz NOT NULL, booking_id int REFERENCES bookings);
`;
const seed = `
  INSERT INTO events VALUES (1, 1), (2, 2);
  INSERT INTO bookings VALUES (9, 2, 'zoe');
`;

const { conforms } = onServer(schema, seed);

const LEVELS: readonly IsolationLevel[] = ['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'];

const book = (id: number, who: string, event = 1) =>
  `WITH taken AS (UPDATE events SET seats = seats - 1 WHERE id = ${event} AND seats > 0 RETURNING id) INSERT INTO bookings SELECT ${id}, taken.id, '${who}' FROM taken RETURNING *`;
const cancel = (id: number) =>
  `WITH gone AS (DELETE FROM bookings WHERE id = ${id} RETURNING event_id) UPDATE events SET seats = seats + 1 FROM gone WHERE gone.event_id = events.id RETURNING events.*`;
const once = (key: string, id: number) =>
  `WITH k AS (INSERT INTO keys VALUES ('${key}', now(), NULL) ON CONFLICT DO NOTHING RETURNING key, at) INSERT INTO bookings SELECT ${id}, 2, k.key FROM k RETURNING id`;

const CASES: readonly Case[] = [
  { name: 'two want the last seat', scripts: [book(1, 'ann'), book(2, 'bob')], sees: ['waits'] },
  { name: 'two want the last seat, in transactions', scripts: [block(book(1, 'ann')), block(book(2, 'bob'))], sees: ['waits'] },
  { name: 'one who gives up', scripts: [`BEGIN; ${book(1, 'ann')}; ROLLBACK`, book(2, 'bob')], sees: ['waits'] },
  { name: 'the same guest twice', scripts: [book(1, 'ann', 2), block(book(2, 'ann', 2))], sees: ['waits', '23505'] },
  { name: 'a booking and its cancellation', scripts: [cancel(9), block(book(1, 'ann', 2))], sees: ['waits'] },
  { name: 'two cancellations of one booking', scripts: [cancel(9), block(cancel(9))], sees: ['waits'] },
  { name: 'an order sent twice', scripts: [once('k', 1), block(once('k', 2))], sees: ['waits'] },
  {
    name: 'its own foreign key is checked when all is written',
    scripts: [
      "WITH b AS (INSERT INTO bookings VALUES (1, 2, 'ann') RETURNING event_id) UPDATE events SET seats = seats - 1 WHERE id = 1 AND EXISTS (SELECT 1 FROM b)",
      block('UPDATE events SET seats = 5 WHERE id = 1', 'DELETE FROM bookings WHERE event_id = 2', 'DELETE FROM events WHERE id = 2'),
    ],
    sees: ['waits', '23503'],
  },
  {
    name: 'the row that the rest looks up',
    scripts: [
      "WITH b AS (INSERT INTO bookings VALUES (1, 2, 'ann') RETURNING event_id) UPDATE events SET seats = seats - 1 WHERE id = (SELECT event_id FROM b) AND seats > 0 RETURNING seats",
      block('UPDATE events SET seats = 0 WHERE id = 2'),
    ],
    sees: ['waits'],
  },
  {
    name: 'VALUES that ask for its row',
    scripts: [
      "WITH taken AS (UPDATE events SET seats = seats - 1 WHERE id = 1 AND seats > 0 RETURNING id) INSERT INTO bookings VALUES (1, (SELECT id FROM taken), 'ann')",
      block('UPDATE events SET seats = 0 WHERE id = 1'),
    ],
    sees: ['waits', '23502'],
  },
  {
    name: 'three parts, one after the other',
    scripts: [
      "WITH taken AS (UPDATE events SET seats = seats - 1 WHERE id = 1 AND seats > 0 RETURNING id), b AS (INSERT INTO bookings SELECT 1, id, 'ann' FROM taken RETURNING id, who), k AS (INSERT INTO keys SELECT who, now(), b.id FROM b RETURNING key) SELECT count(*)::int AS n, max(key) AS key FROM k",
      block("INSERT INTO keys VALUES ('ann', now(), NULL)", 'UPDATE events SET seats = seats + 1 WHERE id = 1'),
    ],
    sees: ['waits', '23505', '40P01'],
  },
  {
    name: 'several rows, for a SELECT',
    scripts: [
      'WITH raised AS (UPDATE events SET seats = seats + 1 RETURNING id, seats) SELECT sum(seats)::int AS seats FROM raised',
      block('UPDATE events SET seats = 0 WHERE id = 2', 'UPDATE events SET seats = 7 WHERE id = 1'),
    ],
    sees: ['waits', '40P01'],
  },
  {
    name: 'nobody sees what the other part has written',
    scripts: [
      'WITH raised AS (UPDATE events SET seats = seats + 1 WHERE id = 1 RETURNING seats) SELECT raised.seats AS new, events.seats AS old FROM raised, events WHERE events.id = 1',
      block('UPDATE events SET seats = seats + 10 WHERE id = 1'),
    ],
    sees: ['waits'],
  },
  {
    name: 'a plain query beside it',
    scripts: [
      "WITH e AS (SELECT max(id) AS id FROM events), taken AS (UPDATE events SET seats = seats - 1 FROM e WHERE events.id = e.id AND seats > 0 RETURNING events.id) INSERT INTO bookings (id, event_id, who) SELECT 1, t.id, 'ann' FROM taken AS t",
      block('UPDATE events SET seats = 0 WHERE id = 2'),
    ],
    sees: ['waits'],
  },
  {
    name: 'a part that knows only some of the parameters',
    scripts: [
      `WITH k AS (INSERT INTO keys VALUES ($2, now(), NULL) ON CONFLICT (key) DO NOTHING RETURNING key) UPDATE events SET seats = seats - $3 FROM k WHERE id = $1 RETURNING k.key /* [2,"k",1] */`,
      block("INSERT INTO keys VALUES ('k', now(), NULL)"),
    ],
    sees: ['waits'],
  },
  {
    name: 'a rest that looks at nothing else',
    scripts: [
      'WITH raised AS (UPDATE events SET seats = seats + 1 WHERE id = 1 RETURNING seats) SELECT sum(seats)::int AS seats FROM raised',
      block('SAVEPOINT s', 'UPDATE events SET seats = 5 WHERE id = 1', 'ROLLBACK TO s'),
      block('SELECT sum(seats)::int FROM events', 'UPDATE events SET seats = 7 WHERE id = 2'),
    ],
    sees: ['waits'],
  },
  {
    name: 'a rest that looks at nothing else, around one that locks',
    scripts: [
      block(
        'WITH picked AS (SELECT seats FROM events WHERE id = 1 FOR UPDATE) SELECT sum(seats)::int AS seats FROM picked',
        'UPDATE events SET seats = 9 WHERE id = 2',
      ),
      block('SELECT sum(seats)::int FROM events', 'UPDATE events SET seats = 7 WHERE id = 1'),
    ],
    sees: ['waits'],
  },
  {
    name: 'a savepoint',
    scripts: [`BEGIN; SAVEPOINT s; ${book(1, 'ann')}; ROLLBACK TO s; ${book(1, 'amy')}; COMMIT`, book(2, 'bob')],
    sees: ['waits'],
  },
];

describe('a query of WITH that modifies', () => {
  conforms(CASES.map((item) => ({ ...item, at: LEVELS })));
});

describe('what is open is refused by name', () => {
  const taken = 'WITH taken AS (UPDATE events SET seats = seats - 1 WHERE id = 1 RETURNING id)';
  test.each([
    // The rest takes a row, books it, and asks for the next.
    [
      "WITH taken AS (UPDATE events SET seats = seats - 1 RETURNING id) INSERT INTO bookings SELECT id, id, 'ann' FROM taken",
      'over several rows, in a statement that modifies too',
    ],
    // Nobody asks for its rows, or perhaps nobody: it runs last.
    [`${taken} INSERT INTO bookings VALUES (1, 1, 'ann')`, 'the plan decides'],
    [`${taken} INSERT INTO bookings VALUES (1, coalesce(1, (SELECT id FROM taken)), 'ann')`, 'the plan decides'],
    [`${taken} INSERT INTO bookings SELECT 1, 1, 'ann' UNION ALL SELECT 2, id, 'bob' FROM taken`, 'the plan decides'],
    [`${taken} INSERT INTO bookings SELECT 1, count(*), 'ann' FROM events WHERE EXISTS (SELECT FROM taken)`, 'the plan decides'],
    [`${taken} DELETE FROM bookings WHERE id = 9 OR id = (SELECT id FROM taken)`, 'the plan decides'],
    [`${taken}, gone AS (DELETE FROM bookings WHERE id = 9 RETURNING id) SELECT count(*) FROM taken, gone`, 'the plan decides'],
    [`${taken} UPDATE events SET seats = 5 FROM taken WHERE events.id = taken.id`, 'the table that another part modifies'],
    [`${taken} SELECT b.id FROM bookings b FOR UPDATE`, 'in a SELECT with a locking clause'],
    [
      'WITH raised AS (UPDATE events SET seats = 5 RETURNING id) SELECT array_agg(id) FROM raised',
      'the order in which the rows of a WITH query come',
    ],
    [
      'WITH raised AS (UPDATE events SET seats = 5 RETURNING id) SELECT id FROM raised LIMIT 1',
      'the order in which the rows of a WITH query come',
    ],
    [
      'WITH raised AS (UPDATE events SET seats = 5 RETURNING id, seats) SELECT id FROM raised ORDER BY seats',
      'the order in which the rows of a WITH query come',
    ],
    ['WITH held AS (SELECT id FROM events FOR UPDATE) SELECT array_agg(id) FROM held', 'the order in which the rows of a WITH query come'],
    [
      'WITH raised AS (UPDATE events SET seats = 5 WHERE id = 1 RETURNING (id, seats) AS pair) SELECT pair FROM raised',
      'with a value of the type record',
    ],
    [`${taken} SELECT 1 / (id - 1) FROM taken`, 'an error (22012) around a modifying query in WITH'],
    [
      'WITH gone AS (UPDATE events SET id = 2 WHERE id = 1) SELECT 1 / (id - 1) FROM events',
      'an error (22012) around a modifying query in WITH that waits or fails',
    ],
    [
      "WITH taken AS (UPDATE events SET seats = 1 WHERE id = (SELECT id FROM events WHERE id = 1 FOR UPDATE) RETURNING id) INSERT INTO bookings SELECT 1, id, 'ann' FROM taken",
      'a locking clause in a subquery',
    ],
    [
      'WITH gone AS (DELETE FROM bookings RETURNING id) UPDATE events SET seats = 1 FROM gone WHERE events.id = (SELECT id FROM events WHERE id = 1 FOR UPDATE)',
      'beside a subquery with a locking clause',
    ],
    ['WITH RECURSIVE taken AS (UPDATE events SET seats = 1 WHERE id = 1 RETURNING id) SELECT id FROM taken', 'WITH RECURSIVE'],
    ['WITH a AS (WITH b AS (SELECT 1 AS id) DELETE FROM bookings USING b WHERE bookings.id = b.id RETURNING 1) SELECT 1', 'of this form'],
    ['WITH a AS (MERGE INTO events USING bookings ON true WHEN MATCHED THEN DO NOTHING RETURNING 1) SELECT 1', 'MERGE'],
  ])('%s', async (text, reason) => {
    const { machine } = modelOf({ schema, seed, scripts: [text], isolation: 'READ COMMITTED' });
    await expect(run(machine, { choose: (choices) => choices[0]! })).rejects.toThrow(reason);
  });

  test('a unique constraint of it that is checked later', async () => {
    const late = 'CREATE TABLE a (id int PRIMARY KEY DEFERRABLE); CREATE TABLE b (id int PRIMARY KEY);';
    const text = 'WITH n AS (INSERT INTO a VALUES (1) RETURNING id) INSERT INTO b SELECT id FROM n';
    const { machine } = modelOf({ schema: late, seed: 'INSERT INTO a VALUES (1)', scripts: [text], isolation: 'READ COMMITTED' });
    await expect(run(machine, { choose: (choices) => choices[0]! })).rejects.toThrow('a unique constraint which is checked later');
  });
});

// A nested loop has the rest come to a row before the next is locked, a hash join locks all of them first.
describe('a query of WITH that locks several rows, in a statement that modifies', () => {
  const held = 'WITH held AS (SELECT id FROM events ORDER BY id FOR UPDATE)';
  const move = `${held} UPDATE bookings SET who = 'amy' FROM held WHERE held.id = event_id`;
  conforms([
    { name: 'waits at the first', scripts: [move, block('UPDATE events SET seats = 5 WHERE id = 1')], sees: ['waits'] },
    {
      name: 'waits for none',
      scripts: [move.replace('UPDATE)', 'UPDATE SKIP LOCKED)'), block('UPDATE events SET seats = 5 WHERE id = 2')],
    },
  ]);

  test.each([
    ['waits at another', [move, block('UPDATE events SET seats = 5 WHERE id = 2')], 'waits or fails at one of several rows'],
    [
      'fails at another',
      [move.replace('UPDATE)', 'UPDATE NOWAIT)'), block('UPDATE events SET seats = 5 WHERE id = 2')],
      'waits or fails at one of several rows',
    ],
    [
      'and the rest waits',
      [move, block("UPDATE bookings SET who = 'zac' WHERE id = 9")],
      'a join that has to wait for one of several rows',
    ],
  ])('%s: refused', async (_name, scripts, reason) => {
    const { machine, engine } = modelOf({ schema, seed, scripts, isolation: 'READ COMMITTED' });
    await expect(search(machine, engine, { maxStates: 10_000 })).rejects.toThrow(reason);
  });
});

test('a draw around a modifying query of WITH that fails or waits: refused, for it may have come first', async () => {
  const failing = "WITH w AS (UPDATE events SET id = 1) SELECT nextval('tickets')";
  const waiting = "WITH w AS (UPDATE events SET seats = 5 WHERE id = 1) SELECT nextval('tickets')";
  const explored = (scripts: readonly string[]) => {
    const { machine, engine } = modelOf({ schema: `${schema} CREATE SEQUENCE tickets;`, seed, scripts, isolation: 'READ COMMITTED' });
    return search(machine, engine, { maxStates: 1_000 });
  };
  const reason = 'a draw around a modifying query in WITH that waits or fails';
  await expect(explored([block(failing)])).rejects.toThrow(reason);
  await expect(explored([block(waiting), block('UPDATE events SET seats = 7 WHERE id = 1')])).rejects.toThrow(reason);
  expect((await explored([block(waiting)])).complete).toBe(true);
});
