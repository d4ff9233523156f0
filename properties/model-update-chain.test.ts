import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ModelEngine } from '../src/engine/model/engine.js';
import { PostgresEngine } from '../src/engine/postgres/engine.js';
import type { PostgresServer } from '../src/engine/postgres/providers/server.js';
import { confirm } from './model-scripts.js';
import { openPinnedServer } from './pinned-server.js';

/**
 * Whoever shares a row's key, a foreign key's check above all, does not mind an update that is under way, and walks on to the version that it has made.
 * Where that one is locked, it waits there; and where it is undone, PostgreSQL lets it have the row whoever has locked it meanwhile.
 */

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

const schema =
  'CREATE TABLE rooms (id int PRIMARY KEY, v int NOT NULL); CREATE TABLE holds (id int PRIMARY KEY, room_id int REFERENCES rooms);';
const seed = 'INSERT INTO rooms VALUES (1, 1);';

const lock = 'SELECT 1 FROM rooms WHERE id = 1 FOR UPDATE';
const update = 'UPDATE rooms SET v = v + 1 WHERE id = 1';
const hold = 'INSERT INTO holds VALUES (1, 1)';
const block = (...statements: string[]) => ['BEGIN', ...statements].join('; ');
const undone = block(update, lock, 'ROLLBACK');

describe('a version that is locked, and then undone', () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['and its writer locks the row anew', [`${undone}; ${block(lock, 'COMMIT')}`, hold]],
    ['within a savepoint', [block('SAVEPOINT s', update, lock, 'ROLLBACK TO s', lock, 'COMMIT'), hold]],
    ['and another locks the row, and changes it', [undone, block(hold, 'COMMIT'), block(lock, update, 'COMMIT')]],
    ['and another changes the row, and locks what came of it', [undone, block(hold, 'COMMIT'), block(update, lock, 'COMMIT')]],
    [
      'and another locks the row, and deletes it',
      [undone, block('SELECT 1 FROM rooms WHERE id = 1 FOR KEY SHARE', 'COMMIT'), block(lock, 'DELETE FROM rooms', 'COMMIT')],
    ],
    ['and another deletes the row', [undone, hold, block('DELETE FROM rooms', 'COMMIT')]],
    ['and another has deleted it for a while', [undone, block(hold, 'COMMIT'), block('DELETE FROM rooms', 'ROLLBACK')]],
    ['and another changes the key', [undone, hold, block('UPDATE rooms SET id = 2', 'COMMIT')]],
    [
      'while another waits for the row that it was made of',
      [
        block(update, 'SAVEPOINT s', lock, 'ROLLBACK TO s', 'COMMIT'),
        block('SELECT 1 FROM rooms WHERE id = 1 FOR KEY SHARE', 'COMMIT'),
        block('DELETE FROM rooms', 'COMMIT'),
      ],
    ],
    ['or stands', [block(update, lock, 'COMMIT'), hold, block(lock, 'COMMIT')]],
  ];
  for (const [name, scripts] of cases)
    for (const isolation of ['READ COMMITTED', 'REPEATABLE READ'] as const)
      test(`${name} (${isolation})`, async () => {
        const { difference, seen } = await confirm({ schema, seed, scripts, isolation, stubborn: false }, engine, postgres);
        expect(difference).toBeNull();
        expect([...seen]).toContain('waits');
      }, 60_000);
});
