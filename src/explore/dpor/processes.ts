import { type Choice, isOwn } from '../../schedule/choice.js';

/** Happenings of one kind share what may still happen of it: they are one process, which takes one of several steps. */
const HAPPENINGS: readonly (readonly Choice['kind'][])[] = [
  ['tick'],
  ['crash'],
  ['cache-down'],
  ['lost', 'unanswered'],
  ['dies'],
  ['terminated'],
  ['cancelled'],
  ['statement-timeout'],
  ['lock-timeout'],
];

/** Who takes steps, numbered: the actors first, then what happens to them or to nobody. */
export class Processes {
  readonly #actors: number;

  constructor(actors: number) {
    this.#actors = actors;
  }

  get count(): number {
    return this.#actors + HAPPENINGS.length;
  }

  of(choice: Choice): number {
    return isOwn(choice) ? choice.actor : this.#actors + HAPPENINGS.findIndex((kinds) => kinds.includes(choice.kind));
  }
}
