import pg from 'pg';
import type { Client, OperationContext, Row } from '../../src/context.js';
import { Inspector } from '../../src/engine/postgres/inspector.js';
import type { Connection, PostgresServer, ScratchDatabase } from '../../src/engine/postgres/providers/server.js';
import { readRelations } from '../../src/engine/postgres/relations.js';
import { Reset } from '../../src/engine/postgres/reset.js';
import { ScriptSession } from '../../src/engine/postgres/script-session.js';
import type { Plan } from '../../src/plan/plan.js';
import type { Scenario } from '../../src/scenario.js';
import randomStream from '../../src/schedule/random.js';

export type Query = (text: string, values?: readonly unknown[]) => Promise<unknown>;

/** What is done to an actor's queries on their way to the server. */
export type Wrap = (actor: number, query: Query) => Query;

/** The operations of a plan at once, each over a connection of its own and in nobody's order; the invariants are checked at the end. */
export class FreeRun {
  readonly #scenario: Scenario;
  readonly #database: ScratchDatabase;
  readonly #inspector: Inspector;
  readonly #scripts: ScriptSession;
  readonly #reset: Reset;
  readonly #clients: pg.Client[] = [];

  private constructor(scenario: Scenario, database: ScratchDatabase, inspector: Inspector, scripts: ScriptSession, reset: Reset) {
    this.#scenario = scenario;
    this.#database = database;
    this.#inspector = inspector;
    this.#scripts = scripts;
    this.#reset = reset;
  }

  static async open(server: PostgresServer, scenario: Scenario): Promise<FreeRun> {
    const database = await server.createDatabase();
    const inspector = await Inspector.connect(database.connection);
    const scripts = await ScriptSession.connect(database.connection);
    await scripts.run(`CREATE SCHEMA lastseat; ${scenario.schema}`);
    const relations = await readRelations(scripts);
    inspector.learn(relations);
    return new FreeRun(scenario, database, inspector, scripts, await Reset.prepare(scripts, relations, server.canSetDeadlockTimeout));
  }

  /** Names of the invariants that do not hold when everybody is through. */
  async run(plan: Plan, wrap: Wrap = (_, query) => query): Promise<string[]> {
    while (this.#clients.length < plan.actors.length) this.#clients.push(await connect(this.#database.connection));
    await this.#reset.run(this.#scenario.seed({ capacity: plan.capacity }));
    const shared = sharedContext(this.#scenario);
    // What a session is set to outlives a round.
    for (const client of this.#clients) await client.query(`SET default_transaction_isolation TO '${plan.isolation.toLowerCase()}'`);
    await Promise.all(
      plan.actors.map(async (actor, index) => {
        const client = this.#clients[index]!;
        const query = wrap(index, (text, values) => client.query(text, values as unknown[]));
        const asked = (text: string | { text: string; values?: readonly unknown[] }, values?: readonly unknown[]) =>
          typeof text === 'string' ? query(text, values) : query(text.text, text.values);
        const own = { query: asked } as Client;
        const context = { ...shared, client: own, connect: async () => own, random: randomStream(`${plan.seed}/${actor.name}`) };
        // What an operation throws is an answer too: a stress test goes on.
        await this.#scenario.operations[actor.operation]!(context, actor.input).catch(() => undefined);
        await client.query('ROLLBACK');
        await client.query('SELECT pg_advisory_unlock_all()');
      }),
    );
    return this.#violated();
  }

  async #violated(): Promise<string[]> {
    const committed = await this.#inspector.committed();
    const violated: string[] = [];
    for (const { name, check, sql } of this.#scenario.invariants) {
      const found: readonly unknown[] = check?.(committed) ?? (await this.#rows(sql ?? ''));
      if (found.length > 0) violated.push(name);
    }
    return violated;
  }

  #rows(sql: string): Promise<Row[]> {
    return this.#inspector.query(sql);
  }

  /** Breaks connections off that hang. */
  async close(): Promise<void> {
    for (const client of this.#clients) client.end().catch(() => undefined);
    await this.#inspector.end();
    await this.#scripts.end();
    await this.#database.drop();
  }
}

async function connect(connection: Connection): Promise<pg.Client> {
  const client = new pg.Client(connection);
  // The database is dropped under a connection that hangs.
  client.on('error', () => undefined);
  await client.connect();
  // PostgreSQL's default; the cluster's own is for schedules, which break deadlocks when they please.
  await client.query("SET deadlock_timeout = '1s'");
  return client;
}

/** A store, a cache and a clock in memory, shared by all actors of a run. */
function sharedContext(scenario: Scenario): Pick<OperationContext, 'store' | 'cache' | 'clock' | 'emit'> {
  const files = new Map<string, string>(Object.entries(scenario.files ?? {}));
  const entries = new Map<string, string>();
  return {
    store: {
      read: async (name) => files.get(name) ?? null,
      write: async (name, content) => void files.set(name, content),
      rename: async (from, to) => {
        const content = files.get(from);
        if (content === undefined) throw Object.assign(new Error(`no such file: ${from}`), { code: 'ENOENT' });
        files.delete(from);
        files.set(to, content);
      },
      remove: async (name) => void files.delete(name),
      list: async () => [...files.keys()].sort(),
    },
    cache: {
      get: async (key) => entries.get(key) ?? null,
      set: async (key, value) => void entries.set(key, value),
      delete: async (key) => void entries.delete(key),
    },
    clock: { now: () => new Date(scenario.startsAt ?? '2026-01-01T00:00:00.000Z') },
    emit: () => undefined,
  };
}
