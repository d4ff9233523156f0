import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ModelEngine } from '../src/engine/model/engine.js';
import type { ModelState } from '../src/engine/model/state.js';
import { anyCycle, serialOrder } from '../src/history/cycles.js';
import { dependencies } from '../src/history/dependencies.js';
import { Machine } from '../src/machine.js';
import type { Plan } from '../src/plan/plan.js';
import { recordHistory } from '../src/record.js';
import { type Run, run } from '../src/run.js';
import type { IsolationLevel, Scenario } from '../src/scenario.js';
import type { Policy } from '../src/schedule/policy.js';
import { uniform } from '../src/schedule/uniform.js';

/**
 * What explanations claim, on random small histories of the model: a read shows what was committed in the step that is said to be its snapshot's; where
 * no order of the transactions gives what happened, there is a cycle; and the order that is said to give it does.
 */

const SEED = Number(process.env.LASTSEAT_SEED ?? 42);
const HISTORIES = Number(process.env.LASTSEAT_HISTORIES ?? 100);

const schema = `CREATE SCHEMA app; CREATE TABLE a (id int PRIMARY KEY, n int NOT NULL, other int NOT NULL DEFAULT 0);
  CREATE TABLE b (id int PRIMARY KEY, n int NOT NULL, other int NOT NULL DEFAULT 0);`;
const seed = 'INSERT INTO a VALUES (1, 1, 0), (2, 2, 0); INSERT INTO b VALUES (1, 1, 0), (2, 2, 0);';

const table = fc.constantFrom('a', 'public.b', '"a"', 'b');
const id = fc.constantFrom(1, 2);
const statement = (actor: number): fc.Arbitrary<string> =>
  fc.oneof(
    fc.tuple(table, id).map(([name, key]) => `SELECT n FROM ${name} WHERE id = ${key}`),
    table.map((name) => `SELECT id, n FROM ${name} ORDER BY id`),
    table.map((name) => `SELECT count(*)::int AS c FROM ${name} WHERE n > 1`),
    fc.tuple(table, id).map(([name, key]) => `SELECT other FROM ${name} AS t WHERE t.id = ${key}`),
    fc.tuple(table, id).map(([name, key]) => `SELECT n FROM ${name} WHERE id = ${key} FOR UPDATE`),
    table.map((name) => `SELECT id, n FROM ${name} ORDER BY id DESC LIMIT 1 FOR UPDATE`),
    fc.tuple(table, id).map(([name, key]) => `UPDATE ${name} SET n = n + 1 WHERE id = ${key}`),
    fc.tuple(table, id, fc.integer({ min: 1, max: 3 })).map(([name, key, n]) => `UPDATE ${name} SET n = ${n} WHERE id = ${key}`),
    fc.tuple(table, id).map(([name, key]) => `UPDATE ${name} SET other = other + 1 WHERE id = ${key}`),
    fc.tuple(table, id).map(([name, key]) => `DELETE FROM ${name} WHERE id = ${key}`),
    fc.tuple(table, fc.nat(1)).map(([name, at]) => `INSERT INTO ${name} (id, n) VALUES (${10 * (actor + 1) + at}, 2)`),
    fc.tuple(table, table).map(([to, from]) => `UPDATE ${to} SET n = (SELECT sum(n)::int FROM ${from}) WHERE id = 1`),
  );

interface Program {
  readonly isolation: IsolationLevel;
  readonly scripts: readonly (readonly string[])[];
  readonly schedule: number;
}

const program: fc.Arbitrary<Program> = fc
  .tuple(fc.constantFrom<IsolationLevel>('READ COMMITTED', 'REPEATABLE READ'), fc.constantFrom(2, 2, 3), fc.nat(1_000_000))
  .chain(([isolation, actors, schedule]) =>
    fc
      .tuple(...Array.from({ length: actors }, (_, actor) => fc.array(statement(actor), { minLength: 1, maxLength: 3 })))
      .map((scripts) => ({ isolation, scripts, schedule })),
  );

