import { type Action, type ActorIndex, type Outcome, UnmodelledError } from '../engine/contract.js';
import type { ModelEngine } from '../engine/model/engine.js';
import type { Timer } from '../engine/model/session-settings.js';
import type { ModelState } from '../engine/model/state.js';
import { whenThere } from '../engine/suspended.js';
import { cancelled, type Reply } from '../reply.js';
import type { IsolationLevel } from '../scenario.js';
import { readStatement, splitStatements, type TransactionModes } from '../sql/text.js';
import type { Chooser } from './chooser.js';
import { SpecRunError } from './conduct.js';
import { type Beginning, definitionsOf, isDefinition, isUpkeep, refuseOwnClock, wholeSetup } from './definitions.js';
import { Inbox } from './inbox.js';
import type { Specification } from './specification.js';
import { CONTROL, type SessionIndex, type Stage } from './stage.js';

/** A simple query under way: several statements are one transaction, unless they open and end their own (manual, "Multiple Statements in a Simple Query"). */
interface Query {
  readonly statements: readonly string[];
  next: number;
  /** The schema has it already. */
  readonly isDone: boolean;
  /** Inside the transaction that the query itself is. */
  implicit: boolean;
}

/** What befalls a waiter without a step. */
interface Happening {
  readonly actor: ActorIndex;
  readonly what: 'deadlock' | Timer;
}

/**
 * A specification's sessions on the model. Where PostgreSQL leaves open what happens (who of several freed waiters goes first, which waiter
 * a deadlock takes and when, what SERIALIZABLE refuses besides what it must), the chooser says what does.
 */
export class ModelStage implements Stage {
  readonly #specification: Specification;
  readonly #engine: ModelEngine;
  readonly #chooser: Chooser;
  readonly #inboxes: readonly Inbox[];
  readonly #queries: (Query | null)[];
  /** What a transaction has that names no level, where the session has said so. */
  readonly #levels = new Map<ActorIndex, IsolationLevel>();
  /** Blocks of the common setup that are still to come, and have been run with the schema. */
  #setupsToSkip: number;
  /** Actors in the order in which they began to wait. */
  #waiters: ActorIndex[] = [];
  #state: ModelState;

  private constructor(specification: Specification, engine: ModelEngine, chooser: Chooser, state: ModelState, isSetUp: boolean) {
    this.#setupsToSkip = isSetUp ? specification.setups.length : 0;
    this.#specification = specification;
    this.#engine = engine;
    this.#chooser = chooser;
    const actors = specification.sessions.length + 1;
    this.#inboxes = Array.from({ length: actors }, () => new Inbox());
    this.#queries = Array.from({ length: actors }, () => null);
    this.#state = state;
  }

  /** Rejects with {@link UnmodelledError} where the model does not know the tables. */
  static async open(specification: Specification, isolation: IsolationLevel, engine: ModelEngine, chooser: Chooser): Promise<ModelStage> {
    const whole = wholeSetup(specification);
    const open = async (beginning: Beginning) => {
      const actors = specification.sessions.length + 1;
      const state = await engine.open({ schema: beginning.schema, seed: '', actors, isolation, clockMs: 0 });
      return new ModelStage(specification, engine, chooser, state, beginning.isWhole);
    };
    if (whole === null) return open(definitionsOf(specification));
    try {
      return await open(whole);
    } catch (error) {
      // Statement by statement it is said which of them fails, and how.
      try {
        return await open(definitionsOf(specification));
      } catch {
        throw error instanceof UnmodelledError ? error : setupFailure(error);
      }
    }
  }

  inbox(session: SessionIndex): Inbox {
    return this.#inboxes[this.#actor(session)]!;
  }

