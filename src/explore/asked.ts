/** Which statements the model answers and which it refuses, told by asking it. */
import { type Action, type Applied, type Engine, UnmodelledError } from '../engine/contract.js';
import { ModelEngine } from '../engine/model/engine.js';
import type { ModelState } from '../engine/model/state.js';
import { Machine } from '../machine.js';
import type { MaybePromise } from '../maybe-promise.js';
import type { Plan } from '../plan/plan.js';
import type { IsolationLevel, Scenario } from '../scenario.js';
import { readStatement, splitStatements } from '../sql/text.js';
import { search } from './search.js';

/** What the model says to a statement, wherever it has met it. */
export interface Asked {
  readonly statement: string;
  /** Everything that stands in the way of an answer; empty where it is answered. */
  readonly reasons: readonly string[];
  /** `42P01 relation "seat" does not exist`, where PostgreSQL refuses it in every place. */
  readonly error: string | null;
}

/** What was asked so far: a statement's reasons add up, and an error counts where nothing else ever came of it. */
class Notebook {
  readonly #entries = new Map<string, { readonly reasons: Set<string>; error: string | null; answered: boolean }>();

  #entry(statement: string) {
    let entry = this.#entries.get(statement);
    if (entry === undefined) {
      entry = { reasons: new Set(), error: null, answered: false };
      this.#entries.set(statement, entry);
    }
    return entry;
  }

  refused(statement: string, { reasons }: UnmodelledError): void {
    for (const reason of reasons) this.#entry(statement).reasons.add(reason);
  }

  answered(statement: string, error: string | null): void {
    const entry = this.#entry(statement);
    entry.error ??= error;
    entry.answered ||= error === null;
  }

  list(): readonly Asked[] {
    return [...this.#entries].map(([statement, { reasons, error, answered }]) => ({
      statement,
      reasons: [...reasons],
      error: answered ? null : error,
    }));
  }
}

/** The model, with a note of what it is asked. A statement that it refuses has no rows, so that what comes behind it is asked too. */
class NotingEngine implements Engine<ModelState> {
  readonly name = 'model';
  readonly capabilities: Engine<ModelState>['capabilities'];
  readonly #engine: ModelEngine;
  readonly #notebook: Notebook;

  constructor(engine: ModelEngine, notebook: Notebook) {
    this.#engine = engine;
    this.capabilities = engine.capabilities;
    this.#notebook = notebook;
  }

  readonly open: Engine<ModelState>['open'] = (setup) => this.#engine.open(setup);
  readonly status: Engine<ModelState>['status'] = (state, actor) => this.#engine.status(state, actor);
  readonly victims: Engine<ModelState>['victims'] = (state) => this.#engine.victims(state);
  readonly committed: Engine<ModelState>['committed'] = (state) => this.#engine.committed(state);
  readonly query: Engine<ModelState>['query'] = (state, sql) => this.#engine.query(state, sql);

  apply(state: ModelState, action: Action): MaybePromise<Applied<ModelState>> {
    if (action.kind !== 'statement') return this.#engine.apply(state, action);
    const { text } = action.statement;
    const refused = (error: unknown): Applied<ModelState> => {
      if (!(error instanceof UnmodelledError)) throw error;
      this.#notebook.refused(text, error);
      return { state, outcome: { kind: 'done', reply: { kind: 'result', command: '', rowCount: 0, fields: [], rows: [] } } };
    };
    const noted = (applied: Applied<ModelState>): Applied<ModelState> => {
      const { outcome } = applied;
      const failed = outcome.kind !== 'blocked' && outcome.reply.kind === 'error' ? `${outcome.reply.code} ${outcome.reply.message}` : null;
      this.#notebook.answered(text, failed);
      return applied;
    };
    try {
      const applied = this.#engine.apply(state, action);
      return applied instanceof Promise ? applied.then(noted, refused) : noted(applied);
    } catch (error) {
      return refused(error);
    }
  }
}

/** What was found out of a scenario. */
export interface ScenarioAsked {
  readonly statements: readonly Asked[];
  /** Why the schema or the first rows are refused, and nothing can be asked; null where they are not. */
  readonly schema: string | null;
  /** All orders of the plans that were looked at fit into the budget of states. */
  readonly fits: boolean;
}

/** Runs plans on the model alone, every order up to `maxStates`, and notes every statement that an operation sends. */
export async function askScenario(scenario: Scenario, plans: readonly Plan[], maxStates: number): Promise<ScenarioAsked> {
  const notebook = new Notebook();
  let fits = true;
  for (const plan of plans) {
    const engine = new ModelEngine();
    try {
      const machine = new Machine({ ...scenario, invariants: [], monitors: [] }, plan, new NotingEngine(engine, notebook));
      fits &&= (await search(machine, engine, { maxStates })).complete;
    } catch (error) {
      if (!(error instanceof UnmodelledError)) throw error;
      if (notebook.list().length === 0) return { statements: [], schema: error.message, fits: false };
      fits = false;
    }
  }
  return { statements: notebook.list(), schema: null, fits };
}

/** Statements that make a schema, or describe it. */
const DEFINES = new Set('create alter drop comment grant revoke'.split(' '));

/** Asks for each statement of an SQL script that defines nothing, alone, in the schema that the others make. Parameters are NULL. */
export async function askScript(script: string, isolation: IsolationLevel): Promise<Pick<ScenarioAsked, 'statements' | 'schema'>> {
  const all = splitStatements(script);
  const schema = all.filter((text) => DEFINES.has(readStatement(text).verb)).join(';\n');
  const notebook = new Notebook();
  const model = new ModelEngine();
  const engine = new NotingEngine(model, notebook);
  const setup = { schema, seed: '', actors: 1, isolation, clockMs: CLOCK_MS };
  try {
    await engine.open(setup);
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    if (!(error instanceof UnmodelledError) && typeof code !== 'string') throw error;
    return { statements: [], schema: message };
  }
  for (const text of new Set(all.filter((item) => !DEFINES.has(readStatement(item).verb)))) {
    const parameters = Math.max(0, ...[...text.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)));
    const values = Array.from({ length: parameters }, () => null);
    const state = await engine.open(setup);
    await engine.apply(state, { kind: 'statement', actor: 0, statement: { text, values, prelude: [] } });
  }
  return { statements: notebook.list(), schema: null };
}

const CLOCK_MS = Date.UTC(2026, 0, 1);
