/** Rejections of promises that nobody awaits, while a job is under way. Outside of lastseat they would have ended the process. */
export class Strays {
  #first: { readonly reason: unknown } | null = null;
  readonly #note = (reason: unknown) => {
    this.#first ??= { reason };
  };

  listen(): void {
    this.#first = null;
    process.on('unhandledRejection', this.#note);
  }

  stop(): void {
    process.off('unhandledRejection', this.#note);
  }

  /** The first one since `listen`. */
  get first(): { readonly reason: unknown } | null {
    return this.#first;
  }
}
