import type { Access } from '../../engine/footprint.js';
import type { Choice } from '../../schedule/choice.js';
import { conflict, isInTheWay } from './conflicts.js';
import type { Effect, Told } from './effects.js';

const TAKEN: ReadonlySet<string> = new Set(['locks', 'writes', 'inserts', 'advisory', 'table']);
const isAccess = (effect: Effect): effect is Access => TAKEN.has(effect.kind);

/** A step of a run, with whose it is. */
export interface Event extends Told {
  /** Whose step it is; what happens to somebody, or to nobody, has processes of its own. */
  readonly process: number;
  readonly choice: Choice;
  /** Index of the event that this one waited for to become possible; -1 where it waited for none. */
  readonly enabledBy: number;
  /** It changed what is committed. */
  readonly publishes: boolean;
}

/** A pair of events next to each other in the order of causes, which could have come the other way round. */
export interface Race {
  readonly earlier: number;
  readonly later: number;
}

/**
 * The order of causes in a run: an event comes before another of the same process, before one that it conflicts with, and before
 * one that it made possible. Runs with the same order differ only in steps that commute.
 */
export class PartialOrder {
  readonly events: readonly Event[];
  readonly #processes: number;
  /** By event: for each process the number of its events up to and with the last one that comes before, or is, this event. */
  readonly #clocks: Int32Array[] = [];
  /** By event: which of its process's it is, from 1. */
  readonly #places: number[] = [];
  readonly #races: Race[] = [];
  /** By event: those that come right before it. */
  readonly #causes: number[][] = [];

  constructor(events: readonly Event[], processes: number) {
    this.events = events;
    this.#processes = processes;
    const last = new Int32Array(processes).fill(-1);
    for (let later = 0; later < events.length; later += 1) this.#add(later, last);
  }

