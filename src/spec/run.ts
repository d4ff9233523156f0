import { UnmodelledError } from '../engine/contract.js';
import { ModelEngine } from '../engine/model/engine.js';
import type { PostgresServer } from '../engine/postgres/providers/server.js';
import type { IsolationLevel } from '../scenario.js';
import { Chooser } from './chooser.js';
import { comparer } from './compare.js';
import { conduct, type Ending, SpecRunError, tidyUp } from './conduct.js';
import type { SpecEvent } from './events.js';
import { ModelStage } from './model-stage.js';
import { Permutations } from './permutations.js';
import { ServerStage } from './server-stage.js';
import type { Permutation, Specification } from './specification.js';

export interface SpecOptions {
  /** What a transaction has that names no level. */
  readonly isolation: IsolationLevel;
  /** Null: the model alone. */
  readonly server: PostgresServer | null;
  readonly withModel: boolean;
  /** How long a step may run on, or wait for something that may end by itself. */
  readonly patienceMs: number;
  /** Ways that are tried on the model to find the one that the server took. */
  readonly ways: number;
  /** Called for every event that is to be printed, in order: the server's, or the model's where there is no server. */
  readonly show: (event: SpecEvent) => void;
}

export const SPEC_DEFAULTS = { isolation: 'READ COMMITTED', patienceMs: 60_000, ways: 2_000 } as const;

/** What the model says of a permutation that the server has shown; `ways` counts what was tried. */
export type Judgement =
  | { readonly kind: 'agrees' }
  | { readonly kind: 'differs'; readonly permutation: string; readonly event: number; readonly server: string; readonly model: string }
  | { readonly kind: 'unmodelled'; readonly permutation: string; readonly reason: string }
  | { readonly kind: 'undecided'; readonly permutation: string; readonly ways: number };

export interface SpecOutcome {
  /** Permutations that were run to their end, and those that nobody could run; of these most are not tried one by one. */
  readonly complete: bigint;
  readonly infeasible: bigint;
  /** Every order of the steps, since the specification names none. */
  readonly exhaustive: boolean;
  /** One for each permutation that was tried, where there are both sides. */
  readonly judgements: readonly Judgement[];
  /** Why not all was run: a setup that failed, for one. */
  readonly failure: string | null;
}

/** Runs a specification's permutations, or all there are. Throws {@link UnmodelledError} where there is no server and the model does not know the SQL. */
export async function runSpecification(specification: Specification, options: SpecOptions): Promise<SpecOutcome> {
  const stage = options.server === null ? null : await ServerStage.open(options.server, specification, options);
  try {
    return await new Run(specification, options, stage).all();
  } finally {
    await stage?.close();
  }
}

class Run {
  readonly #specification: Specification;
  readonly #options: SpecOptions;
  readonly #server: ServerStage | null;
  readonly #engine = new ModelEngine();
  readonly #judgements: Judgement[] = [];
  #complete = 0n;
  #infeasible = 0n;

  constructor(specification: Specification, options: SpecOptions, server: ServerStage | null) {
    this.#specification = specification;
    this.#options = options;
    this.#server = server;
  }

  async all(): Promise<SpecOutcome> {
    const exhaustive = this.#specification.permutations.length === 0;
    let failure: string | null = null;
    try {
      if (exhaustive) await this.#everyOrder();
      else for (const permutation of this.#specification.permutations) await this.#named(permutation);
    } catch (error) {
      if (!(error instanceof SpecRunError)) throw error;
      failure = error.message;
    }
    return { complete: this.#complete, infeasible: this.#infeasible, exhaustive, judgements: this.#judgements, failure };
  }

  async #named(permutation: Permutation): Promise<void> {
    const { ending } = await this.#play(permutation, this.#options.show);
    if (ending.kind === 'complete') this.#complete += 1n;
    else this.#infeasible += 1n;
  }

  /** Infeasible orders are counted, not shown; those that begin in the same way are not tried again. */
  async #everyOrder(): Promise<void> {
    const orders = new Permutations(this.#specification.sessions);
    for (let permutation = orders.current; permutation !== null; permutation = orders.current) {
      const { ending, events } = await this.#play(permutation, () => undefined);
      if (ending.kind === 'complete') {
        for (const event of events) this.#options.show(event);
        this.#complete += 1n;
        orders.advance();
      } else {
        this.#infeasible += orders.leave(ending.steps);
      }
    }
  }

  async #play(permutation: Permutation, show: (event: SpecEvent) => void): Promise<{ ending: Ending; events: readonly SpecEvent[] }> {
    const events: SpecEvent[] = [];
    const emit = (event: SpecEvent) => {
      events.push(event);
      show(event);
    };
    if (this.#server === null) {
      const stage = new ModelStage(this.#specification, this.#options.isolation, this.#engine, new Chooser());
      return { ending: await conduct(this.#specification, permutation, stage, emit), events };
    }
    const ending = await conduct(this.#specification, permutation, this.#server, emit);
    if (ending.kind === 'infeasible') {
      await this.#server.reset();
      await tidyUp(this.#specification, this.#server);
    }
    if (this.#options.withModel) this.#judgements.push(await this.#judge(permutation, events));
    return { ending, events };
  }

  /** Looks for a way on the model that shows what the server has shown. */
  async #judge(permutation: Permutation, seen: readonly SpecEvent[]): Promise<Judgement> {
    const name = permutation.map(({ step }) => step.name).join(' ');
    const texts = seen.map(comparer());
    const expected = texts.filter((text) => text !== null);
    const chooser = new Chooser();
    let nearest = { event: -1, model: '' };
    try {
      for (let way = 1; way <= this.#options.ways; way += 1) {
        const found = await this.#follow(permutation, expected, chooser);
        if (found === null) return { kind: 'agrees' };
        if (found.event > nearest.event) nearest = found;
        if (!chooser.next()) {
          const { event, model } = nearest;
          return { kind: 'differs', permutation: name, event, server: expected[event] ?? 'nothing further', model };
        }
      }
      return { kind: 'undecided', permutation: name, ways: this.#options.ways };
    } catch (error) {
      if (!(error instanceof UnmodelledError)) throw error;
      return { kind: 'unmodelled', permutation: name, reason: error.message };
    }
  }

  /** One way on the model, up to where it shows something else; null where it never does. */
  async #follow(permutation: Permutation, expected: readonly string[], chooser: Chooser): Promise<{ event: number; model: string } | null> {
    const stage = new ModelStage(this.#specification, this.#options.isolation, this.#engine, chooser);
    const toText = comparer();
    let event = 0;
    try {
      await conduct(this.#specification, permutation, stage, (happened) => {
        const shown = toText(happened);
        if (shown === null) return;
        if (shown !== expected[event]) throw new Departure(shown);
        event += 1;
      });
    } catch (error) {
      if (!(error instanceof Departure || error instanceof SpecRunError)) throw error;
      return { event, model: error.message };
    }
    return event === expected.length ? null : { event, model: 'nothing further' };
  }
}

/** The model shows something else than the server. */
class Departure extends Error {}
