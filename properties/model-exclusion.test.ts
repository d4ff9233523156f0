import { describe } from 'vitest';
import { block, onServer, RC, RR, SR } from './model-cases.js';

/** Exclusion constraints: every interleaving of small scenarios on the model, every transition of them on a real server, and no difference. */

const schema = `
  CREATE EXTENSION IF NOT EXISTS btree_gist;
  CREATE TABLE bookings (
    id int PRIMARY KEY,
    room int NOT NULL,
    during daterange,
    guest text,
    cancelled boolean NOT NULL DEFAULT false,
    code int UNIQUE,
    CONSTRAINT no_overlap EXCLUDE USING gist (room WITH =, during WITH &&) WHERE (NOT cancelled)
  );
  CREATE INDEX bookings_guest ON bookings (lower(guest));
  CREATE TABLE notes (id int PRIMARY KEY, v int);
  CREATE TABLE stays (room int, during daterange, PRIMARY KEY (room, during WITHOUT OVERLAPS));
`;
const seed = `
  INSERT INTO bookings (id, room, during) VALUES (1, 1, '[2026-01-10,2026-01-12)');
  INSERT INTO stays VALUES (1, '[2026-01-10,2026-01-12)');
`;
const { conforms } = onServer(schema, seed);

const days = (from: number, to: number) => `'[2026-01-${String(from).padStart(2, '0')},2026-01-${String(to).padStart(2, '0')})'`;
const book = (id: number, from: number, to: number, room = 1) =>
  `INSERT INTO bookings (id, room, during) VALUES (${id}, ${room}, ${days(from, to)})`;
const move = (id: number, from: number, to: number) => `UPDATE bookings SET during = ${days(from, to)} WHERE id = ${id}`;

describe('two that want the same days', () => {
  conforms([
    { name: 'the second waits for the first, and fails', scripts: [block(book(2, 1, 4)), block(book(3, 3, 6))], sees: ['waits', '23P01'] },
    { name: 'statements of their own', scripts: [book(2, 1, 4), book(3, 3, 6)], sees: ['waits', '23P01'] },
    {
      name: 'the second has them when the first does not keep them',
      scripts: [block(book(2, 1, 4)).replace('COMMIT', 'ROLLBACK'), block(book(3, 3, 6))],
      sees: ['waits', 'INSERT 1'],
    },
    {
      name: 'other days, another room',
      scripts: [block(book(2, 1, 4)), block(book(3, 4, 6), book(4, 1, 4, 2))],
      sees: ['INSERT 1'],
      at: RC,
    },
    { name: 'one’s own days', scripts: [block(book(2, 1, 4), book(3, 3, 6))], sees: ['23P01'], at: RC },
    { name: 'days that are taken', scripts: [block(book(2, 11, 14)), block(book(3, 9, 11))], sees: ['23P01'], at: SR },
    {
      name: 'no days at all exclude nobody',
      scripts: [block('INSERT INTO bookings (id, room) VALUES (2, 1)'), block('INSERT INTO bookings (id, room) VALUES (3, 1)')],
      at: RC,
    },
    {
      name: 'several at once',
      scripts: [
        `INSERT INTO bookings (id, room, during) VALUES (2, 1, ${days(1, 3)}), (3, 1, ${days(5, 7)})`,
        `INSERT INTO bookings (id, room, during) VALUES (4, 1, ${days(6, 8)}), (5, 1, ${days(2, 4)})`,
      ],
      sees: ['waits', 'INSERT 2', '23P01'],
      at: RC,
    },
    { name: 'serializable', scripts: [block(book(2, 1, 4)), block(book(3, 3, 6))], sees: ['waits', '23P01'], at: SR },
  ]);
});

describe('a row is entered before it is judged', () => {
  conforms([
    {
      name: 'two that have waited for the same row wait for one another',
      scripts: [block(book(2, 1, 8)).replace('COMMIT', 'ROLLBACK'), block(book(3, 1, 6)), block(book(4, 3, 7))],
      sees: ['waits again', '40P01', 'INSERT 1'],
      at: RC,
    },
    {
      name: 'in opposite order',
      scripts: [block(book(2, 1, 3), book(3, 5, 7)), block(book(4, 6, 8), book(5, 2, 4))],
      sees: ['40P01', '23P01'],
    },
    {
      name: 'whoever was there first is waited for first',
      scripts: [
        block(book(2, 1, 4)).replace('COMMIT', 'ROLLBACK'),
        block(book(3, 5, 8)).replace('COMMIT', 'ROLLBACK'),
        block(book(4, 3, 6)),
      ],
      sees: ['waits', 'waits again', 'INSERT 1'],
      at: RC,
    },
    {
      name: 'an unfinished row that was there before a finished one is waited for',
      scripts: [block(book(2, 1, 4), 'UPDATE bookings SET room = room WHERE id = 2'), book(3, 5, 8), block(book(4, 3, 6))],
      sees: ['waits', '23P01'],
      at: RC,
    },
    {
      name: 'a change that makes no index entries looks for nobody',
      scripts: [
        block('UPDATE bookings SET room = room WHERE id = 1', 'UPDATE bookings SET room = room WHERE id = 1'),
        block(book(2, 11, 14)),
      ],
      sees: ['waits', '23P01'],
    },
    {
      name: 'a change in another index makes entries in all, and meets those who wait',
      scripts: [
        block('UPDATE bookings SET cancelled = false WHERE id = 1', "UPDATE bookings SET guest = 'Ada' WHERE id = 1"),
        block(book(2, 11, 14)),
      ],
      sees: ['waits', '40P01'],
      at: RC,
    },
    {
      name: 'back to days for which somebody waits',
      scripts: [block(move(1, 20, 22), move(1, 10, 12)), block(book(2, 11, 14))],
      sees: ['40P01', '23P01'],
      at: RC,
    },
  ]);
});

