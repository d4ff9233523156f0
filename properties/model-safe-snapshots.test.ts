import { describe, expect, test } from 'vitest';
import { UnmodelledError } from '../src/engine/contract.js';
import { search } from '../src/explore/search.js';
import { run } from '../src/run.js';
import type { Choice } from '../src/schedule/choice.js';
import { following } from '../src/schedule/replay.js';
import { addOne, block, onServer, RC, SR, schema, seed } from './model-cases.js';
import { modelOf } from './model-scripts.js';

/** SERIALIZABLE READ ONLY DEFERRABLE: its snapshot waits until nothing can go wrong with it. Every interleaving, every transition on a real server. */

const { conforms } = onServer();

const report = (...statements: string[]) => ['BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE', ...statements, 'COMMIT'].join('; ');
const look = 'SELECT id, v FROM items';

describe('a DEFERRABLE transaction', () => {
  conforms([
    { name: 'waits for one that writes', scripts: [report(look, look), block(look, addOne())], sees: ['waits', 'SELECT 2'], at: SR },
    {
      name: 'waits for all of them, and not for those that come later',
      scripts: [report(look), block(look, addOne(1)), block('SELECT id FROM parts', 'UPDATE parts SET v = 5 WHERE id = 2')],
      sees: ['waits'],
      at: SR,
    },
    {
      name: 'goes on when the other is undone, or fails',
      scripts: [
        report(look),
        block(look, addOne()).replace('COMMIT', 'ROLLBACK'),
        block('SELECT id FROM notes', 'INSERT INTO notes VALUES (1, 9)'),
      ],
      sees: ['waits', '23503'],
      at: SR,
    },
    {
      name: 'waits before it locks a table',
      scripts: [report(look), block('SELECT count(*) FROM notes', 'LOCK TABLE items')],
      sees: ['waits'],
      at: SR,
    },
    {
      name: 'does not wait for who only reads, nor for other levels',
      scripts: [
        report(look),
        'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY; SELECT v FROM items; SELECT v FROM parts; COMMIT',
        `BEGIN ISOLATION LEVEL REPEATABLE READ; ${look}; ${addOne()}; COMMIT`,
      ],
      sees: ['SELECT 2'],
      at: SR,
    },
    {
      name: 'takes another snapshot where a rival has written, and has not seen what the first shows',
      scripts: [report(look), block(look, 'UPDATE parts SET v = 5 WHERE id = 1'), addOne()],
      sees: ['waits'],
      at: SR,
    },
    {
      name: 'is like any other at another level',
      scripts: ['BEGIN READ ONLY DEFERRABLE; SELECT v FROM items; COMMIT', block(look, addOne())],
      at: RC,
    },
    {
      name: 'does not wait where it may write',
      scripts: [`BEGIN ISOLATION LEVEL SERIALIZABLE DEFERRABLE; ${look}; COMMIT`, block(addOne())],
      sees: ['SELECT 2'],
      at: SR,
    },
  ]);

  test('is refused where its snapshot may turn out not to be safe', async () => {
    const scripts = [report(look), block('SELECT v FROM items WHERE id = 2', 'UPDATE parts SET v = 5 WHERE id = 1'), addOne()];
    const { machine, engine } = modelOf({ schema, seed, scripts, isolation: 'SERIALIZABLE' });
    await expect(search(machine, engine, { maxStates: 10_000 })).rejects.toThrow(UnmodelledError);
    await expect(search(machine, engine, { maxStates: 10_000 })).rejects.toThrow(/not to be safe|doomed/);
  });

  test('is refused where it waits, and its session has another to be remembered: the server would tell of no wait', async () => {
    const scripts = [`${block(look)}; ${report(look)}`, block('SELECT id FROM notes', 'UPDATE notes SET v = 5')];
    const { machine, engine } = modelOf({ schema, seed, scripts, isolation: 'SERIALIZABLE' });
    await expect(search(machine, engine, { maxStates: 10_000 })).rejects.toThrow(/waits while an earlier one of its session/);
  });

  test('is refused too where only another, which is safe and does not go on yet, has it remembered', async () => {
    const scripts = [`${block(look)}; ${report(look)}`, report(look), block('SELECT id FROM notes')];
    const { machine } = modelOf({ schema, seed, scripts, isolation: 'SERIALIZABLE' });
    // The rival begins when the first has ended, and is not concurrent with it.
    const [earlier, waiter, rival] = [0, 1, 2];
    const order = [earlier, waiter, earlier, rival, earlier].map((actor): Choice => ({ actor, kind: 'step' }));
    await expect(run(machine, following(order))).rejects.toThrow(/waits while an earlier one of its session/);
  });
});
