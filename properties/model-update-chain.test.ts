import { describe, expect, test } from 'vitest';
import { run } from '../src/run.js';
import type { Choice } from '../src/schedule/choice.js';
import { following } from '../src/schedule/replay.js';
import { onServer } from './model-cases.js';
import { modelOf } from './model-scripts.js';

/**
 * Whoever shares a row's key, a foreign key's check above all, does not mind an update that is under way, and walks on to the version that it has made.
 * Where that one is locked, it waits there; and where it is undone, PostgreSQL lets it have the row whoever has locked it meanwhile.
 */

const schema =
  'CREATE TABLE rooms (id int PRIMARY KEY, v int NOT NULL); CREATE TABLE holds (id int PRIMARY KEY, room_id int REFERENCES rooms);';
const seed = 'INSERT INTO rooms VALUES (1, 1);';

const lock = 'SELECT 1 FROM rooms WHERE id = 1 FOR UPDATE';
const update = 'UPDATE rooms SET v = v + 1 WHERE id = 1';
const hold = 'INSERT INTO holds VALUES (1, 1)';
const block = (...statements: string[]) => ['BEGIN', ...statements].join('; ');
const { conforms } = onServer(schema, seed);
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
  conforms(cases.map(([name, scripts]) => ({ name, scripts, sees: ['waits'] })));

  test('is refused where the row was changed meanwhile, and what came of it is locked', async () => {
    const scripts = [undone, hold, update, block(lock, 'COMMIT')];
    const { machine } = modelOf({ schema, seed, scripts, isolation: 'READ COMMITTED' });
    const [writer, sharer, another, locker] = [0, 1, 2, 3];
    const order = [writer, writer, sharer, writer, another, another, locker, sharer].map((actor): Choice => ({ actor, kind: 'step' }));
    await expect(run(machine, following(order))).rejects.toThrow('changed more than once while it was waited for');
  });
});