  /** The control session is the last actor. */
  #actor(session: SessionIndex): ActorIndex {
    return session === CONTROL ? this.#specification.sessions.length : session;
  }

  send(session: SessionIndex, sql: string): void {
    const isDone = session === CONTROL && this.#setupsToSkip > 0;
    if (isDone) this.#setupsToSkip -= 1;
    this.#queries[this.#actor(session)] = { statements: splitStatements(sql), next: 0, implicit: false, isDone };
  }

  /** Everybody who can goes on, until nobody can. */
  async settle(): Promise<true> {
    for (;;) {
      const actor = this.#choose(this.#able());
      if (actor !== null) {
        await this.#advance(actor);
        continue;
      }
      const happenings = this.#happenings();
      const happening = happenings[this.#chooser.choose(happenings.length + 1) - 1];
      if (happening === undefined) return true;
      await this.#befall(happening);
    }
  }

  async idle(): Promise<boolean> {
    const happenings = this.#happenings();
    const happening = happenings[this.#chooser.choose(happenings.length)];
    if (happening === undefined) return false;
    await this.#befall(happening);
    await this.settle();
    return true;
  }

  waitsFor(session: SessionIndex): readonly string[] {
    const { waitsFor } = this.#engine.status(this.#state, this.#actor(session));
    return waitsFor.map((actor) => this.#specification.sessions[actor]?.name ?? 'the control session');
  }

  senderOf(pid: number): string {
    return `PID ${pid}`;
  }

  #choose(actors: readonly ActorIndex[]): ActorIndex | null {
    return actors[this.#chooser.choose(actors.length)] ?? null;
  }

  #able(): ActorIndex[] {
    return this.#inOrder([...this.#queries.keys()].filter((actor) => this.#queries[actor] !== null && this.#phase(actor) !== 'waiting'));
  }

  /** Who has waited longest comes first. */
  #inOrder(actors: readonly ActorIndex[]): ActorIndex[] {
    return [...actors].sort((left, right) => this.#waiters.indexOf(left) - this.#waiters.indexOf(right));
  }

  #phase(actor: ActorIndex) {
    return this.#engine.status(this.#state, actor).phase;
  }

  /** What may happen to waiters by itself: one looks for deadlocks and finds one, or its timer goes off. Which comes first is a choice, since it is the clock's. */
  #happenings(): Happening[] {
    const waiters = this.#inOrder(this.#waiters.filter((actor) => this.#phase(actor) === 'waiting'));
    return waiters.flatMap((actor): Happening[] => [
      ...(this.#engine.detectDeadlock(this.#state, actor) === 'none' ? [] : [{ actor, what: 'deadlock' as const }]),
      ...this.#engine.timers(this.#state, actor).map((what) => ({ actor, what })),
    ]);
  }

  async #befall({ actor, what }: Happening): Promise<void> {
    if (what !== 'deadlock') {
      await this.#receive(actor, await this.#apply({ kind: 'cancel', actor, because: what }));
      return;
    }
    const found = this.#engine.detectDeadlock(this.#state, actor);
    if (found === 'deadlock') await this.#receive(actor, await this.#apply({ kind: 'break-deadlock', actor }));
    else if (found !== 'none') this.#state = found;
  }

  async #apply(action: Action): Promise<Outcome> {
    const refused = await this.#mayBeRefused(action);
    const { state, outcome } = await this.#engine.apply(this.#state, refused ? ({ ...action, fails: true } as Action) : action);
    this.#state = state;
    return outcome;
  }

  /** SERIALIZABLE may refuse what it need not: then both are possible. */
  async #mayBeRefused(action: Action): Promise<boolean> {
    const kind = action.kind === 'statement' || action.kind === 'commit' || action.kind === 'resume';
    if (!kind || !this.#engine.hasChoices(this.#state)) return false;
    return (await whenThere(() => this.#engine.mayFail(this.#state, action))) && this.#chooser.choose(2) === 1;
  }

  async #advance(actor: ActorIndex): Promise<void> {
    const phase = this.#phase(actor);
    if (phase === 'freed') await this.#receive(actor, await this.#apply({ kind: 'resume', actor }));
    else if (phase === 'uncommitted') await this.#receive(actor, await this.#apply({ kind: 'commit', actor }));
    else await this.#nextStatement(actor, this.#queries[actor]!);
  }

  async #nextStatement(actor: ActorIndex, query: Query): Promise<void> {
    const text = query.statements[query.next];
    const inbox = this.#inboxes[actor]!;
    if (text === undefined) {
      const reply = query.implicit ? await this.#run(actor, 'COMMIT') : null;
      if (reply?.kind === 'done' && reply.reply.kind === 'error') this.#answer(inbox, reply.reply);
      if (query.statements.length === 0) inbox.push({ kind: 'complete', tag: '' });
      this.#end(actor);
    } else if (query.isDone || this.#saysNothing(actor, text)) {
      query.next += 1;
      inbox.push({ kind: 'complete', tag: readStatement(text).verb.toUpperCase() });
    } else {
      await this.#statement(actor, query, text);
    }
  }

  /** Tables are there from the start; who is a deadlock's victim, and when, is a choice on the model, as is what a plan decides; a session's level is kept here. */
  #saysNothing(actor: ActorIndex, text: string): boolean {
    if (actor === this.#actor(CONTROL) && (isDefinition(text) || isUpkeep(text))) return true;
    if (SILENT_SETTINGS.test(text)) return !this.#state.transactions[actor]?.aborted;
    // Inside a transaction it would be undone with it.
    if (!/^set\s+session\s+characteristics\s+as\s+transaction\b/i.test(text) || this.#inTransaction(actor)) return false;
    const { isolation, readOnly } = modesOf(text);
    if (isolation === null || readOnly !== null) return false;
    this.#levels.set(actor, isolation);
    return true;
  }

  #inTransaction(actor: ActorIndex): boolean {
    return this.#engine.status(this.#state, actor).inTransaction;
  }

  /** Begins a transaction at the session's level. */
  #begin(actor: ActorIndex): Promise<Outcome> {
    const level = this.#levels.get(actor);
    return this.#run(actor, level === undefined ? 'BEGIN' : `BEGIN ISOLATION LEVEL ${level}`);
  }

  async #statement(actor: ActorIndex, query: Query, text: string): Promise<void> {
    const inbox = this.#inboxes[actor]!;
    refuseOwnClock(text);
    const { kind, modes, chain, verb } = readStatement(text);
    const timer = OTHER_TIMERS.exec(text);
    if (timer !== null) throw new UnmodelledError(`${timer[0].toLowerCase()}, whose timer goes off under a specification: ${text}`);
    const storage = verb === 'alter' && query.statements.length === 1 ? this.#engine.changesStorage(this.#state, actor, text) : null;
    if (storage !== null) {
      query.next += 1;
      inbox.push({ kind: 'complete', tag: storage });
      return;
    }
    if (await this.#isTooSlow(actor, query, text)) return;
    if (verb === 'listen') throw new UnmodelledError(`LISTEN, since notifications are shown: ${text}`);
    if (query.implicit && (chain || kind === 'savepoint' || kind === 'rollback-to' || kind === 'release'))
      throw new UnmodelledError(`in a transaction that is the query itself: ${text}`);
    const inTransaction = this.#inTransaction(actor);
    const warn = (warning: keyof typeof WARNINGS) => inbox.push({ kind: 'notice', text: WARNINGS[warning] });
    if (kind === 'begin' && inTransaction) {
      if (modes.isolation !== null || modes.readOnly !== null) throw new UnmodelledError(`inside a transaction: ${text}`);
      if (!query.implicit) warn('inside');
    } else if ((kind === 'commit' || kind === 'rollback') && (!inTransaction || query.implicit)) {
      warn('outside');
    } else if (kind === 'set-transaction' && !inTransaction && query.statements.length === 1) {
      warn('nothing to set');
    } else if ((kind === 'other' || kind === 'set-transaction') && !inTransaction && this.#needsBlock(actor, query, text)) {
      await this.#begin(actor);
      query.implicit = true;
    }
    if (kind === 'begin' || kind === 'commit' || kind === 'rollback') query.implicit = false;
    const plainBegin = kind === 'begin' && !inTransaction && modes.isolation === null && modes.readOnly === null;
    await this.#receive(actor, await (plainBegin ? this.#begin(actor) : this.#run(actor, text)));
  }

  /** A statement under `statement_timeout` may also be given up without having waited for anybody. */
  async #isTooSlow(actor: ActorIndex, query: Query, text: string): Promise<boolean> {
    const { kind } = readStatement(text);
    const mayBe = kind === 'other' && this.#engine.timers(this.#state, actor).includes('statement timeout');
    if (!mayBe || this.#state.transactions[actor]?.aborted || this.#chooser.choose(2) === 0) return false;
    if (!this.#inTransaction(actor) && this.#needsBlock(actor, query, text)) {
      await this.#begin(actor);
      query.implicit = true;
    }
    const isAlone = !this.#inTransaction(actor);
    const because = 'statement timeout' as const;
    await this.#receive(
      actor,
      isAlone ? { kind: 'done', reply: cancelled(because) } : await this.#apply({ kind: 'cancel', actor, because }),
    );
    return true;
  }

  /** Several statements are one transaction; and a single one at a level of the session's own gets it from a transaction around it. */
  #needsBlock(actor: ActorIndex, query: Query, text: string): boolean {
    if (query.statements.length > 1) return true;
    // LOCK TABLE is refused outside a transaction, whatever the level.
    return this.#levels.has(actor) && readStatement(text).verb !== 'lock';
  }

  #run(actor: ActorIndex, text: string): Promise<Outcome> {
    return this.#apply({ kind: 'statement', actor, statement: { text, values: [], prelude: [] } });
  }

  async #receive(actor: ActorIndex, outcome: Outcome): Promise<void> {
    this.#waiters = this.#waiters.filter((waiter) => waiter !== actor);
    if (outcome.kind === 'blocked') {
      this.#waiters.push(actor);
      return;
    }
    // Its answer comes with its commit.
    if (outcome.kind === 'executed') return;
    const query = this.#queries[actor]!;
    query.next += 1;
    this.#answer(this.#inboxes[actor]!, outcome.reply);
    if (outcome.reply.kind !== 'error') return;
    if (query.implicit) await this.#run(actor, 'ROLLBACK');
    this.#end(actor);
  }

  #answer(inbox: Inbox, reply: Reply): void {
    if (reply.kind === 'value') throw new Error('SQL answers with no value of a store');
    if (reply.kind === 'error') {
      inbox.push({ kind: 'error', severity: 'ERROR', code: reply.code, message: reply.message, details: [] });
      return;
    }
    if (reply.fields.length > 0) inbox.push({ kind: 'fields', names: reply.fields.map((field) => field.name) });
    for (const row of reply.rows) inbox.push({ kind: 'row', values: row as readonly (string | null)[] });
    inbox.push({ kind: 'complete', tag: [reply.command, ...(reply.rowCount === null ? [] : [reply.rowCount])].join(' ') });
  }

  #end(actor: ActorIndex): void {
    this.#queries[actor] = null;
    this.#inboxes[actor]!.push({ kind: 'ready' });
  }
}