  #add(later: number, last: Int32Array): void {
    const event = this.events[later]!;
    const before = last[event.process]!;
    const clock = before < 0 ? new Int32Array(this.#processes) : this.#clocks[before]!.slice();
    const causes = before < 0 ? [] : [before];
    for (let earlier = later - 1; earlier >= 0; earlier -= 1) {
      const other = this.events[earlier]!;
      if (clock[other.process]! >= this.#places[earlier]!) continue;
      const enabled = event.enabledBy === earlier;
      if (!enabled && !conflict(other.effects, event.effects)) continue;
      causes.push(earlier);
      if (!enabled) this.#races.push({ earlier, later });
      const theirs = this.#clocks[earlier]!;
      for (let process = 0; process < this.#processes; process += 1)
        if (theirs[process]! > clock[process]!) clock[process] = theirs[process]!;
    }
    clock[event.process]! += 1;
    last[event.process] = later;
    this.#places.push(clock[event.process]!);
    this.#clocks.push(clock);
    this.#causes.push(causes);
  }

  /** Races whose later event is at this index or behind it. */
  races(from: number): readonly Race[] {
    return this.#races.filter(({ later }) => later >= from);
  }

  /**
   * Where a race is one for a lock that makes nobody wait in vain, the event with which the lock was taken instead of that with which it was given back: to
   * wait would come to the same as to come later, so that only who comes first matters. Null where waiting, which is what was done, has nothing to be turned round.
   */
  lockRace({ earlier, later }: Race): Race | null {
    const [first, second] = [this.events[earlier]!, this.events[later]!];
    if (second.delays && !second.waits && this.#maybeDelayed(second)) {
      const taken = this.#taker(first, earlier, second);
      return taken === null ? { earlier, later } : { earlier: taken, later };
    }
    if (first.delays && first.waits && this.#maybeDelayed(first) && this.#taker(second, later, first) !== null && this.#goesOn(earlier))
      return null;
    return { earlier, later };
  }

  /** In some order of these steps an actor takes one between the first and the last of another's. `actors`: how many of the processes are actors. */
  mayOverlap(actors: number): boolean {
    const ends = Array.from({ length: actors }, (_, process) => {
      const own = this.events.flatMap((event, at) => (event.process === process ? [at] : []));
      return { first: own[0] ?? -1, last: own.at(-1) ?? -1 };
    });
    return this.events.some(
      ({ process }, at) =>
        process < actors &&
        ends.some(({ first, last }, other) => other !== process && first !== last && !this.isBefore(at, first) && !this.isBefore(last, at)),
    );
  }

  /** Some statement waited, and might as well have come later. */
  get hasIdleWait(): boolean {
    return this.events.some((event, at) => event.waits && event.delays && this.#maybeDelayed(event) && this.#goesOn(at));
  }

  /** Nobody puts a row in the place of the one that is waited for, and nobody locks whole tables. */
  #maybeDelayed({ process, effects }: Event): boolean {
    const relation = effects!.flatMap((effect) => (effect.kind === 'locks' || effect.kind === 'writes' ? [effect.relation] : []))[0];
    return this.events.every(
      (other) =>
        other.effects?.every(
          (effect) => effect.kind !== 'table' && (effect.kind !== 'inserts' || other.process === process || effect.relation !== relation),
        ) === true,
    );
  }

  /** With which event a transaction that ends took what a statement wants; null where it held nothing of the kind. */
  #taker({ process, transaction, effects }: Event, end: number, wanted: Event): number | null {
    if (effects?.some(({ kind }) => kind === 'releases') !== true) return null;
    for (let at = 0; at <= end; at += 1) {
      const event = this.events[at]!;
      if (event.process !== process || event.transaction !== transaction) continue;
      if (event.effects!.some((held) => isAccess(held) && wanted.effects!.some((effect) => isInTheWay(held, effect)))) return at;
    }
    return null;
  }

  /** Whether a statement that waits is carried out in the end. */
  #goesOn(waiting: number): boolean {
    const { process } = this.events[waiting]!;
    const next = this.events.findIndex((event, at) => at > waiting && event.process === process);
    return next >= 0 && this.events[next]!.choice.kind === 'step';
  }

  /** Whether one event is a cause of another, or the same. */
  isBefore(earlier: number, later: number): boolean {
    return this.#clocks[later]![this.events[earlier]!.process]! >= this.#places[earlier]!;
  }

  /**
   * Processes that can come first where a race is turned round: first events of what comes between and does not depend on the earlier one, and of the
   * later event itself (source sets: Abdulla and others, Optimal Dynamic Partial Order Reduction, POPL 2014).
   */
  initials({ earlier, later }: Race): readonly Event[] {
    const rest: number[] = [];
    for (let at = earlier + 1; at < later; at += 1) if (!this.isBefore(earlier, at)) rest.push(at);
    rest.push(later);
    const seen = new Set<number>();
    const first: Event[] = [];
    for (const [index, at] of rest.entries()) {
      const event = this.events[at]!;
      if (seen.has(event.process)) continue;
      seen.add(event.process);
      if (!rest.slice(0, index).some((other) => this.isBefore(other, at))) first.push(event);
    }
    return first;
  }

  /** The events among these and all their causes, in an order that depends on the order of causes alone. */
  closure(of: readonly number[]): readonly number[] {
    const chosen = new Set<number>();
    const open = [...of];
    while (open.length > 0) {
      const at = open.pop()!;
      if (chosen.has(at)) continue;
      chosen.add(at);
      open.push(...this.#causes[at]!);
    }
    // The least process that can go, again and again.
    const order: number[] = [];
    const left = [...chosen].sort((one, other) => one - other);
    while (left.length > 0) {
      let best = -1;
      for (const at of left) {
        if (this.#causes[at]!.some((cause) => left.includes(cause))) continue;
        if (best < 0 || this.events[at]!.process < this.events[best]!.process) best = at;
      }
      order.push(best);
      left.splice(left.indexOf(best), 1);
    }
    return order;
  }

  /** How many orders of the steps have this order of causes. */
  linearExtensions(): bigint {
    const byProcess: number[][] = Array.from({ length: this.#processes }, () => []);
    this.events.forEach(({ process }, at) => {
      byProcess[process]!.push(at);
    });
    // What has been taken, as a number: each process counts in a place of its own.
    const worth: number[] = [];
    let places = 1;
    for (const { length } of byProcess) {
      worth.push(places);
      places *= length + 1;
    }
    const ways = new Map<number, bigint>();
    const taken = byProcess.map(() => 0);
    const count = (key: number): bigint => {
      const known = ways.get(key);
      if (known !== undefined) return known;
      let sum = 0n;
      let ended = true;
      for (let process = 0; process < this.#processes; process += 1) {
        const at = byProcess[process]![taken[process]!];
        if (at === undefined) continue;
        ended = false;
        const clock = this.#clocks[at]!;
        taken[process]! += 1;
        if (clock.every((needed, other) => needed <= taken[other]!)) sum += count(key + worth[process]!);
        taken[process]! -= 1;
      }
      const result = ended ? 1n : sum;
      ways.set(key, result);
      return result;
    };
    return count(0);
  }
}
