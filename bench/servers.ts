/** Embedded servers for measurements, closed on every way out. */
import { PostgresEngine } from '../src/engine/postgres/engine.js';
import { openServer } from '../src/engine/postgres/providers/open.js';
import type { Connection, PostgresServer } from '../src/engine/postgres/providers/server.js';

export interface BenchServer {
  readonly engine: PostgresEngine;
  /** The engine's database. It is there once a run has been started on the engine. */
  readonly database: () => Connection;
}

export class Servers {
  /** Of the last server opened. */
  version: string | null = null;
  readonly #open = new Set<() => Promise<void>>();

  /** Opens a server, pinned to a core if one is given, for as long as `work` takes. */
  async use<T>(core: number | null, work: (server: BenchServer) => Promise<T>): Promise<T> {
    const server = await openServer('embedded', core === null ? {} : { cpu: core });
    this.version = server.version;
    const databases: Connection[] = [];
    const engine = new PostgresEngine(noting(server, databases));
    const close = async () => {
      this.#open.delete(close);
      await engine.close().catch(() => undefined);
      await server.close();
    };
    this.#open.add(close);
    try {
      return await work({
        engine,
        database: () => {
          const last = databases.at(-1);
          if (last === undefined) throw new Error('the engine has no database yet');
          return last;
        },
      });
    } finally {
      await close();
    }
  }

  /** For signals: what is open is closed, whatever it is doing. */
  async closeAll(): Promise<void> {
    await Promise.all([...this.#open].map((close) => close()));
  }
}

/** The same server, with a note of the databases that are made on it. */
function noting(server: PostgresServer, databases: Connection[]): PostgresServer {
  const { kind, version, major, canFreeze, canSetDeadlockTimeout, limitations } = server;
  return {
    kind,
    version,
    major,
    canFreeze,
    canSetDeadlockTimeout,
    limitations,
    createDatabase: async () => {
      const database = await server.createDatabase();
      databases.push(database.connection);
      return database;
    },
    close: () => server.close(),
  };
}
