import type { Client } from 'pg';

/** The parts of pg's Connection that a question is sent with. */
interface Wire {
  readonly stream: { cork(): void; uncork(): void };
  parse(message: { text: string; name: string; types: number[] }): void;
  bind(message: { portal: string; statement: string; values: readonly string[] }): void;
  execute(message: { portal: string; rows: number }): void;
  sync(): void;
}

/** Rows as the server writes them: its text for every value. */
export type TextRows = readonly (readonly (string | null)[])[];

/**
 * A query that is asked again and again, on the wire: prepared once, its values and answers are text. `pg` calls the handlers (its Submittable
 * interface). What `pg`'s own queries do besides, describing and converting every result, costs more than the server's answer.
 */
export class Question {
  readonly answer: Promise<TextRows>;
  readonly #name: string;
  readonly #text: string | null;
  readonly #values: readonly string[];
  readonly #rows: (string | null)[][] = [];
  #settle!: (rows: TextRows) => void;
  #fail!: (error: Error) => void;
  #error: Error | null = null;

  /** `text` is null where the server has parsed it before, under the same name. */
  constructor(name: string, text: string | null, values: readonly string[]) {
    this.#name = name;
    this.#text = text;
    this.#values = values;
    this.answer = new Promise((resolve, reject) => {
      this.#settle = resolve;
      this.#fail = reject;
    });
  }

  submit(wire: Wire): void {
    wire.stream.cork();
    if (this.#text !== null) wire.parse({ text: this.#text, name: this.#name, types: [] });
    wire.bind({ portal: '', statement: this.#name, values: this.#values });
    wire.execute({ portal: '', rows: 0 });
    wire.sync();
    wire.stream.uncork();
  }

  handleDataRow(message: { readonly fields: (string | null)[] }): void {
    this.#rows.push(message.fields);
  }

  handleError(error: Error): void {
    this.#error ??= error;
    // A lost connection has no ReadyForQuery behind it.
    this.#fail(this.#error);
  }

  handleReadyForQuery(): void {
    this.#settle(this.#rows);
  }

  handleRowDescription(): void {}
  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
  handleCopyInResponse(): void {}
}

/** Asks questions over a connection, and remembers which it has parsed. */
export class Questions {
  readonly #client: Client;
  readonly #parsed = new Set<string>();

  constructor(client: Client) {
    this.#client = client;
  }

  /** Under one name there is one text. */
  async ask(name: string, text: string, values: readonly string[] = []): Promise<TextRows> {
    const question = new Question(name, this.#parsed.has(name) ? null : text, values);
    (this.#client as unknown as { query(submittable: Question): void }).query(question);
    const rows = await question.answer;
    this.#parsed.add(name);
    return rows;
  }
}
