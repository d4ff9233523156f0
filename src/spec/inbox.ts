import type { Message, ServerError } from '../engine/messages.js';

export interface TextResult {
  readonly kind: 'result';
  /** `UPDATE 2`; empty for an empty query. */
  readonly tag: string;
  /** Null where the statement gives no rows: not even none. */
  readonly fields: readonly string[] | null;
  readonly rows: readonly (readonly (string | null)[])[];
}

export type Answer = TextResult | ServerError | { readonly kind: 'closed' };
export type Notification = Extract<Message, { kind: 'notification' }>;

/**
 * Reads messages as libpq does, whose habits decide the order of isolationtester's lines: an answer is taken as soon as it is complete,
 * together with the notices right behind it, and nothing further is read until somebody asks for the next.
 */
export class Inbox {
  /** Notices read so far. */
  notices = 0;
  readonly #messages: Message[] = [];
  #received = 0;
  #answer: Answer | null = null;
  #fields: readonly string[] | null = null;
  #rows: (readonly (string | null)[])[] = [];
  #notifications: Notification[] = [];
  #finished = true;
  #closed = false;

  push(message: Message): void {
    this.#messages.push(message);
    this.#received += 1;
    if (message.kind === 'ready' || message.kind === 'closed') this.#finished = true;
    if (message.kind === 'closed') this.#closed = true;
  }

  /** A query has been sent. */
  begin(): void {
    this.#finished = false;
  }

  /** Nothing of the last query is still to come. */
  get finished(): boolean {
    return this.#finished;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Grows with every message. */
  get received(): number {
    return this.#received;
  }

  /** Reads on until an answer is complete; notices on the way are handed out. */
  read(onNotice: (text: string) => void): void {
    for (let message = this.#messages[0]; message !== undefined; message = this.#messages[0]) {
      if (this.#answer !== null && message.kind !== 'notice' && message.kind !== 'notification') return;
      this.#messages.shift();
      switch (message.kind) {
        case 'notice':
          this.notices += 1;
          onNotice(message.text);
          break;
        case 'notification':
          this.#notifications.push(message);
          break;
        case 'fields':
          this.#fields = message.names;
          break;
        case 'row':
          this.#rows.push(message.values);
          break;
        case 'complete':
          this.#answer = { kind: 'result', tag: message.tag, fields: this.#fields, rows: this.#rows };
          this.#fields = null;
          this.#rows = [];
          break;
        case 'error':
        case 'closed':
          this.#answer = message;
          this.#fields = null;
          this.#rows = [];
          break;
        case 'ready':
          break;
      }
    }
  }

  /** The next answer of a finished query; null when there is none left. */
  take(onNotice: (text: string) => void): Answer | null {
    this.read(onNotice);
    const answer = this.#answer;
    this.#answer = null;
    return answer;
  }

  /** Notifications read so far, once. */
  takeNotifications(): Notification[] {
    return this.#notifications.splice(0);
  }
}
