import pg from 'pg';
import utils from 'pg/lib/utils.js';
import { type Field, inContentOrder, type Reply } from '../../reply.js';
import { readStatement, type StatementText } from '../../sql/text.js';
import { beginDrawing, drawFrom, mayDraw } from '../chance-functions.js';
import { setClock, withClock } from '../clock-functions.js';
import { EngineError, type Statement } from '../contract.js';
import { plainValue } from '../plain-value.js';
import { onServer, SEVERAL_STATEMENTS, settingsOnServer } from '../session-functions.js';
import { typeName } from '../type-names.js';
import { connect } from './providers/client.js';
import type { Connection } from './providers/server.js';
import { ACTOR_SETTINGS } from './session-settings.js';
import type { SessionTraces } from './session-traces.js';

/** The parts of pg's Connection that a statement is sent with. */
interface Wire {
  readonly stream: { cork(): void; uncork(): void; destroy(): void };
  parse(message: { text: string; name: string; types: number[] }): void;
  bind(message: { portal: string; statement: string; values: unknown[]; valueMapper: (value: unknown) => unknown }): void;
  describe(message: { type: 'P'; name: string }): void;
  execute(message: { portal: string; rows: number }): void;
  flush(): void;
  sync(): void;
  on(event: 'readyForQuery', listener: (message: { status: string }) => void): void;
  on(event: 'parseComplete', listener: () => void): void;
}

interface ServerMessage {
  readonly severity?: string;
  readonly message: string;
  readonly code?: string;
  readonly constraint?: string;
  readonly table?: string;
}

/** A connection of one actor. It has one statement under way at the most. */
export class Session {
  readonly pid: number;
  #stream: string | null = null;
  #hasDrawn = false;
  /** It may hold what the next run must not inherit. */
  dirty = false;
  /** Resolves when the connection is gone; a backend closes it when it has exited. */
  readonly ended: Promise<void>;
  readonly #client: pg.Client;
  readonly #major: number;
  readonly #wire: Wire;
  readonly #traces: SessionTraces;
  #status = 'I';
  #current: Exchange | null = null;
  #lost: Error | null = null;
  #clockMs: number | null = null;
  readonly #prepared = new Prepared();

