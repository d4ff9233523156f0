import type { Noted } from '../../engine/contract.js';
import { type Choice, isOwn, sameChoice } from '../../schedule/choice.js';
import { conflict } from './conflicts.js';
import type { Effects, Told } from './effects.js';
import { type Event, PartialOrder } from './partial-order.js';
import { Processes } from './processes.js';

/** A state of the run that is under way, and what was, and has still to be, tried from it. */
interface Node {
  readonly choices: readonly Choice[];
  /** Processes that have to be tried here. */
  readonly backtrack: Set<number>;
  /** Choices whose ways have all been looked at. */
  readonly done: Slept[];
  /** Choices that need not be tried: what comes of them was looked at elsewhere. */
  readonly sleep: readonly Slept[];
  chosen: Choice;
  event: Event | null;
  /** What the step came to. The same choices must come to the same again. */
  print: Print;
  /** What the engine has written down of the step. */
  noted: Noted;
}

/** What a step came to, as text: as it is, and with a run's drawn values by their names. */
export interface Print {
  readonly plain: () => string;
  readonly named: () => string;
}

const NO_PRINT: Print = { plain: () => '', named: () => '' };

/** A choice, and what its step does. */
interface Slept {
  readonly choice: Choice;
  readonly effects: Effects;
}

/** The same choices came to something else than before: what the step at this index of the run did, and does now. */
export class ReplayDiffers extends Error {
  override readonly name = 'ReplayDiffers';
  readonly step: number;
  readonly before: string;
  readonly now: string;

  constructor(step: number, before: string, now: string) {
    super(`step ${step + 1} came to ${now}, and before, after the same steps, to ${before}`);
    this.step = step;
    this.before = before;
    this.now = now;
  }
}

/** The same choices came to the same up to values that the server draws, where such values had not been seen before. */
export class ValuesDrawn extends Error {
  override readonly name = 'ValuesDrawn';
}

/**
 * The orders that have to be run, one after the other: source sets and sleep sets (Abdulla, Aronis, Jonsson, Sagonas: Optimal Dynamic Partial
 * Order Reduction, POPL 2014, algorithm 1), with races looked for when a run has ended. Without `reduces` it is every order. With
 * `delays`, a wait that comes to the same as coming later is not looked for.
 */
export class OrderTree {
  readonly #processes: Processes;
  readonly #reduces: boolean;
  readonly #delays: boolean;
  readonly #drawn: boolean;
  readonly #nodes: Node[] = [];
  #depth = 0;
  /** Nodes from here on are new in this run. */
  #fresh = 0;

  /** `drawn`: the server may draw values of its own. */
  constructor(
    actors: number,
    { reduces, delays, drawn = false }: { readonly reduces: boolean; readonly delays: boolean; readonly drawn?: boolean },
  ) {
    this.#processes = new Processes(actors);
    this.#drawn = drawn;
    this.#reduces = reduces;
    this.#delays = delays;
  }

  /** A run begins anew. */
  begin(): void {
    this.#depth = 0;
  }

