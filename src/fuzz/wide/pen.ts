import { Draws } from '../draws.js';

/** Choices, and what was written with them: constructs by name, for the share of each that is modelled. */
export class Pen {
  readonly #draws: Draws;
  readonly #uses = new Set<string>();

  constructor(numbers: readonly number[]) {
    this.#draws = new Draws(numbers);
  }

  /** One of the options; the first is the simplest. */
  pick<T>(...options: readonly T[]): T {
    return this.#draws.pick(...options);
  }

  /** One of a list of any length. */
  from<T>(list: readonly T[]): T {
    if (list.length <= WIDTH) return this.#draws.pick(...list);
    const groups = Math.ceil(list.length / WIDTH);
    const group = this.#draws.pick(...Array.from({ length: groups }, (_, index) => index));
    return this.#draws.pick(...list.slice(group * WIDTH, (group + 1) * WIDTH));
  }

  /** True once in so many times, and never where choices have ended. */
  once(times: number): boolean {
    return this.#draws.pick(...Array.from({ length: times }, (_, index) => index === times - 1));
  }

  /** Notes that a construct is used. */
  uses(construct: string): void {
    this.#uses.add(construct);
  }

  get used(): readonly string[] {
    return [...this.#uses].sort();
  }
}

/** A draw tells apart at most this many options. */
const WIDTH = 60;
