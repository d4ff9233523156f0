/** ON CONFLICT as upserts have it, types of the schema in WITH, and conditions in parentheses: every transition on a real server. */
import { type Case, onServer } from './model-cases.js';

const schema = `
  CREATE TYPE state AS ENUM ('open', 'taken');
  CREATE TABLE seats (id int PRIMARY KEY, row_name char(2) NOT NULL, number int NOT NULL, state state NOT NULL DEFAULT 'open', tags text[], price numeric(6,2), at timestamptz,
    CONSTRAINT seat_of_row UNIQUE (row_name, number), CONSTRAINT seats_id_key UNIQUE (number));
`;
const seed = `INSERT INTO seats VALUES (1, 'A', 1, 'open', '{front}', 9.5, '2026-01-01T00:00:00Z'), (2, 'A', 2, 'open', NULL, NULL, NULL);`;
const block = (...statements: string[]) => ['BEGIN', ...statements, 'COMMIT'].join('; ');
const upsert = (id: number, number: number, constraint: string) =>
  `INSERT INTO seats (id, row_name, number) VALUES (${id}, 'A', ${number}) ON CONFLICT ON CONSTRAINT ${constraint} DO UPDATE SET state = 'taken' RETURNING id, (xmax = 0) AS inserted, xmax <> 0 AS updated`;
const claim = (columns: string) =>
  `WITH free AS (SELECT ${columns} FROM seats WHERE state = 'open' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) UPDATE seats SET state = 'taken' FROM free WHERE seats.id = free.id RETURNING free.*`;

const cases: readonly Case[] = [
  {
    name: 'a constraint by its name, and which rows were inserted',
    scripts: [block(upsert(3, 1, 'seat_of_row')), block(upsert(4, 3, 'seat_of_row'), upsert(5, 3, 'seat_of_row'))],
    sees: ['INSERT 1'],
  },
  { name: 'the same row from both', scripts: [block(upsert(3, 3, 'seats_id_key')), block(upsert(4, 3, 'seats_id_key'))], sees: ['waits'] },
  { name: 'a constraint that is not there', scripts: [upsert(3, 1, 'seats_key')], sees: ['42704'] },
  {
    name: 'several rows, some of them there',
    scripts: [
      block(
        "INSERT INTO seats (id, row_name, number) VALUES (1, 'B', 8), (7, 'B', 7) ON CONFLICT (id) DO UPDATE SET number = excluded.number RETURNING *, xmax = 0 AS inserted",
      ),
      "UPDATE seats SET state = 'taken' WHERE id = 1",
    ],
    sees: ['waits', 'INSERT 2'],
  },
  {
    name: 'rows of WITH with types of the schema, arrays, numbers and lengths',
    scripts: [claim('*'), claim('id, state, row_name, tags, price, at')],
    sees: ['UPDATE 1'],
  },
  {
    name: 'arrays that WITH gives',
    scripts: ["WITH taken AS (UPDATE seats SET state = 'taken' WHERE id = 1 RETURNING ARRAY[id] AS ids, tags) SELECT ids, tags FROM taken"],
    sees: ['SELECT 1'],
  },
  {
    name: 'a parameter of a type of the schema, in a part with ON CONFLICT that does not mention all of them',
    schema: "CREATE TYPE mood AS ENUM ('calm'); CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, mood mood);",
    seed: 'INSERT INTO b VALUES (1, NULL)',
    scripts: [
      `WITH n AS (INSERT INTO a VALUES ($1) ON CONFLICT (id) DO NOTHING RETURNING id) UPDATE b SET mood = $2 FROM n WHERE b.id = n.id RETURNING b.* /* [1,"calm"] */`,
      'INSERT INTO a VALUES (1)',
    ],
    sees: ['UPDATE 1'],
  },
  {
    name: 'a claim from a table that is empty, and is not for long',
    schema: 'CREATE TABLE jobs (id int PRIMARY KEY, done boolean NOT NULL)',
    scripts: [
      block(
        'UPDATE jobs SET done = true WHERE id = (SELECT id FROM jobs WHERE NOT done ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id',
      ),
      'INSERT INTO jobs VALUES (1, false)',
    ],
    sees: ['UPDATE 0', 'UPDATE 1'],
  },
  {
    name: 'rows that WITH has inserted',
    scripts: [
      "WITH new AS (INSERT INTO seats VALUES (9, 'Z', 9, 'taken', '{a,b}', 1, now()) RETURNING *, (xmax = 0) AS inserted) SELECT state, tags, row_name, inserted FROM new",
    ],
    sees: ['SELECT 1'],
  },
  {
    name: 'a locking subquery in parentheses, in a condition in parentheses',
    scripts: [0, 1].map(
      () =>
        "UPDATE seats SET state = 'taken' WHERE (seats.id = ((SELECT id FROM seats WHERE state = 'open' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED))) RETURNING id",
    ),
    sees: ['UPDATE 1'],
  },
];

onServer(schema, seed).conforms(cases);
