import { UnmodelledError } from '../engine/contract.js';
import { ModelEngine } from '../engine/model/engine.js';
import type { PostgresServer } from '../engine/postgres/providers/server.js';
import { Chooser } from './chooser.js';
import { conduct, type Ending, SpecRunError, tidyUp } from './conduct.js';
import type { SpecEvent } from './events.js';
import { type Judgement, type JudgeOptions, judge, permutationName } from './judge.js';
import { ModelStage } from './model-stage.js';
import { Permutations } from './permutations.js';
import { ServerStage } from './server-stage.js';
import type { Permutation, Specification } from './specification.js';

/** How a specification is run. */
export interface SpecOptions extends JudgeOptions {
  /** Null: the model alone. */
  readonly server: PostgresServer | null;
  readonly withModel: boolean;
  /** How long a step may run on, or wait for something that may end by itself. */
  readonly patienceMs: number;
  /** Called for every event that is to be printed, in order: the server's, or the model's where there is no server. */
  readonly show: (event: SpecEvent) => void;
}

/** What holds where nothing else is said. */
export const SPEC_DEFAULTS = { isolation: 'READ COMMITTED', patienceMs: 60_000, ways: 2_000 } as const;

/** What came of a specification. */
export interface SpecOutcome {
  /** Permutations that were run to their end, and those that nobody could run; of these most are not tried one by one. */
  readonly complete: bigint;
  readonly infeasible: bigint;
  /** Every order of the steps, since the specification names none. */
  readonly exhaustive: boolean;
  /** One for each permutation that was tried on the server and on the model; without a server, those that the model cannot run. */
  readonly judgements: readonly Judgement[];
  /** Why not all was run: a setup that failed, for one, or a limit that was hit. */
  readonly failure: { readonly kind: 'specification' | 'limit'; readonly message: string } | null;
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

/** A permutation is run a few times, not searched: tables may be larger than in a scenario. */
const MOST_ROWS = 20_000;

class Run {
  readonly #specification: Specification;
  readonly #options: SpecOptions;
  readonly #server: ServerStage | null;
  readonly #engine: ModelEngine;
  readonly #judgements: Judgement[] = [];
  #complete = 0n;
  #infeasible = 0n;

  constructor(specification: Specification, options: SpecOptions, server: ServerStage | null) {
    this.#specification = specification;
    this.#options = options;
    this.#server = server;
    this.#engine = new ModelEngine({ textRows: true, major: options.server?.major ?? null, mostRows: MOST_ROWS });
  }

  async all(): Promise<SpecOutcome> {
    const exhaustive = this.#specification.permutations.length === 0;
    let failure: SpecOutcome['failure'] = null;
    try {
      if (exhaustive) await this.#everyOrder();
      else for (const permutation of this.#specification.permutations) await this.#named(permutation);
    } catch (error) {
      if (!(error instanceof SpecRunError)) throw error;
      failure = { kind: error.kind === 'limit' ? 'limit' : 'specification', message: error.message };
    }
    return { complete: this.#complete, infeasible: this.#infeasible, exhaustive, judgements: this.#judgements, failure };
  }

  async #named(permutation: Permutation): Promise<void> {
    const { ending } = await this.#play(permutation, this.#options.show);
    if (ending.kind === 'complete') this.#complete += 1n;
    else if (ending.kind === 'infeasible') this.#infeasible += 1n;
  }

  /** Infeasible orders are counted, not shown; those that begin in the same way are not tried again. */
  async #everyOrder(): Promise<void> {
    const orders = new Permutations(this.#specification.sessions);
    for (let permutation = orders.current; permutation !== null; permutation = orders.current) {
      const { ending, events } = await this.#play(permutation, () => undefined);
      if (ending.kind === 'infeasible') {
        this.#infeasible += orders.leave(ending.steps);
        continue;
      }
      for (const event of events) this.#options.show(event);
      if (ending.kind === 'complete') this.#complete += 1n;
      orders.advance();
    }
  }

  async #play(permutation: Permutation, show: (event: SpecEvent) => void): Promise<{ ending: Ending; events: readonly SpecEvent[] }> {
    const events: SpecEvent[] = [];
    const emit = (event: SpecEvent) => {
      events.push(event);
      show(event);
    };
    if (this.#server === null) return { ending: await this.#playOnModel(permutation, emit), events };
    const ending = await conduct(this.#specification, permutation, this.#server, emit);
    if (ending.kind === 'infeasible') {
      await this.#server.reset();
      await tidyUp(this.#specification, this.#server);
    }
    if (this.#options.withModel) this.#judgements.push(await judge(this.#engine, this.#specification, permutation, events, this.#options));
    return { ending, events };
  }

  async #playOnModel(permutation: Permutation, emit: (event: SpecEvent) => void): Promise<Ending> {
    const stage = await ModelStage.open(this.#specification, this.#options.isolation, this.#engine, new Chooser());
    try {
      return await conduct(this.#specification, permutation, stage, emit);
    } catch (error) {
      if (!(error instanceof UnmodelledError)) throw error;
      emit({ kind: 'unmodelled', reason: error.message });
      this.#judgements.push({ kind: 'unmodelled', permutation: permutationName(permutation), reason: error.message });
      return { kind: 'unmodelled' };
    }
  }
}
