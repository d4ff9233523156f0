import type { Client } from 'pg';
import type { Message } from '../messages.js';
import { connect, type Settings } from './providers/client.js';
import type { Connection } from './providers/server.js';

/** The parts of pg's Connection that are below its queries. */
interface Wire {
  query(text: string): void;
  sendCopyFail(message: string): void;
  removeAllListeners(event: string): void;
  // biome-ignore lint/suspicious/noExplicitAny: the message's shape goes with the event's name.
  on(event: string, listener: (message: any) => void): void;
}

interface Diagnosis {
  readonly severity: string;
  readonly code: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
}

export interface TextSessionOptions {
  /** What the session is called at the server. */
  readonly name: string;
  readonly settings: Settings;
  readonly hear: (message: Message) => void;
}

/**
 * A session that sends simple queries, of any number of statements, and hands out what comes back as the server writes it. pg's Client makes the
 * connection; its queries know one result a query and lose the order of notices, so what the server says is taken from below them.
 */
export class TextSession {
  readonly pid: number;
  readonly #wire: Wire;

  private constructor(client: Client, hear: (message: Message) => void) {
    this.#wire = (client as unknown as { connection: Wire }).connection;
    this.pid = (client as unknown as { processID: number }).processID;
    const on = <T>(event: string, toMessage: (message: T) => Message) => {
      this.#wire.removeAllListeners(event);
      this.#wire.on(event, (message: T) => hear(toMessage(message)));
    };
    on('rowDescription', ({ fields }: { fields: { name: string }[] }) => ({ kind: 'fields', names: fields.map((field) => field.name) }));
    on('dataRow', ({ fields }: { fields: (string | null)[] }) => ({ kind: 'row', values: fields }));
    on('commandComplete', ({ text }: { text: string }) => ({ kind: 'complete', tag: text }));
    on('emptyQuery', () => ({ kind: 'complete', tag: '' }));
    on('errorMessage', (error: Diagnosis) => {
      const { severity, code, message } = error;
      return { kind: 'error', severity, code, message, details: detailsOf(error) };
    });
    on('notice', (notice: Diagnosis) => ({ kind: 'notice', text: textOf(notice) }));
    on('notification', ({ channel, payload, processId }: { channel: string; payload: string; processId: number }) => ({
      kind: 'notification',
      channel,
      payload,
      pid: processId,
    }));
    on('readyForQuery', () => ({ kind: 'ready' }));
    this.#wire.removeAllListeners('copyInResponse');
    this.#wire.on('copyInResponse', () => this.#wire.sendCopyFail('a simple query brings no data for COPY'));
    this.#wire.removeAllListeners('copyData');
    client.on('end', () => hear({ kind: 'closed' }));
  }

  static async connect(connection: Connection, options: TextSessionOptions): Promise<TextSession> {
    return new TextSession(await connect(connection, options), options.hear);
  }

  /** The session must have no query under way. */
  send(sql: string): void {
    this.#wire.query(sql);
  }
}

/** A notice as libpq puts it together. */
function textOf(notice: Diagnosis): string {
  return [`${notice.severity}:  ${notice.message}`, ...detailsOf(notice)].map((line) => `${line}\n`).join('');
}

const detailsOf = ({ detail, hint }: Diagnosis): string[] => [
  ...(detail === undefined ? [] : [`DETAIL:  ${detail}`]),
  ...(hint === undefined ? [] : [`HINT:  ${hint}`]),
];