function machineFor({ isolation, scripts }: Program): Machine<ModelState> {
  const scenario: Scenario = {
    name: 'claims',
    description: '',
    schema: schema.replace('CREATE SCHEMA app; ', ''),
    seed: () => seed,
    operations: {
      run: async ({ client }, { script }: { script: readonly string[] }) => {
        await client.query('BEGIN');
        for (const text of script) await client.query(text);
        await client.query('COMMIT');
      },
    },
    workloads: [],
    invariants: [],
    expect: {},
  };
  const actors = scripts.map((script, index) => ({ name: `t${index + 1}`, operation: 'run', input: { script } }));
  const plan: Plan = { scenario: 'claims', workload: '', isolation, capacity: 1, seed: '1', actors };
  return new Machine(scenario, plan, new ModelEngine());
}

const oneAfterTheOther = (order: readonly number[]): Policy => ({
  choose: (choices) => choices.reduce((best, choice) => (order.indexOf(choice.actor) < order.indexOf(best.actor) ? choice : best)),
});

/** What everybody was answered, and what is there in the end. */
function outcome({ steps }: Run<ModelState>, actors: number): string {
  const answers = Array.from({ length: actors }, (_, actor) =>
    steps.flatMap(({ choice, outcome: came }) => (choice.actor === actor && came.kind !== 'blocked' ? [JSON.stringify(came.reply)] : [])),
  );
  return JSON.stringify([answers, steps.at(-1)!.after.committed.tables]);
}

const permutations = (items: readonly number[]): number[][] =>
  items.length < 2
    ? [[...items]]
    : items.flatMap((item) => permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]));

const failed = ({ steps }: Run<ModelState>) => steps.some(({ outcome: came }) => came.kind !== 'blocked' && came.reply.kind === 'error');

/** How many of the histories had a cycle, an order, and a read that waited: that none of it is empty. */
const met = { cycles: 0, notSerialisable: 0, orders: 0, waits: 0, reads: 0 };

async function check(drawn: Program): Promise<void> {
  const machine = machineFor(drawn);
  const result = await run(machine, uniform(String(drawn.schedule)));
  fc.pre(!failed(result));
  const history = recordHistory(machine, result);
  const found = dependencies(history, history.steps.length - 1, drawn.isolation);
  expect(found.transactions.filter(({ committedAt }) => committedAt !== null)).toHaveLength(drawn.scripts.length);

  for (const { kind, snapshot, waited, first, second } of found.all) {
    if (waited) met.waits += 1;
    const at = kind === 'rw' ? first : second;
    const { text, choice } = result.steps[at]!;
    const own = result.steps.slice(0, at).filter((step) => step.choice.actor === choice.actor);
    if (kind === 'ww' || /for update|^(update|delete)/i.test(text) || own.some((step) => /^(update|insert|delete)/i.test(step.text)))
      continue;
    const reply = result.steps[at]!.outcome;
    const rows = reply.kind === 'blocked' || reply.reply.kind !== 'result' ? [] : reply.reply.rows;
    const asked = await machine.engine.query(result.steps[snapshot]!.before.engine, text);
    expect(asked.map((row) => Object.values(row))).toEqual(rows);
    met.reads += 1;
  }

  const happened = outcome(result, drawn.scripts.length);
  const serial = new Map<string, string>();
  for (const order of permutations([...drawn.scripts.keys()]))
    serial.set(order.join(), outcome(await run(machine, oneAfterTheOther(order)), order.length));
  const order = serialOrder(found);
  if (![...serial.values()].includes(happened)) {
    met.notSerialisable += 1;
    expect(anyCycle(found)).not.toBeNull();
  }
  if (order === null) {
    met.cycles += 1;
    expect(anyCycle(found)).not.toBeNull();
  } else {
    met.orders += 1;
    const actors = order.map((index) => Number(found.transactions[index]!.actor.slice(1)) - 1);
    expect(serial.get(actors.join())).toBe(happened);
  }
}

test(`explanations claim what was so (seed ${SEED})`, { timeout: 300_000 }, async () => {
  await fc.assert(fc.asyncProperty(program, check), { seed: SEED, numRuns: HISTORIES });
  for (const count of Object.values(met)) expect(count).toBeGreaterThan(2);
});
