import { describe, expect, test } from 'vitest';
import type { Action } from '../src/engine/contract.js';
import { ModelEngine } from '../src/engine/model/engine.js';
import type { ModelState } from '../src/engine/model/state.js';
import { lockstep } from '../src/explore/lockstep.js';
import { Machine } from '../src/machine.js';
import type { Choice } from '../src/schedule/choice.js';
import { modelOf } from './model-scripts.js';

/** The server chooses whether a serializable transaction fails, and has then drawn from sequences what it had come to. Another model plays the server. */

const scripted = {
  schema: 'CREATE TABLE items (id int PRIMARY KEY, v int NOT NULL); CREATE TABLE tickets (id serial PRIMARY KEY, v int NOT NULL)',
  seed: 'INSERT INTO items VALUES (1, 1); INSERT INTO tickets (v) VALUES (1)',
  scripts: [
    'BEGIN; SELECT v FROM items; INSERT INTO tickets (v) SELECT v FROM items; COMMIT',
    'BEGIN; UPDATE items SET v = 2; SELECT count(*) FROM tickets; COMMIT',
  ],
  isolation: 'SERIALIZABLE' as const,
};
/** a reads, b does all, a inserts: it is the pivot. */
const schedule = [0, 1, 1, 1, 0, 0].map((actor): Choice => ({ actor, kind: 'step' }));

/** Fails where it may, and says how much was drawn by then: so many more than before the statement. */
class Server extends ModelEngine {
  readonly #drawn: number;

  constructor(drawn: number) {
    super();
    this.#drawn = drawn;
  }

  override apply(state: ModelState, action: Action): ReturnType<ModelEngine['apply']> {
    if (action.kind !== 'statement' || !action.statement.text.startsWith('INSERT')) return super.apply(state, action);
    const applied = super.apply(state, { ...action, fails: true });
    if (applied instanceof Promise) throw new Error('PGlite is not needed');
    const [before] = state.sequences;
    const sequences = [{ ...before!, lastValue: before!.lastValue + this.#drawn }];
    return { ...applied, state: { ...applied.state, sequences } };
  }
}

describe('a failure that is the server’s to choose', () => {
  test.each([
    ['before it has drawn', 0, true],
    ['after it has drawn', 1, true],
    ['after it has drawn more than there is', 2, false],
    ['having put the sequence back', -1, false],
  ])('%s', async (_name, drawn, allowed) => {
    const { machine } = modelOf(scripted, new ModelEngine());
    const { difference, parted } = await lockstep(machine, new Machine(machine.scenario, machine.plan, new Server(drawn)), schedule);
    if (allowed) expect({ difference, parted }).toEqual({ difference: null, parted: { at: 4, to: { actor: 0, kind: 'fail' } } });
    else expect(difference).toMatchObject({ step: 4, what: 'outcome' });
  });
});
