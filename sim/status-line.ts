import { printable } from './screen.js';

/** One line on a terminal that says what is being done; nothing where there is no terminal. */
export class StatusLine {
  readonly #stream: NodeJS.WriteStream;
  readonly #enabled: boolean;
  #shown = '';
  #drawnMs = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#enabled = stream.isTTY === true && process.env.TERM !== 'dumb';
  }

  show(text: string): void {
    const now = Date.now();
    if (!this.#enabled || text === this.#shown || now - this.#drawnMs < 80) return;
    this.#drawnMs = now;
    this.#shown = text;
    // A terminal that does not know its width says 0.
    const width = this.#stream.columns || 80;
    this.#stream.write(`\r\u001b[2K${printable(text).slice(0, width - 1)}`);
  }

  /** Makes room for a real line. */
  clear(): void {
    if (!this.#enabled || this.#shown === '') return;
    this.#stream.write('\r\u001b[2K');
    this.#shown = '';
  }
}
