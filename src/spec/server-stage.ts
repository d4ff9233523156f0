import { NO_TIMEOUTS, type Settings } from '../engine/postgres/providers/client.js';
import type { PostgresServer, ScratchDatabase } from '../engine/postgres/providers/server.js';
import { TextSessions } from '../engine/postgres/text-sessions.js';
import type { IsolationLevel } from '../scenario.js';
import { Inbox } from './inbox.js';
import type { Specification } from './specification.js';
import { CONTROL, type SessionIndex, type Stage } from './stage.js';

export interface ServerStageOptions {
  /** What a transaction has that names no level. */
  readonly isolation: IsolationLevel;
  readonly patienceMs: number;
}

/** A specification's sessions on a real server, in a database of their own. */
export class ServerStage implements Stage {
  readonly #names: readonly string[];
  readonly #database: ScratchDatabase;
  readonly #inboxes: Inbox[];
  readonly #sessions: TextSessions;

  private constructor(names: readonly string[], database: ScratchDatabase, inboxes: Inbox[], sessions: TextSessions) {
    this.#names = names;
    this.#database = database;
    this.#inboxes = inboxes;
    this.#sessions = sessions;
  }

  static async open(server: PostgresServer, specification: Specification, options: ServerStageOptions): Promise<ServerStage> {
    const database = await server.createDatabase();
    const { connection } = database;
    const names = specification.sessions.map((session) => session.name);
    const inboxes = ['', ...names].map(() => new Inbox());
    const sessions = await TextSessions.open({
      connection,
      // As isolationtester calls them, for specifications that look themselves up in pg_stat_activity.
      names: ['lastseat', ...names.map((name) => `/${name}`)],
      settings: settings(server, options.isolation),
      hear: (session, message) => inboxes[session]!.push(message),
      mayTimeOut: mentions(specification, /(?<!deadlock_)timeout/i),
      mayBeSignalled: mentions(specification, /pg_(?:cancel|terminate)_backend/i),
      patienceMs: options.patienceMs,
    });
    return new ServerStage(names, database, inboxes, sessions);
  }

  inbox(session: SessionIndex): Inbox {
    return this.#inboxes[session - CONTROL]!;
  }

  send(session: SessionIndex, sql: string): void {
    this.#sessions.send(session - CONTROL, sql);
  }

  settle(session: SessionIndex, atMost?: number): Promise<boolean> {
    return this.#sessions.settle(session - CONTROL, atMost);
  }

  idle(): Promise<boolean> {
    return this.#sessions.idle();
  }

  async waitsFor(session: SessionIndex): Promise<readonly string[]> {
    const indexes = await this.#sessions.waitsFor(session - CONTROL);
    return indexes.map((index) => (index === 0 ? 'the control session' : (this.#names[index - 1] ?? 'a session of somebody else')));
  }

  senderOf(pid: number): string {
    return this.#names.find((_, session) => this.#sessions.pid(session - CONTROL) === pid) ?? `PID ${pid}`;
  }

  /** After a permutation that was given up: fresh sessions, so that nobody waits for ever. The control session stays. */
  async reset(): Promise<void> {
    const indexes = [...this.#names.keys()].map((session) => session - CONTROL);
    await this.#sessions.replace(indexes);
    // Not before: the old sessions have said that they are closed.
    for (const index of indexes) this.#inboxes[index] = new Inbox();
  }

  async close(): Promise<void> {
    await this.#sessions.close();
    await this.#database.drop();
  }
}

/** PostgreSQL's own defaults, whatever the server is set to: they show in results, end waits, and decide who is a deadlock's victim. */
function settings(server: PostgresServer, isolation: IsolationLevel): Settings {
  return {
    ...NO_TIMEOUTS,
    default_transaction_isolation: isolation.toLowerCase(),
    TimeZone: 'UTC',
    DateStyle: 'ISO,MDY',
    ...(server.canSetDeadlockTimeout ? { deadlock_timeout: '1s' } : {}),
  };
}

/** What can end a wait from outside is set or called here or nowhere: the database is new. */
function mentions({ setups, sessions }: Specification, what: RegExp): boolean {
  const texts = [...setups, ...sessions.flatMap((session) => [session.setup ?? '', ...session.steps.map((step) => step.sql)])];
  return texts.some((text) => what.test(text));
}