describe('rows that change or go', () => {
  conforms([
    { name: 'two move to the same days', scripts: [block(move(1, 1, 4)), block(book(2, 3, 6))], sees: ['waits', '23P01'] },
    { name: 'days that are left may be had', scripts: [block(move(1, 20, 22)), block(book(2, 11, 14))], sees: ['waits', 'INSERT 1'] },
    {
      name: 'a row that its transaction has moved twice is in the way at each place',
      scripts: [block(move(1, 20, 22), move(1, 25, 27)), block(book(2, 21, 23))],
      sees: ['waits', 'INSERT 1'],
      at: RC,
    },
    {
      name: 'what is cancelled excludes nobody',
      scripts: [block('UPDATE bookings SET cancelled = true WHERE id = 1'), block(book(2, 11, 14), 'SELECT id, during FROM bookings')],
      sees: ['waits', 'INSERT 1', 'SELECT 2'],
    },
    {
      name: 'what is cancelled cannot always be had again',
      scripts: [
        block('UPDATE bookings SET cancelled = true WHERE id = 1', 'UPDATE bookings SET cancelled = false WHERE id = 1'),
        block(book(2, 11, 14)),
      ],
      sees: ['waits', '23P01', '40P01'],
      at: RC,
    },
    {
      name: 'a delete',
      scripts: [block('DELETE FROM bookings WHERE id = 1'), block(book(2, 11, 14))],
      sees: ['waits', 'INSERT 1', '23P01'],
    },
    {
      name: 'a snapshot that shows the old row beside one’s own',
      scripts: [
        'DELETE FROM bookings WHERE id = 1',
        block('SELECT count(*) FROM notes', book(2, 11, 14), 'SELECT id, upper(during) FROM bookings'),
      ],
      sees: ['SELECT 2'],
      at: RR,
    },
    {
      name: 'all rows in one UPDATE are judged one by one',
      scripts: [`UPDATE bookings SET during = CASE id WHEN 1 THEN daterange ${days(12, 14)} ELSE ${days(10, 12)} END WHERE room = 1`],
      seed: `INSERT INTO bookings (id, room, during) VALUES (2, 1, ${days(12, 14)})`,
      sees: ['23P01'],
      at: RC,
    },
    {
      name: 'what is undone since a savepoint is in nobody’s way',
      scripts: [block('SAVEPOINT s', book(2, 1, 4), 'ROLLBACK TO s'), block(book(3, 3, 6))],
      sees: ['waits', 'INSERT 1'],
    },
    {
      name: 'what is released from a savepoint is',
      scripts: [block('SAVEPOINT s', book(2, 1, 4), 'RELEASE s'), block(book(3, 3, 6))],
      sees: ['waits', '23P01'],
      at: RC,
    },
  ]);
});

describe('ON CONFLICT', () => {
  conforms([
    {
      name: 'DO NOTHING waits for whoever may be in the way',
      scripts: [block(book(2, 1, 4)), block(`${book(3, 3, 6)} ON CONFLICT DO NOTHING`)],
      sees: ['waits', 'INSERT 0'],
    },
    {
      name: 'DO NOTHING on the constraint',
      scripts: [block(book(2, 1, 4)), block(`${book(3, 3, 6)} ON CONFLICT ON CONSTRAINT no_overlap DO NOTHING RETURNING id`)],
      sees: ['waits', 'INSERT 0', 'INSERT 1'],
    },
    {
      name: 'two that do nothing',
      scripts: [block(`${book(2, 1, 4)} ON CONFLICT DO NOTHING`), block(`${book(3, 3, 6)} ON CONFLICT DO NOTHING`)],
      sees: ['waits', 'INSERT 0'],
      at: RC,
    },
    {
      name: 'another index named: days that are taken are an error',
      scripts: [`${book(1, 11, 14)} ON CONFLICT (id) DO NOTHING`, `${book(2, 11, 14)} ON CONFLICT (id) DO NOTHING`],
      sees: ['INSERT 0', '23P01'],
      at: RC,
    },
    {
      name: 'DO UPDATE to days that somebody wants',
      scripts: [block(`${book(1, 1, 4)} ON CONFLICT (id) DO UPDATE SET during = excluded.during`), block(book(2, 3, 6))],
      sees: ['waits', '23P01'],
    },
    {
      name: 'DO UPDATE needs a unique index',
      scripts: [`${book(2, 1, 4)} ON CONFLICT ON CONSTRAINT no_overlap DO UPDATE SET room = 2`],
      sees: ['42809'],
      at: RC,
    },
  ]);
});

describe('a key WITHOUT OVERLAPS', () => {
  conforms([
    {
      name: 'is an exclusion constraint',
      scripts: [block(`INSERT INTO stays VALUES (1, ${days(1, 4)})`), block(`INSERT INTO stays VALUES (1, ${days(3, 6)})`)],
      sees: ['waits', '23P01'],
    },
    {
      name: 'is a key: who changes it locks FOR UPDATE',
      scripts: [block(`UPDATE stays SET during = ${days(20, 22)}`), block('SELECT room FROM stays FOR KEY SHARE')],
      sees: ['waits'],
      at: RC,
    },
    { name: 'has no empty ranges', scripts: ["INSERT INTO stays VALUES (1, 'empty')"], sees: ['23514'], at: RC },
  ]);
});
