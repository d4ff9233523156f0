/** Walks a tree of choices, depth first, by doing everything again from the start: one way of choosing after the other. */
export class Chooser {
  readonly #taken: number[] = [];
  readonly #widths: number[] = [];
  #at = 0;

  /** One of `width` possibilities; the first way takes the first of each. */
  choose(width: number): number {
    if (width < 2) return 0;
    const index = this.#at;
    this.#at += 1;
    if (index === this.#taken.length) {
      this.#taken.push(0);
      this.#widths.push(width);
    }
    return this.#taken[index]!;
  }

  /** Goes back to the start for the next way; false where all have been gone. What lay behind the last choice asked for is left out. */
  next(): boolean {
    this.#taken.length = this.#at;
    this.#widths.length = this.#at;
    this.#at = 0;
    while (this.#taken.length > 0) {
      const last = this.#taken.length - 1;
      this.#taken[last]! += 1;
      if (this.#taken[last]! < this.#widths[last]!) return true;
      this.#taken.pop();
      this.#widths.pop();
    }
    return false;
  }
}
