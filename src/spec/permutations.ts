import type { PermutationStep, SpecSession } from './specification.js';

/**
 * Every order of the sessions' steps, in which each session's own stay in order. They come sorted by session, as isolationtester
 * generates them, and a common beginning can be left at once.
 */
export class Permutations {
  readonly #sessions: readonly SpecSession[];
  /** The present order, as sessions; null before the first and behind the last. */
  #order: number[] | null;

  constructor(sessions: readonly SpecSession[]) {
    this.#sessions = sessions;
    this.#order = sessions.flatMap((session, index) => session.steps.map(() => index));
  }

  /** How many there are. */
  get total(): bigint {
    return orders(this.#sessions.map((session) => session.steps.length));
  }

  /** The present one; null when all have been. */
  get current(): PermutationStep[] | null {
    if (this.#order === null) return null;
    const next = this.#sessions.map(() => 0);
    return this.#order.map((session) => {
      const step = this.#sessions[session]!.steps[next[session]!]!;
      next[session]! += 1;
      return { step, markers: [] };
    });
  }

  /** Goes on to the next. */
  advance(): void {
    if (this.#order !== null) this.#order = following(this.#order);
  }

  /** Leaves out the present one and all behind it that begin with its first `length` steps, and says how many they are. */
  leave(length: number): bigint {
    const order = this.#order!;
    const rest = order.slice(length);
    const left = fromHere(rest, this.#sessions.length);
    // The last of them in order: what comes after it begins otherwise.
    this.#order = following([...order.slice(0, length), ...rest.sort((one, other) => other - one)]);
    return left;
  }
}

/** How many orders of these sessions come at or behind this one. */
function fromHere(order: readonly number[], sessions: number): bigint {
  const counts = Array.from({ length: sessions }, (_, session) => order.filter((item) => item === session).length);
  let left = 1n;
  for (const session of order) {
    for (let other = session + 1; other < sessions; other += 1)
      if (counts[other]! > 0) left += orders(counts.map((count, index) => (index === other ? count - 1 : count)));
    counts[session]! -= 1;
  }
  return left;
}

/** The next order of the same sessions in lexicographic order; null behind the last. */
function following(order: readonly number[]): number[] | null {
  let pivot = order.length - 2;
  while (pivot >= 0 && order[pivot]! >= order[pivot + 1]!) pivot -= 1;
  if (pivot < 0) return null;
  let swap = order.length - 1;
  while (order[swap]! <= order[pivot]!) swap -= 1;
  const next = [...order];
  next[pivot] = order[swap]!;
  next[swap] = order[pivot]!;
  return [...next.slice(0, pivot + 1), ...next.slice(pivot + 1).reverse()];
}

/** Orders of so many steps a session: the multinomial coefficient. */
function orders(counts: readonly number[]): bigint {
  let result = 1n;
  let placed = 0n;
  for (const count of counts)
    for (let step = 1n; step <= BigInt(count); step += 1n) {
      placed += 1n;
      result = (result * placed) / step;
    }
  return result;
}
