import pg from 'pg';
import type { PostgresServer, ScratchDatabase } from '../../src/engine/postgres/providers/server.js';

/** How long a definition may take. */
const PATIENCE_MS = 5_000;

/** A database to try out which definitions of a script stand. */
export class Scratch {
  readonly #database: ScratchDatabase;
  readonly #client: pg.Client;

  private constructor(database: ScratchDatabase, client: pg.Client) {
    this.#database = database;
    this.#client = client;
  }

  static async open(server: PostgresServer): Promise<Scratch> {
    const database = await server.createDatabase();
    const client = new pg.Client({ ...database.connection, statement_timeout: PATIENCE_MS });
    await client.connect();
    return new Scratch(database, client);
  }

  /** Whether it went through. */
  async run(text: string): Promise<boolean> {
    try {
      await this.#client.query(text);
      return true;
    } catch {
      return false;
    }
  }

  async close(): Promise<void> {
    await this.#client.end();
    await this.#database.drop();
  }
}