  /** What comes next in the run; null where all that is possible was looked at elsewhere. */
  choose(choices: readonly Choice[]): Choice | null {
    this.#noteDisabled(choices);
    const known = this.#nodes[this.#depth];
    if (known !== undefined) return known.chosen;
    const sleep = this.#sleepAt(this.#depth);
    const awake = choices.filter((choice) => !sleep.some((slept) => sameChoice(slept.choice, choice)));
    if (awake.length === 0) return null;
    const last = this.#nodes[this.#depth - 1]?.chosen.actor;
    // Who is at it goes on: runs then have few switches.
    const chosen = awake.find((choice) => isOwn(choice) && choice.actor === last) ?? awake.find(isOwn) ?? awake[0]!;
    const backtrack = new Set(this.#reduces ? [this.#processes.of(chosen)] : choices.map((choice) => this.#processes.of(choice)));
    this.#nodes.push({ choices, backtrack, done: [], sleep, chosen, event: null, print: NO_PRINT, noted: {} });
    return chosen;
  }

  /** Whether the step that is being taken waited when it was taken before, after the same steps; null where it was not. */
  get likelyWaits(): boolean | null {
    return this.#nodes[this.#depth]!.event?.waits ?? null;
  }

  /** Of the step that is being taken. */
  get noted(): Noted {
    return this.#nodes[this.#depth]!.noted;
  }

  /**
   * The step that was chosen has been taken. Throws {@link ReplayDiffers} where it had come to something else before, and {@link ValuesDrawn} where that is
   * so of drawn values alone, and they are not expected.
   */
  taken(told: Told, publishes: boolean, print: Print): void {
    const node = this.#nodes[this.#depth]!;
    if (node.event !== null && node.print.plain() !== print.plain()) {
      if (node.print.named() !== print.named()) throw new ReplayDiffers(this.#depth, node.print.plain(), print.plain());
      if (!this.#drawn) throw new ValuesDrawn();
    }
    node.print = print;
    const process = this.#processes.of(node.chosen);
    node.event = { ...told, process, choice: node.chosen, enabledBy: this.#enabledBy(node.chosen), publishes };
    this.#depth += 1;
  }

  /** The run has ended, or was given up: turns its races round. Answers with the order of its causes. */
  ended(finished: boolean): PartialOrder {
    if (finished) this.#noteDisabled([]);
    const order = new PartialOrder(
      this.#nodes.slice(0, this.#depth).map((node) => node.event!),
      this.#processes.count,
    );
    if (!this.#reduces) return order;
    for (const race of order.races(this.#fresh)) {
      const turned = this.#delays ? order.lockRace(race) : race;
      if (turned !== null) this.#turnRound(order, turned.earlier, turned.later);
    }
    return order;
  }

  /** Goes on to the next order that has to be run; false where there is none. */
  next(): boolean {
    for (let depth = this.#nodes.length - 1; depth >= 0; depth -= 1) {
      const node = this.#nodes[depth]!;
      node.done.push({ choice: node.chosen, effects: node.event!.effects });
      const left = this.#left(node);
      this.#nodes.length = depth + 1;
      if (left.length > 0) {
        node.chosen = left[0]!;
        node.event = null;
        node.noted = {};
        this.#fresh = depth;
        return true;
      }
      this.#nodes.length = depth;
    }
    return false;
  }

  /** How much of the tree has been walked, as far as it is known: from 0 to 1 (Kilby and others: Estimating Search Tree Size, AAAI 2006). */
  get share(): number {
    let share = 0;
    let weight = 1;
    for (const node of this.#nodes) {
      const total = node.done.length + 1 + this.#left(node).length;
      share += (weight * node.done.length) / total;
      weight /= total;
    }
    return share + weight;
  }

  get processes(): number {
    return this.#processes.count;
  }

  #left(node: Node): Choice[] {
    return node.choices.filter(
      (choice) =>
        node.backtrack.has(this.#processes.of(choice)) &&
        !sameChoice(choice, node.chosen) &&
        !node.done.some((done) => sameChoice(done.choice, choice)) &&
        !node.sleep.some((slept) => sameChoice(slept.choice, choice)),
    );
  }

  #sleepAt(depth: number): readonly Slept[] {
    const parent = this.#nodes[depth - 1];
    if (parent === undefined || !this.#reduces) return [];
    const { process, effects } = parent.event!;
    return [...parent.sleep, ...parent.done].filter(
      (slept) => this.#processes.of(slept.choice) !== process && !conflict(slept.effects, effects),
    );
  }

  /** What the step before has made impossible will not be seen in this run: it has to be tried in its place. */
  #noteDisabled(choices: readonly Choice[]): void {
    const node = this.#nodes[this.#depth - 1];
    if (node === undefined) return;
    const process = this.#processes.of(node.chosen);
    for (const choice of node.choices)
      if (choice.kind !== 'step' && this.#processes.of(choice) !== process && !choices.some((other) => sameChoice(other, choice)))
        node.backtrack.add(this.#processes.of(choice));
  }

  /** The last event before which the choice was not possible, where it is another process's. */
  #enabledBy(choice: Choice): number {
    for (let at = this.#depth - 1; at >= 0; at -= 1)
      if (!this.#nodes[at]!.choices.some((other) => sameChoice(other, choice)))
        return this.#nodes[at]!.event!.process === this.#processes.of(choice) ? -1 : at;
    return -1;
  }

  #turnRound(order: PartialOrder, earlier: number, later: number): void {
    const node = this.#nodes[earlier]!;
    const initials = order.initials({ earlier, later });
    if (initials.some(({ process }) => node.backtrack.has(process))) return;
    if (initials.some(({ choice }) => node.sleep.some((slept) => sameChoice(slept.choice, choice)))) return;
    const possible = initials.filter(({ process }) => node.choices.some((choice) => this.#processes.of(choice) === process));
    const wanted = possible.find(({ process }) => process === order.events[later]!.process) ?? possible[0];
    // Where none of them is possible there, something else has to come first: whatever is.
    if (wanted === undefined) for (const choice of node.choices) node.backtrack.add(this.#processes.of(choice));
    else node.backtrack.add(wanted.process);
  }
}
