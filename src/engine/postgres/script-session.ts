import type { Client } from 'pg';
import type { Row } from '../../context.js';
import { connect } from './providers/client.js';
import type { Connection } from './providers/server.js';
import { SESSION_SETTINGS } from './session-settings.js';

/**
 * The connection that makes the schema, and brings everything back to the first rows between two runs. It is not the inspector's: what is set here for
 * that (`session_replication_role`) would have all of that one's statements planned anew.
 */
export class ScriptSession {
  #client: Client;

  private constructor(client: Client) {
    this.#client = client;
  }

  static async connect(connection: Connection): Promise<ScriptSession> {
    return new ScriptSession(await newClient(connection));
  }

  /** To the same database, on a server that has crashed and is back. */
  async reconnect(connection: Connection): Promise<void> {
    this.#client = await newClient(connection);
  }

  async run(sql: string): Promise<void> {
    await this.#client.query(sql);
  }

  async query(sql: string): Promise<Row[]> {
    return (await this.#client.query<Row>(sql)).rows;
  }

  /** Runs a script, and gives the first value of its first row. */
  async firstValue(sql: string): Promise<unknown> {
    const answers = (await this.#client.query({ text: sql, rowMode: 'array' })) as unknown as Answer | Answer[];
    return (Array.isArray(answers) ? answers[0]! : answers).rows[0]![0];
  }

  /** Runs a script, and gives the first value of its last answer's first row. */
  async lastValue(sql: string): Promise<unknown> {
    const answers = (await this.#client.query({ text: sql, rowMode: 'array' })) as unknown as Answer | Answer[];
    return (Array.isArray(answers) ? answers.at(-1)! : answers).rows[0]![0];
  }

  async end(): Promise<void> {
    await this.#client.end();
  }
}

interface Answer {
  readonly rows: readonly (readonly unknown[])[];
}

const newClient = (connection: Connection) => connect(connection, { name: 'lastseat scripts', settings: SESSION_SETTINGS });
