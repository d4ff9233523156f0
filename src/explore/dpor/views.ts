import { type Choice, MARKS } from '../../schedule/choice.js';
import type { PartialOrder } from './partial-order.js';

/** Sets of commits of one run beyond which it is not looked for more of them. */
const MOST_SETS = 10_000;

/**
 * Committed states that were seen. Runs whose steps commute end alike, but what is committed on the way depends on which of two commits came first.
 * A committed state is told by the commits that have made it and all their causes.
 */
export class Views {
  readonly #seen = new Set<string>();
  /** Some run had too many. */
  incomplete = false;

  /** Notes what a run has shown. Answers with schedules that show the rest of what its order of causes allows. */
  *unseen(order: PartialOrder): Generator<readonly Choice[]> {
    const commits = order.events.flatMap(({ publishes }, index) => (publishes ? [index] : []));
    if (commits.length < 2) {
      this.#noteRun(order, commits);
      return;
    }
    this.#noteRun(order, commits);
    let sets = 0;
    // Each set of commits that is closed under their order, by adding one at a time.
    const open: (readonly number[])[] = [[]];
    const made = new Set<string>(['']);
    while (open.length > 0) {
      const set = open.pop()!;
      for (const commit of commits) {
        if (set.includes(commit)) continue;
        if (!commits.every((other) => other === commit || set.includes(other) || !order.isBefore(other, commit))) continue;
        const next = [...set, commit].sort((one, other) => one - other);
        const name = next.join();
        if (made.has(name)) continue;
        made.add(name);
        sets += 1;
        if (sets > MOST_SETS) {
          this.incomplete = true;
          return;
        }
        open.push(next);
        const past = order.closure(next);
        if (this.#seen.has(keyOf(order, past))) continue;
        this.#seen.add(keyOf(order, past));
        const rest = order.events.flatMap((_, index) => (past.includes(index) ? [] : [index]));
        yield [...past, ...rest].map((index) => order.events[index]!.choice);
      }
    }
  }

  #noteRun(order: PartialOrder, commits: readonly number[]): void {
    commits.forEach((_, index) => {
      this.#seen.add(keyOf(order, order.closure(commits.slice(0, index + 1))));
    });
  }
}

const keyOf = ({ events }: PartialOrder, past: readonly number[]): string =>
  past.map((index) => `${events[index]!.choice.actor}${MARKS[events[index]!.choice.kind]}`).join();