/** Settings that decide when a deadlock is looked for, or which plan is made: what a plan may decide is open on the model anyhow. */
const SILENT_SETTINGS =
  /^(?:set|reset)\s+(?:(?:session|local)\s+)?(?:deadlock_timeout|enable_\w+|\w+_cost|debug_parallel_query|force_parallel_mode|parallel_leader_participation|min_parallel_\w+|max_parallel_workers\w*)\b/i;

/** Timers that no statement need be under way for. */
const OTHER_TIMERS = /\b(?:transaction|idle_session|idle_in_transaction_session)_timeout\b/i;

/** A mistake in the definitions, as the server would tell it. */
function setupFailure(error: unknown): unknown {
  const { code, message } = error as { code?: unknown; message: string };
  return typeof code === 'string' ? new SpecRunError(`setup failed: ERROR:  ${message.replace(/^the schema: /, '')}`, 'script') : error;
}

/** The notices that the model knows. */
export const WARNINGS = {
  inside: 'WARNING:  there is already a transaction in progress\n',
  outside: 'WARNING:  there is no transaction in progress\n',
  'nothing to set': 'WARNING:  SET TRANSACTION can only be used in transaction blocks\n',
} as const;

/** The modes that a statement names, wherever it names them. */
const modesOf = (text: string): TransactionModes => readStatement(text).modes;
