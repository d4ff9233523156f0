/** Verdicts are honest: each thing that could go wrong in the harness itself is made to go wrong, and must change what is said. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { pessimistic } from '../sim/systems/events/variants/pessimistic.js';
import type { Action } from '../src/engine/contract.js';
import type { ModelState } from '../src/engine/model/state.js';
import { Inspector } from '../src/engine/postgres/inspector.js';
import type { GraphEdge } from '../src/explore/graph.js';
import {
  combine,
  DEFAULT_LIMITS,
  explorePlan,
  ModelEngine,
  type Operation,
  openServer,
  type Plan,
  type PlanOptions,
  PostgresEngine,
  type PostgresServer,
  type Scenario,
} from '../src/index.js';

type CoveringSchedules = typeof import('../src/explore/cover.js')['coveringSchedules'];

const spoiled = vi.hoisted(() => ({ coveringSchedules: null as ((honest: CoveringSchedules) => CoveringSchedules) | null }));

vi.mock('../src/explore/cover.js', async (load) => {
  const honest = await load<typeof import('../src/explore/cover.js')>();
  const coveringSchedules: CoveringSchedules = (...given) =>
    (spoiled.coveringSchedules?.(honest.coveringSchedules) ?? honest.coveringSchedules)(...given);
  return { ...honest, coveringSchedules };
});

let server: PostgresServer;
let postgres: PostgresEngine;

beforeAll(async () => {
  server = await openServer('embedded');
  postgres = new PostgresEngine(server);
});

afterEach(async () => {
  vi.restoreAllMocks();
  spoiled.coveringSchedules = null;
  // What was made to go wrong may have left it in any state.
  await postgres.close();
  postgres = new PostgresEngine(server);
});

afterAll(async () => {
  await postgres?.close();
  await server?.close();
});

const explore = (scenario: Scenario, plan: Plan, options: Partial<PlanOptions> = {}) =>
  explorePlan(scenario, plan, { strategy: 'auto', limits: DEFAULT_LIMITS, postgres, model: true, ...options });

/** Two who want the last seat. */
const plan: Plan = {
  scenario: pessimistic.name,
  workload: 'pair',
  isolation: 'READ COMMITTED',
  capacity: 1,
  actors: ['alice', 'bob'].map((name) => ({ name, operation: 'bookSeats', input: { userId: 1, eventId: 1, seats: 1 } })),
  seed: 'verdicts',
};

test('two bookers who lock the row are proved', async () => {
  const { verdict, model, postgres: confirmed } = await explore(pessimistic, plan);
  expect(verdict).toBe('proved');
  expect(confirmed).toMatchObject({ transitionsConfirmed: model!.transitions, transitionsUnforceable: 0, divergences: 0 });
});

