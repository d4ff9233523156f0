/** What a scenario's code does behind lastseat's back while a job is under way. Outside of lastseat each would have ended the process. */
export interface Stray {
  readonly kind: 'rejection' | 'exception' | 'exit';
  readonly reason: unknown;
}

/** Notes rejections of promises that nobody awaits, errors that nobody catches, as in timers, and calls of `process.exit`, which then end nothing. */
export class Strays {
  #first: Stray | null = null;
  #exit: typeof process.exit | null = null;
  /** The process is there for the job alone: what ends it belongs to the job. */
  readonly #ownsProcess: boolean;
  readonly #rejected = (reason: unknown) => this.#note('rejection', reason);
  readonly #thrown = (reason: unknown) => this.#note('exception', reason);

  constructor(ownsProcess: boolean) {
    this.#ownsProcess = ownsProcess;
  }

  listen(): void {
    this.#first = null;
    process.on('unhandledRejection', this.#rejected);
    if (!this.#ownsProcess) return;
    process.on('uncaughtException', this.#thrown);
    this.#exit = process.exit;
    process.exit = (code?: number | string | null): never => {
      const called = new Error(`process.exit(${code ?? ''}) was called`);
      this.#note('exit', called);
      throw called;
    };
  }

  stop(): void {
    process.off('unhandledRejection', this.#rejected);
    process.off('uncaughtException', this.#thrown);
    if (this.#exit !== null) process.exit = this.#exit;
  }

  #note(kind: Stray['kind'], reason: unknown): void {
    this.#first ??= { kind, reason };
  }

  /** The first one since `listen`. */
  get first(): Stray | null {
    return this.#first;
  }
}