  private constructor(client: pg.Client, traces: SessionTraces, major: number) {
    this.#client = client;
    this.#traces = traces;
    this.#major = major;
    this.#wire = (client as unknown as { connection: Wire }).connection;
    this.pid = (client as unknown as { processID: number }).processID;
    this.#wire.on('readyForQuery', ({ status }) => {
      this.#status = status;
      const finished = this.#current;
      this.#current = null;
      finished?.ready();
    });
    this.#wire.on('parseComplete', () => this.#prepared.parsed());
    this.ended = new Promise((resolve) => {
      client.once('end', () => resolve());
    });
    client.on('error', (error) => {
      // Behind the server's last words the driver has its own.
      this.#lost ??= error;
      this.#current?.lose(error);
    });
  }

  static async connect(connection: Connection, traces: SessionTraces, major: number): Promise<Session> {
    return new Session(await connect(connection, { name: 'lastseat', settings: ACTOR_SETTINGS }), traces, major);
  }

  /** Inside a transaction block, or with a statement whose commit is owed. */
  get inTransaction(): boolean {
    return this.#status !== 'I' || this.#current !== null;
  }

  /** Inside a block, with nothing under way: a ROLLBACK makes it good for the next run. */
  get idleInTransaction(): boolean {
    return this.#status !== 'I' && this.#current === null;
  }

  /** It may have drawn, by itself or through a default of the schema. */
  noteDraws(): void {
    this.#hasDrawn = true;
  }

  /**
   * Sends a statement. Outside a transaction all but plain reads are held before their commit: Parse, Bind, Execute and Flush now, Sync
   * with {@link commit}. The promise settles with the reply; it stays pending as long as the server lets the statement wait.
   */
  send(statement: Statement): Exchange {
    if (this.#lost !== null) throw new EngineError(`the connection is lost: ${this.#lost.message}`);
    if (this.#current !== null) throw new EngineError('a statement is under way already');
    const text = readStatement(statement.text);
    this.#hasDrawn ||= mayDraw(statement.text);
    this.dirty ||= this.#traces.mayLeave(text, statement.text);
    const begins = statement.prelude.some((item) => item.begins);
    const held = this.#status === 'I' && !begins && text.kind === 'other' && !text.plainRead;
    const exchange = new Exchange(statement, held, text, this.#prepared, this.#major);
    this.#current = exchange;
    (this.#client as unknown as { query(submittable: Exchange): void }).query(exchange);
    return exchange;
  }

  /** Sends a script without parameters and waits for it. */
  async script(sql: string): Promise<void> {
    await this.#client.query(sql);
  }

  /** From which stream it draws what chance decides, from its first value on. Nothing is open. */
  async drawAs(stream: string): Promise<void> {
    const asBefore = this.#stream === stream;
    if (asBefore && !this.#hasDrawn) return;
    await this.script(asBefore ? drawFrom(0) : `${beginDrawing(stream)}; ${drawFrom(0)}`);
    this.#stream = stream;
    this.#hasDrawn = false;
  }

  /** What now() is in the transactions that begin from here on. Within one it stands still, and nothing is done. */
  async setClock(clockMs: number): Promise<void> {
    if (this.#clockMs === clockMs || this.#status !== 'I') return;
    this.#clockMs = clockMs;
    await this.script(setClock(clockMs));
  }

  /** SQLSTATE of the server's last words to a session that had nothing under way; null as long as it lives. */
  get lastWords(): string | null {
    return this.#lost === null ? null : ((this.#lost as { code?: string }).code ?? '');
  }

  /** Cuts the connection without a goodbye: a backend that waits for a lock would not read it. */
  destroy(): void {
    this.#wire.stream.destroy();
  }
}

/** Statements that a session keeps. Others go without a name. */
const MOST_PREPARED = 500;

/**
 * Statements that a session has parsed before, by text. The server plans them anew for every run (`plan_cache_mode`), as it does where a client
 * sends them without a name: only parsing them again is saved.
 */
class Prepared {
  readonly #names = new Map<string, string>();
  #parsing: { readonly text: string; readonly name: string }[] = [];
  #count = 0;

  /** Before a message: what an earlier one had to parse, and did not because of an error, is forgotten. */
  begin(): void {
    this.#parsing = [];
  }

  take(text: string): { name: string; known: boolean } {
    const known = this.#names.get(text);
    if (known !== undefined) return { name: known, known: true };
    this.#count += 1;
    const name = this.#names.size < MOST_PREPARED ? `s${this.#count}` : '';
    this.#parsing.push({ text, name });
    return { name, known: false };
  }

  /** The server has parsed the first of those that it was sent. */
  parsed(): void {
    const first = this.#parsing.shift();
    if (first !== undefined && first.name !== '') this.#names.set(first.text, first.name);
  }
}

/** One statement on the wire. `pg` calls the handlers; see its Submittable interface. */
export class Exchange {
  /** True while the statement has run and its commit is owed. */
  held: boolean;
  /** The statement's reply; once {@link commit} was called, that of its commit. */
  reply: Promise<Reply>;
  #settle!: (reply: Reply) => void;
  #fail!: (error: Error) => void;
  #answered = false;
  #outcome: Reply | null = null;
  #fatal = false;
  #lastWords: Deferred | null = null;
  readonly #statement: Statement;
  readonly text: StatementText;
  readonly #prepared: Prepared;
  /** What settings are sent as. */
  readonly #settings: ReturnType<typeof settingsOnServer>;
  /** The statement as the server is sent it. */
  readonly #text: string;
  #expected: number;
  #fields: Field[] = [];
  #parsers: ((text: string) => unknown)[] = [];
  #rows: unknown[][] = [];
  #wire: Wire | null = null;

  constructor(statement: Statement, held: boolean, text: StatementText, prepared: Prepared, major: number) {
    this.#statement = statement;
    this.held = held;
    this.text = text;
    this.#prepared = prepared;
    this.#settings = settingsOnServer(statement.text, major);
    this.#text = this.#settings?.texts.at(-1) ?? onServer(statement.text, major);
    this.#expected = statement.prelude.length + (this.#settings?.texts.length ?? 1);
    this.reply = this.#expectReply();
  }

  #expectReply(): Promise<Reply> {
    this.#answered = false;
    const reply = new Promise<Reply>((resolve, reject) => {
      this.#settle = resolve;
      this.#fail = reject;
    });
    reply.catch(() => {
      // Whoever waits for the reply gets the error; a run that was given up does not wait any more.
    });
    return reply;
  }

  get answered(): boolean {
    return this.#answered;
  }

  /** Ends the implicit transaction of a held statement. */
  commit(): void {
    this.held = false;
    this.reply = this.#expectReply();
    this.#wire!.sync();
  }

  /** What the server says as it ends the session in the middle of the statement. */
  lastWords(): Promise<Reply> {
    this.#lastWords = deferred();
    return this.#lastWords.promise;
  }

  submit(wire: Wire): void {
    this.#wire = wire;
    wire.stream.cork();
    this.#prepared.begin();
    for (const item of this.#statement.prelude) this.#emit(wire, item.text, []);
    for (const text of this.#settings?.texts.slice(0, -1) ?? []) this.#emit(wire, text, []);
    this.#emit(wire, this.#text, this.#statement.values);
    if (this.held) wire.flush();
    else wire.sync();
    wire.stream.uncork();
  }

  #emit(wire: Wire, text: string, values: readonly unknown[]): void {
    const { name, known } = this.#prepared.take(withClock(text));
    if (!known) wire.parse({ text: withClock(text), name, types: [] });
    wire.bind({ portal: '', statement: name, values: [...values], valueMapper: utils.prepareValue });
    wire.describe({ type: 'P', name: '' });
    wire.execute({ portal: '', rows: 0 });
  }

  handleRowDescription(message: { fields: { name: string; dataTypeID: number }[] }): void {
    this.#fields = message.fields.map((field) => ({ name: field.name, type: typeName(field.dataTypeID) }));
    this.#parsers = message.fields.map((field) => pg.types.getTypeParser(field.dataTypeID, 'text') as (text: string) => unknown);
    this.#rows = [];
  }

  handleDataRow(message: { fields: (string | null)[] }): void {
    this.#rows.push(message.fields.map((text, index) => (text === null ? null : plainValue(this.#parsers[index]!(text)))));
  }

  handleCommandComplete(message: { text: string }): void {
    this.#expected -= 1;
    if (this.#expected > 0) return;
    const match = /^([A-Za-z]+)(?: (\d+))?(?: (\d+))?/.exec(message.text);
    const count = match?.[3] ?? match?.[2];
    if (this.#settings !== null) {
      const { tag } = this.#settings;
      const [fields, rows] = tag === 'SHOW' ? [this.#fields, this.#rows] : [[], []];
      this.#answer({ kind: 'result', command: tag, rowCount: null, fields, rows });
      return;
    }
    this.#answer({
      kind: 'result',
      command: match?.[1] ?? message.text,
      rowCount: count === undefined ? null : Number(count),
      fields: this.#fields,
      rows: this.text.ordered ? this.#rows : inContentOrder(this.#rows),
    });
  }

  handleEmptyQuery(): void {
    this.#answer({ kind: 'result', command: '', rowCount: null, fields: [], rows: [] });
  }

  handleError(error: ServerMessage): void {
    // Behind the server's last words the driver has its own.
    if (this.#fatal) return;
    this.#fatal = error.severity === 'FATAL';
    const failed = this.#answered;
    this.#outcome = {
      kind: 'error',
      code: error.code ?? '',
      message: this.#messageOf(error),
      constraint: error.constraint ?? null,
      table: error.table ?? null,
    };
    // What was held is over now: without a Sync the server ignores all that follows.
    if (this.held && !failed && !this.#fatal) this.#wire?.sync();
    if (!failed) this.held = false;
  }

  /** Statements are prepared under names of ours; who sent them gave none. */
  #messageOf({ code, message }: ServerMessage): string {
    if (code === '42601' && this.text.several && this.#statement.values.length === 0) return SEVERAL_STATEMENTS;
    return message.replace(/prepared statement "s\d+"/, 'prepared statement ""');
  }

  handlePortalSuspended(): void {}

  handleCopyInResponse(): void {
    this.lose(new EngineError('COPY is not supported'));
  }

  handleReadyForQuery(): void {}

  #answer(reply: Reply): void {
    this.#outcome = reply;
    if (!this.held) return;
    this.#answered = true;
    this.#settle(reply);
  }

  /** The server is done with it: in a held statement's case, committed. */
  ready(): void {
    const reply = this.#outcome ?? { kind: 'result', command: '', rowCount: null, fields: [], rows: [] };
    this.#answered = true;
    this.#settle(reply);
  }

  lose(error: Error): void {
    this.#answered = true;
    const lost = new EngineError(`the connection is lost: ${error.message}`);
    this.#fail(lost);
    if (this.#fatal) this.#lastWords?.settle(this.#outcome!);
    else this.#lastWords?.fail(lost);
  }
}

interface Deferred {
  readonly promise: Promise<Reply>;
  readonly settle: (reply: Reply) => void;
  readonly fail: (error: Error) => void;
}

function deferred(): Deferred {
  let settle!: (reply: Reply) => void;
  let fail!: (error: Error) => void;
  const promise = new Promise<Reply>((resolve, reject) => {
    settle = resolve;
    fail = reject;
  });
  return { promise, settle, fail };
}