describe('and are not', () => {
  test('where one transition was not confirmed', async () => {
    spoiled.coveringSchedules = (honest) => (graph, limit, allowed, taken) => {
      const entered = new Map<number, GraphEdge[]>();
      for (const edge of graph.nodes.flatMap((node) => node.edges)) entered.set(edge.to.id, [...(entered.get(edge.to.id) ?? []), edge]);
      const forgotten = [...entered.values()].find((edges) => edges.length > 1)![0];
      const { schedules } = honest(graph, limit, (node, edge) => edge !== forgotten && (allowed?.(node, edge) ?? true), taken);
      return { schedules, unforceable: 0 };
    };
    const { verdict, reason, model } = await explore(pessimistic, plan);
    expect({ verdict, reason }).toEqual({
      verdict: 'explored',
      reason: `${model!.transitions - 1} of ${model!.transitions} transitions were seen on PostgreSQL`,
    });
  });

  test('where the time was up before the last schedule', async () => {
    let searched = false;
    let asked = 0;
    spoiled.coveringSchedules =
      (honest) =>
      (...given) => {
        searched = true;
        return honest(...given);
      };
    const { verdict, limits } = await explore(pessimistic, plan, { expired: () => searched && ++asked > 2 });
    expect({ verdict, limits }).toEqual({ verdict: 'explored', limits: ['time'] });
  });

  test('where the time was up before the search of the model had ended', async () => {
    let asked = 0;
    const { verdict, reason, limits, postgres: confirmed } = await explore(pessimistic, plan, { expired: () => ++asked > 2 });
    expect({ verdict, limits, confirmed }).toEqual({ verdict: 'inconclusive', limits: ['time'], confirmed: null });
    expect(reason).toMatch(/^the time was up after \d+ states \(--time\)$/);
  });

  test('where only so many schedules may run on the server', async () => {
    const { verdict, limits } = await explore(pessimistic, plan, { limits: { ...DEFAULT_LIMITS, serverRuns: 2 } });
    expect({ verdict, limits }).toEqual({ verdict: 'explored', limits: ['server-runs 2'] });
  });

  test('without a server', async () => {
    const { verdict, reason } = await explore(pessimistic, plan, { postgres: null });
    expect({ verdict, reason }).toEqual({ verdict: 'explored', reason: expect.stringContaining('not confirmed on PostgreSQL') });
  });

  test('where the model ignores FOR UPDATE', async () => {
    const apply = ModelEngine.prototype.apply;
    vi.spyOn(ModelEngine.prototype, 'apply').mockImplementation(function (
      this: ModelEngine,
      state: ModelState,
      action: Action,
    ): ReturnType<ModelEngine['apply']> {
      if (action.kind !== 'statement') return apply.call(this, state, action);
      const text = action.statement.text.replace(' FOR UPDATE', '');
      return apply.call(this, state, { ...action, statement: { ...action.statement, text } });
    });
    const { verdict, divergence, limits } = await explore(pessimistic, plan);
    expect({ verdict, limits }).toEqual({ verdict: 'diverged', limits: [] });
    expect(divergence).toMatchObject({ what: 'outcome', server: 'waits' });
  });

  test('where nobody looks again, after a commit, who may go on', async () => {
    const { blocking, inspect } = Inspector.prototype;
    const waited = new Map<number, readonly number[]>();
    vi.spyOn(Inspector.prototype, 'blocking').mockImplementation(async function (this: Inspector, pids) {
      const found = await blocking.call(this, pids);
      for (const [pid, blockers] of found) waited.set(pid, blockers);
      return found;
    });
    vi.spyOn(Inspector.prototype, 'inspect').mockImplementation(async function (this: Inspector, pids, careful) {
      return { ...(await inspect.call(this, pids, careful)), blocking: waited };
    });
    const { verdict, divergence } = await explore(pessimistic, plan);
    expect(verdict).toBe('diverged');
    expect(divergence).toMatchObject({
      what: expect.stringMatching(/^state of /),
      model: 'freed, in a transaction',
      server: expect.stringMatching(/^waiting/),
    });
  });

  test('where the server shows another outcome once, and not again', async () => {
    const { inspect } = Inspector.prototype;
    let looks = 0;
    vi.spyOn(Inspector.prototype, 'inspect').mockImplementation(async function (this: Inspector, pids, careful) {
      const seen = await inspect.call(this, pids, careful);
      looks += 1;
      return looks === 3 ? { ...seen, committed: { tables: {}, sequences: {} } } : seen;
    });
    const { verdict, reason, divergence } = await explore(pessimistic, plan);
    expect({ verdict, divergence }).toEqual({ verdict: 'racy', divergence: null });
    expect(reason).toContain('once, and not again');
  });

  test('where what must be seen for the pass to mean anything was not seen', async () => {
    const outcome = await explore(pessimistic, plan, { postgres: null });
    expect(combine(pessimistic, 'READ COMMITTED', [outcome]).verdict).toBe('explored');
    const { verdict, reason } = combine({ ...pessimistic, requires: ['lock-wait', 'deadlock'] }, 'READ COMMITTED', [outcome]);
    expect({ verdict, reason }).toEqual({ verdict: 'vacuous', reason: 'required, and never seen: deadlock' });
  });
});

describe('an actor that depends on more than its input and its replies is reported', () => {
  const bookSeats = pessimistic.operations.bookSeats!;
  const strayed = (stray: Operation): Scenario => ({ ...pessimistic, operations: { ...pessimistic.operations, bookSeats: stray } });

  test('it draws its own chance', async () => {
    const scenario = strayed(async (context, input) => {
      await context.client.query('SELECT 1');
      await context.client.query('SELECT $1::text', [String(Math.random())]);
      return bookSeats(context, input);
    });
    await expect(explore(scenario, plan, { postgres: null })).rejects.toMatchObject({
      name: 'NondeterminismError',
      message: expect.stringMatching(/^(alice|bob) did something else .* at its step 2 it came to SELECT \$1::text with \["0\./),
    });
  });

  test('it looks at the clock on the wall', async () => {
    let now = 0;
    vi.spyOn(Date, 'now').mockImplementation(() => ++now);
    const scenario = strayed(async (context, input) => {
      await context.client.query(`SELECT ${Date.now()}`);
      return bookSeats(context, input);
    });
    await expect(explore(scenario, plan, { postgres: null })).rejects.toMatchObject({
      message: expect.stringContaining('at its step 1 it came to SELECT'),
    });
  });

  test('it counts its calls', async () => {
    let calls = 0;
    const scenario = strayed(async (context, input) => ({ ...((await bookSeats(context, input)) as object), call: ++calls }));
    await expect(explore(scenario, plan, { postgres: null })).rejects.toMatchObject({
      message: expect.stringContaining('it came to its end, {'),
    });
  });

  test('it tells of chance in an event', async () => {
    const scenario = strayed(async (context, input) => {
      context.emit({ type: 'booking.attempted', chance: Math.random() });
      return bookSeats(context, input);
    });
    await expect(explore(scenario, plan, { postgres: null })).rejects.toMatchObject({
      message: expect.stringContaining('it came to the event {'),
    });
  });
});
