/** Small plans for servers whose waiters cannot be frozen: what can be forced there is seen, and the rest is counted. */
import type { PostgresEngine } from '../src/engine/postgres/engine.js';
import { explorePlan } from '../src/explore/plan.js';
import { type ScriptedCase, scenarioOf } from '../src/fuzz/scripted.js';
import { DEFAULT_LIMITS, type PlanOutcome } from '../src/index.js';

const schema = 'CREATE TABLE items (id int PRIMARY KEY, v int NOT NULL); CREATE TABLE taken (code int PRIMARY KEY, v int);';
const seed = 'INSERT INTO items VALUES (1, 0), (2, 0)';
const addTo = (id: number) => `UPDATE items SET v = v + 1 WHERE id = ${id}`;
const isolation = 'READ COMMITTED';

/** Two lock two rows in opposite order: a deadlock, and each of them can be its victim. */
export const opposite: ScriptedCase = {
  schema,
  seed,
  isolation,
  scripts: [`BEGIN; ${addTo(1)}; ${addTo(2)}; COMMIT`, `BEGIN; ${addTo(2)}; ${addTo(1)}; COMMIT`],
};

/** A statement of several rows meets a transaction: its wait is that of a statement outside a transaction. */
export const severalRows: ScriptedCase = {
  schema,
  seed,
  isolation,
  scripts: ['UPDATE items SET v = v + 1', `BEGIN; ${addTo(2)}; ${addTo(1)}; COMMIT`],
};

/** Three come for one row, and queue. */
export const queue: ScriptedCase = { schema, seed, isolation, scripts: [1, 1, 1].map((id) => `BEGIN; ${addTo(id)}; COMMIT`) };

/** Three come for one key without a transaction block: who is freed fails at once, and by that frees nobody, or the next. */
export const oneKey: ScriptedCase = { schema, seed, isolation, scripts: [1, 2, 3].map((v) => `INSERT INTO taken VALUES (1, ${v})`) };

/** A deadlock's victim goes on as if nothing had happened, and says that it has booked what was rolled back. */
export const swallowed: ScriptedCase = {
  schema,
  seed,
  isolation,
  stubborn: true,
  scripts: [
    `BEGIN; ${addTo(1)}; ${addTo(2)}; COMMIT; INSERT INTO taken VALUES (1, 1)`,
    `BEGIN; ${addTo(2)}; ${addTo(1)}; COMMIT; INSERT INTO taken VALUES (2, 1)`,
  ],
  invariants: [
    {
      name: 'acknowledged',
      check: ({ tables }) => {
        const done = Number(tables.items![0]!.v);
        const said = tables.taken!.length;
        return said > done
          ? [{ resource: 'items', message: `${said} say that they are done, ${done} are`, usage: said, capacity: done }]
          : [];
      },
    },
  ],
};

export function exploreOn(postgres: PostgresEngine, scripted: ScriptedCase): Promise<PlanOutcome> {
  const { scenario, plan } = scenarioOf(scripted);
  return explorePlan(scenario, plan, { strategy: 'auto', limits: DEFAULT_LIMITS, postgres, model: true });
}
