import type { Row } from '../../context.js';
import type { MaybePromise } from '../../maybe-promise.js';
import { parametersKey } from '../../parameters.js';
import { cancelled, NOT_CONNECTED, plainRows, type Reply, type ResultReply, TERMINATED } from '../../reply.js';
import type { CommittedState, IsolationLevel } from '../../scenario.js';
import { readStatement, type StatementText, signalCommand, splitStatements, type TransactionModes } from '../../sql/text.js';
import { refuseMovingClock } from '../clock-functions.js';
import {
  type Action,
  type ActorIndex,
  type ActorStatus,
  type Applied,
  type Capabilities,
  type Engine,
  type EngineSetup,
  type Outcome,
  onCycle,
  type Statement,
  UnmodelledError,
} from '../contract.js';
import type { Footprint } from '../footprint.js';
import { SEVERAL_STATEMENTS } from '../session-functions.js';
import { type SettingStatement, settingStatements } from '../settings.js';
import { Suspended, whenThere } from '../suspended.js';
import { canonical, type KeyPart } from './canonical.js';
import type { Catalog } from './catalog.js';
import { CommittedRows } from './committed-rows.js';
import { compileStatement } from './compile.js';
import type { RowContents } from './contents.js';
import { detectDeadlock } from './deadlock-detector.js';
import { Draft } from './draft.js';
import { run } from './execute.js';
import { answerOf } from './found-rows.js';
import { blockers } from './heavy-locks.js';
import type { Machinery } from './machinery.js';
import { refuseUtility } from './read-only.js';
import { refuseChanged, refuseTouched, refusingChanged } from './refusals.js';
import { type Conflict, certainly, mustFail, type ViewWith } from './serializable.js';
import { defaultModes, levelOf, perform, type SettingsContext, shownName, type Timer, timersOf, withSession } from './session-settings.js';
import { NEW_SESSION, NOTHING_SET } from './settings-state.js';
import { SqlError } from './sql-error.js';
import { type Committed, EMPTY, type Execution, type Level, type ModelState, type Transaction, type Version, type Write } from './state.js';
import type { StatementPlan } from './statements.js';
import { changesStorage } from './storage.js';
import { toReplyValue } from './types.js';
import { SnapshotView, versionsOf } from './view.js';
import { worksFor } from './works.js';

export interface ModelEngineOptions {
  /** Rows come as the text that PostgreSQL writes, as over the simple query protocol. Default false. */
  readonly textRows?: boolean;
  /** Rows that a table, or an answer, may have. Default 1,000: statements over more take long, and a search runs many. */
  readonly mostRows?: number;
  /** The major version of PostgreSQL that is modelled; null for the newest, which is the default. */
  readonly major?: MaybePromise<number | null>;
}

/** The in-memory model: pg-mem evaluates, this layer decides what is seen, who waits and who fails. States are values. */
export class ModelEngine implements Engine<ModelState> {
  readonly name = 'model';
  readonly capabilities: Capabilities = { rewinds: true, holdsWaiters: true, crashes: true, observes: true };
  /** By actor: its last statement; and the last step, as far as footprints are told of it. */
  readonly #statements = new Map<ActorIndex, Statement>();
  #observed: { readonly actor: ActorIndex; readonly outcome: Outcome; readonly resumed: boolean } | null = null;
  #machinery: Machinery | null = null;
  #schema: string | null = null;
  #opened: { readonly key: string; readonly state: ModelState } | null = null;
  #isolation: IsolationLevel = 'READ COMMITTED';
  #ticks = false;
  /** Set while an action is carried out that is to fail where it may; and whether it might have. */
  #fails = false;
  #mightFail = false;
  /** Set while it is only asked whether a step may fail. */
  #asks = false;
  readonly #textRows: boolean;
  readonly #mostRows: number | undefined;
  #major: MaybePromise<number | null>;
  readonly #tables = new WeakMap<Committed, CommittedState['tables']>();

  constructor({ textRows = false, major = null, mostRows }: ModelEngineOptions = {}) {
    this.#mostRows = mostRows;
    this.#textRows = textRows;
    this.#major = major;
    // Whoever needs it is told when it is asked for.
    if (major instanceof Promise) major.catch(() => undefined);
  }

  /** Opening again with the same setup gives the same state: states are values, and what has been computed stays known. */
  open(setup: EngineSetup): MaybePromise<ModelState> {
    const key = JSON.stringify(setup);
    return whenThere(() => {
      if (this.#opened?.key !== key) this.#opened = { key, state: this.#first(setup) };
      return this.#opened.state;
    });
  }

  /** A server that is still starting is waited for where it matters which major version it is. Whether a step may fail depends on none. */
  #isAtLeast(major: number): boolean {
    const known = this.#major;
    if (!(known instanceof Promise)) return (known ?? NEWEST_MAJOR) >= major;
    if (this.#asks) return true;
    throw new Suspended(
      known.then((found) => {
        this.#major = found;
      }),
    );
  }

  #majorNumber(): number {
    this.#isAtLeast(0);
    return this.#major instanceof Promise ? NEWEST_MAJOR : (this.#major ?? NEWEST_MAJOR);
  }

  #first(setup: EngineSetup): ModelState {
    const schema = `${setup.schema}\n${setup.clockMs}`;
    if (this.#schema !== schema || this.#machinery === null) {
      const isAtLeast = (major: number) => this.#isAtLeast(major);
      const works = worksFor(setup.schema, setup.clockMs, this.#mostRows);
      this.#machinery = { ...works, coarse: new Set(), ordered: new Set(), drawing: new Set(), isAtLeast, textRows: this.#textRows };
      this.#schema = schema;
    }
    const { catalog, coarse, contents, drawing, evaluator, ordered } = this.#machinery;
    // What is committed is asked for in the middle of a step, and cannot wait for PostgreSQL to start.
    if (catalog.tables.some(CommittedRows.asks)) evaluator.pglite.open();
    this.#ticks = setup.ticks === true;
    if (this.#ticks) refuseMovingClock(setup.schema);
    ordered.clear();
    drawing.clear();
    this.#isolation = 'READ COMMITTED';
    let state: ModelState = {
      ...firstRows(catalog, contents),
      sequences: catalog.sequences.map(({ first }) => first),
      draws: [{ count: 0, session: -1 }],
      transactions: [null],
      executions: [null],
      rowLocks: new Map(),
      heavy: new Map(),
      serializable: [],
      clockMs: setup.clockMs,
      sessions: [NEW_SESSION],
    };
    state = this.#seeded(state, splitStatements(setup.seed));
    coarse.clear();
    this.#isolation = setup.isolation;
    const nobody = Array.from({ length: setup.actors }, () => null);
    const sessions = nobody.map(() => NEW_SESSION);
    return { ...state, draws: nobody.map(() => ({ count: 0, session: 0 })), transactions: nobody, executions: nobody, sessions };
  }

  /** A script is one transaction, unless it says otherwise itself (postgres.c, exec_simple_query). */
  #seeded(state: ModelState, texts: readonly string[]): ModelState {
    const isOne = texts.length > 0 && texts.every((text) => readStatement(text).kind === 'other');
    return (isOne ? ['BEGIN', ...texts, 'COMMIT'] : texts).reduce((now, text) => this.#seed(now, text), state);
  }

  #seed(state: ModelState, text: string): ModelState {
    const whole = (applied: Applied<ModelState>): Applied<ModelState> => {
      const { outcome } = applied;
      if (outcome.kind !== 'blocked' && outcome.reply.kind === 'error')
        throw new SqlError(outcome.reply.code, `the first rows: ${outcome.reply.message}, in: ${text}`);
      return applied;
    };
    const applied = whole(this.#act(state, { kind: 'statement', actor: 0, statement: { text, values: [], prelude: [] } }));
    return applied.outcome.kind === 'executed' ? whole(this.#act(applied.state, { kind: 'commit', actor: 0 })).state : applied.state;
  }

  /** Statements that locked or changed several rows at once so far. */
  get coarse(): readonly string[] {
    return [...this.#open.coarse].sort();
  }

  /** Grows when row order turns out to matter in one more table; states keyed before that must not be merged with later ones. */
  get orderedTables(): number {
    return this.#open.ordered.size;
  }

  /** Grows when another actor turns out to draw from chance: likewise. */
  get drawingActors(): number {
    return this.#open.drawing.size;
  }

  /** Grows when PostgreSQL turns out to answer a statement otherwise than pg-mem did; what was computed before that may be wrong. */
  get refutedShapes(): number {
    return this.#open.shapes.refuted;
  }

  /** Statements that pg-mem has answered otherwise than PostgreSQL, which answers them now. */
  get differences(): readonly { readonly statement: string; readonly difference: string }[] {
    return this.#open.shapes.differences();
  }

  /** Writes down, for later runs, how far pg-mem's answers were held against PostgreSQL's. */
  keepShapes(): void {
    this.#machinery?.shapes.keep();
  }

  /** The canonical state, without the actors'. */
  key(state: ModelState, without?: ReadonlySet<KeyPart>): string {
    return canonical(state, this.#open, without);
  }

  get #open(): Machinery {
    if (this.#machinery === null) throw new Error('the engine is not open');
    return this.#machinery;
  }

  apply(state: ModelState, action: Action): MaybePromise<Applied<ModelState>> {
    return whenThere(() => this.#act(state, action));
  }

  #act(state: ModelState, action: Action): Applied<ModelState> {
    const draft = new Draft(state, this.#open.contents);
    this.#fails = 'fails' in action && action.fails === true;
    this.#mightFail = false;
    const outcome = this.#perform(draft, action);
    this.#note(action, outcome);
    if (draft.serializable.length > 1) draft.doomPivots();
    return { state: draft.finish(), outcome };
  }

  #note(action: Action, outcome: Outcome): void {
    if (this.#asks) return;
    if (action.kind === 'statement') this.#statements.set(action.actor, action.statement);
    const works = action.kind === 'statement' || action.kind === 'resume';
    this.#observed = works ? { actor: action.actor, outcome, resumed: action.kind === 'resume' } : null;
  }

  footprint(): MaybePromise<Footprint> {
    return whenThere(() => {
      if (this.#observed === null) return null;
      const { actor, outcome, resumed } = this.#observed;
      return this.#open.observer.footprint(this.#statements.get(actor)!, outcome, resumed);
    });
  }

  hasChoices(state: ModelState): boolean {
    return state.serializable.length > 0;
  }

  mayFail(state: ModelState, action: Action): boolean {
    if (action.kind === 'tick' || action.kind === 'crash') return false;
    const { isolation } = state.transactions[action.actor] ?? { isolation: levelOf(state.sessions[action.actor]!) ?? this.#isolation };
    if (isolation !== 'SERIALIZABLE' && state.transactions[action.actor] !== null) return false;
    this.#asks = true;
    try {
      return this.#asked(state, action);
    } finally {
      this.#asks = false;
    }
  }

  #asked(state: ModelState, action: Action): boolean {
    const { outcome } = this.#act(state, action);
    const failed = outcome.kind !== 'blocked' && outcome.reply.kind === 'error' && outcome.reply.message === NOT_SERIALIZABLE;
    return this.#mightFail && !failed;
  }

  /** Whether a serializable transaction's step fails: because it must, or because it may and is to. */
  #raises(draft: Draft, actor: ActorIndex, commits: boolean): boolean {
    const item = draft.serializableOf(actor);
    if (item === null || draft.serializable.length < 2) return false;
    if (commits && mustFail({ ...item, changes: draft.transaction(actor).writes }, draft.serializable, this.#certainly(draft))) return true;
    const may = draft.mayFail(item);
    this.#mightFail ||= may;
    return may && this.#fails;
  }

  #certainly(draft: Draft): Conflict {
    const { contents, evaluator, catalog } = this.#open;
    const viewWith: ViewWith = (snapshot, own) =>
      new SnapshotView(contents, snapshot, { ...onlooker(own.nowMs), ...own }, draft.sequences, catalog.tables.length);
    return certainly(evaluator, viewWith, draft.serializable);
  }

  #perform(draft: Draft, action: Action): Outcome {
    if (action.kind === 'tick') {
      draft.clockMs = action.clockMs;
      return done(NO_ANSWER);
    }
    if (action.kind === 'crash') {
      draft.crash(this.#open.catalog.sequences);
      return done(NO_ANSWER);
    }
    const { actor } = action;
    switch (action.kind) {
      case 'statement':
        return this.#statement(draft, actor, action.statement);
      case 'resume':
        return this.#continue(draft, actor);
      case 'commit':
        return this.#commit(draft, actor, draft.execution(actor).reply!, false);
      case 'disconnect':
        this.#endSession(draft, actor);
        return done(NO_ANSWER);
      case 'terminate': {
        const hears = draft.executions[actor] != null ? TERMINATED : NOT_CONNECTED;
        this.#endSession(draft, actor);
        return done(hears);
      }
      case 'cancel': {
        const { code, message } = cancelled(action.because);
        return done(this.#fail(draft, actor, new SqlError(code, message)));
      }
      case 'break-deadlock':
        return { kind: 'done', reply: this.#fail(draft, actor, new SqlError('40P01', 'deadlock detected')) };
    }
  }

  #endSession(draft: Draft, actor: ActorIndex): void {
    draft.setExecution(actor, null);
    if (draft.transactions[actor]) draft.endTransaction(actor, false);
    draft.unlockAll(actor);
    draft.endStream(actor);
    draft.setSession(actor, NEW_SESSION);
  }

  #statement(draft: Draft, actor: ActorIndex, statement: Statement): Outcome {
    if (this.#ticks) refuseMovingClock(statement.text);
    for (const { begins, modes } of statement.prelude)
      if (begins) this.#begin(draft, actor, modes, true);
      else this.#setModes(draft, actor, modes);
    const text = readStatement(statement.text);
    const { kind, modes } = text;
    const transaction = draft.transactions[actor] ?? null;
    if (text.verb === '' && text.plainRead) return done(command(''));
    if (kind === 'commit' || kind === 'rollback') return this.#end(draft, actor, transaction, text);
    if (kind === 'rollback-to') return done(this.#savepoint(draft, actor, text));
    if (transaction?.aborted) return done((this.#syntaxError(statement, text) ?? new SqlError('25P02', ABORTED)).toReply());
    if (kind === 'begin' && transaction === null) {
      this.#begin(draft, actor, modes, true);
      return done(command('BEGIN'));
    }
    if (kind === 'savepoint' || kind === 'release') return done(this.#savepoint(draft, actor, text));
    // A BEGIN inside a transaction warns, and sets its modes all the same (utility.c, standard_ProcessUtility).
    if (kind === 'set-transaction' || kind === 'begin') {
      if (transaction === null) return done(command('SET'));
      const refusal = lateModes(transaction, modes, statement.text);
      if (refusal !== null) return done(this.#fail(draft, actor, refusal));
      this.#setModes(draft, actor, modes);
      return done(command(kind === 'begin' ? 'BEGIN' : 'SET'));
    }
    const settings = settingStatements(statement.text);
    if (settings !== null) return done(this.#settings(draft, actor, settings));
    const signal = signalCommand(statement.text);
    if (signal !== null) return done(command(signal));
    if (transaction === null) this.#begin(draft, actor, { isolation: null, readOnly: null }, false);
    try {
      if (text.several && statement.values.length === 0) throw new SqlError('42601', SEVERAL_STATEMENTS);
      this.#prepare(draft, actor, statement);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      // What is no more than wrong is found under a snapshot (postgres.c, exec_parse_message); a syntax error is found before.
      if (error.code !== '42601' && text.verb !== 'lock' && text.verb !== 'set') this.#takeSnapshot(draft, actor);
      if (draft.transaction(actor).rivals.length > 0)
        throw new UnmodelledError('a statement that is wrong, and waits for a safe snapshot before');
      // Parse analysis opens a table only once it has locked it (parse_relation.c, parserOpenTable); what a utility statement may not do is told before.
      if (!BEFORE_LOCKS.has(error.code) && draft.othersLockTables(actor))
        throw new UnmodelledError('a statement that is wrong, and may have to wait for the lock of a table before');
      return done(this.#fail(draft, actor, error));
    }
    return this.#continue(draft, actor);
  }

  /** In a failed transaction the grammar still speaks first. A statement with a plan has passed it, and so has what the layer reads by itself. */
  #syntaxError({ text, values }: Statement, { kind, several }: StatementText): SqlError | null {
    if (several && values.length === 0) return new SqlError('42601', SEVERAL_STATEMENTS);
    if (kind !== 'other' || settingStatements(text) !== null || signalCommand(text) !== null) return null;
    if (this.#open.plans.has(planKey(text, values)) || this.#open.shapes.of(text, values).isKnown) return null;
    const known = this.#open.syntax.get(text);
    if (known !== undefined) return known;
    const error = this.#open.evaluator.pglite.syntaxError(text);
    this.#open.syntax.set(text, error);
    return error;
  }

  /** SET, RESET and SHOW concern their session alone, and take no snapshot (pquery.c, PlannedStmtRequiresSnapshot). */
  #settings(draft: Draft, actor: ActorIndex, statements: readonly SettingStatement[]): Reply {
    const autocommits = draft.transactions[actor] == null;
    if (autocommits) this.#begin(draft, actor, { isolation: null, readOnly: null }, false);
    let reply: Reply = command('SET');
    try {
      for (const item of statements.flatMap(({ commands }) => commands)) {
        const value = perform(draft, actor, item, this.#context);
        reply = value === null ? command(item.kind === 'reset' ? item.tag : 'SET') : shownReply(item.name, value);
      }
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      return this.#fail(draft, actor, error);
    }
    if (autocommits) draft.endTransaction(actor, true);
    return reply;
  }

  get #context(): SettingsContext {
    return { pglite: this.#open.evaluator.pglite, major: () => this.#majorNumber(), isolation: this.#isolation };
  }

  /** The first that a transaction needs is kept by one that is not READ COMMITTED. */
  #takeSnapshot(draft: Draft, actor: ActorIndex): void {
    const transaction = draft.transaction(actor);
    const keeps = transaction.isolation !== 'READ COMMITTED' && transaction.snapshot === null;
    draft.setTransaction(actor, { ...transaction, queried: true, snapshot: keeps ? draft.committed : transaction.snapshot });
    if (!keeps || transaction.isolation !== 'SERIALIZABLE') return;
    // A safe snapshot needs no watching.
    if (transaction.readOnly && transaction.deferrable) draft.takeSafeSnapshot(actor);
    else draft.beginSerializable(actor, transaction.readOnly);
  }

  /** A snapshot that was not safe has been given up while the statement waited for it. */
  #renewSnapshot(draft: Draft, actor: ActorIndex): void {
    const transaction = draft.transaction(actor);
    if (draft.execution(actor).wait?.on !== 'snapshot' || transaction.snapshot !== null) return;
    draft.updateExecution(actor, { wait: null, freed: false });
    draft.setTransaction(actor, { ...transaction, snapshot: draft.committed });
    draft.takeSafeSnapshot(actor);
  }

  #begin(draft: Draft, actor: ActorIndex, modes: TransactionModes, explicit: boolean): void {
    const own = defaultModes(draft, actor);
    draft.setTransaction(actor, {
      levels: UNSAVED,
      isolation: modes.isolation ?? own.isolation ?? this.#isolation,
      readOnly: modes.readOnly ?? own.readOnly,
      // NOT DEFERRABLE is read as if nothing was said.
      deferrable: modes.deferrable || own.deferrable,
      ...NO_RIVALS,
      explicit,
      aborted: false,
      queried: false,
      snapshot: null,
      nowMs: draft.clockMs,
      writes: new Map(),
      truncated: NOTHING,
      ...NOTHING_DEFERRED,
    });
  }

  #setModes(draft: Draft, actor: ActorIndex, modes: TransactionModes): void {
    const transaction = draft.transactions[actor];
    if (!transaction) return;
    if (modes.deferrable) throw new UnmodelledError('a DEFERRABLE transaction');
    draft.setTransaction(actor, {
      ...transaction,
      isolation: modes.isolation ?? transaction.isolation,
      readOnly: modes.readOnly ?? transaction.readOnly,
    });
  }

  #end(draft: Draft, actor: ActorIndex, transaction: Transaction | null, { kind, chain: chained }: StatementText): Outcome {
    const commits = kind === 'commit' && transaction?.aborted !== true;
    if (transaction === null) return done(chained ? outside(`${kind.toUpperCase()} AND CHAIN`) : command(commits ? 'COMMIT' : 'ROLLBACK'));
    if (commits) return this.#commit(draft, actor, command('COMMIT'), chained);
    draft.endTransaction(actor, false);
    if (chained) this.#begin(draft, actor, transaction, true);
    return done(command('ROLLBACK'));
  }

  /** Does what is owed, as a statement of its own that may wait, and ends the transaction (xact.c, CommitTransaction). */
  #commit(draft: Draft, actor: ActorIndex, answer: Reply, chained: boolean): Outcome {
    const plan = { kind: 'commit', command: 'COMMIT', answer, chain: chained, locks: [], writes: false } as const;
    const { deferred, levels } = draft.transaction(actor);
    if (deferred.length === 0) return this.#committed(draft, actor, plan);
    if (levels.length > 1) draft.releaseSavepoint(actor, 1);
    draft.setTransaction(actor, { ...draft.transaction(actor), deferred: [], timing: { all: false, named: new Map() } });
    draft.setExecution(actor, { ...begun(plan, false, false), stage: 'rows', items: deferred });
    return this.#continue(draft, actor);
  }

  #committed(draft: Draft, actor: ActorIndex, plan: Extract<StatementPlan, { kind: 'commit' }>): Outcome {
    const transaction = draft.transaction(actor);
    const fails = this.#raises(draft, actor, true);
    draft.setExecution(actor, null);
    draft.endTransaction(actor, !fails, this.#certainly(draft));
    if (fails) return done(notSerializable().toReply());
    if (plan.chain) this.#begin(draft, actor, transaction, true);
    return done(plan.answer);
  }

  #savepoint(draft: Draft, actor: ActorIndex, { kind, savepoint }: StatementText): Reply {
    const transaction = draft.transactions[actor];
    if (!transaction) return outside(kind === 'savepoint' ? 'SAVEPOINT' : `${kind === 'release' ? 'RELEASE' : 'ROLLBACK TO'} SAVEPOINT`);
    if (kind === 'savepoint') {
      draft.openSavepoint(actor, savepoint);
      return command('SAVEPOINT');
    }
    const depth = transaction.levels.findLastIndex((level) => level.name === savepoint);
    if (depth < 0) return this.#fail(draft, actor, new SqlError('3B001', `savepoint "${savepoint}" does not exist`));
    if (kind === 'release') {
      draft.releaseSavepoint(actor, depth);
      return command('RELEASE');
    }
    draft.rollBackTo(actor, depth);
    draft.setTransaction(actor, { ...draft.transaction(actor), aborted: false });
    return command('ROLLBACK');
  }

  #prepare(draft: Draft, actor: ActorIndex, statement: Statement): void {
    const text = withSession(draft, actor, statement.text, statement.values, this.#context);
    const plan = this.#compile(text === statement.text ? statement : { ...statement, text });
    const transaction = draft.transaction(actor);
    if (plan.answersAs !== undefined && !transaction.explicit)
      throw new UnmodelledError('a function that writes, called outside a transaction block');
    if (transaction.readOnly) refuseUtility(plan);
    // A transaction-wide snapshot is taken before the statement's table locks are waited for; LOCK TABLE and SET CONSTRAINTS take none.
    if (!WITHOUT_SNAPSHOT.has(plan.kind)) this.#takeSnapshot(draft, actor);
    if (plan.kind === 'lock table' && !transaction.explicit)
      throw new SqlError('25P01', 'LOCK TABLE can only be used in transaction blocks');
    const oneStep = !transaction.explicit && readStatement(statement.text).plainRead;
    draft.setExecution(actor, begun(plan, !transaction.explicit, oneStep));
  }

  #compile(statement: Statement): StatementPlan {
    const key = planKey(statement.text, statement.values);
    let plan = this.#open.plans.get(key);
    if (plan === undefined || plan.fastPath?.shape.state === 'refuted') {
      plan = refusingChanged(this.#open, () => compileStatement(statement.text, statement.values, this.#open));
      refuseTouched(plan, this.#open.catalog);
      this.#open.plans.set(key, plan);
    }
    refuseChanged(plan.changed, this.#open);
    return plan;
  }

  #continue(draft: Draft, actor: ActorIndex): Outcome {
    let reply: ResultReply | 'blocked';
    try {
      this.#renewSnapshot(draft, actor);
      reply = run(draft, actor, this.#open);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      return done(this.#fail(draft, actor, this.#raises(draft, actor, false) ? notSerializable() : error));
    }
    const { autocommit, oneStep, plan, given } = draft.execution(actor);
    // A statement whose first part has run may have nothing to look at any more.
    const looks = (plan.locks.length > 0 && plan.kind !== 'lock table') || given !== '';
    const commits = oneStep && reply !== 'blocked';
    if (commits) draft.tellReads(actor);
    if (looks && this.#raises(draft, actor, commits)) return done(this.#fail(draft, actor, notSerializable()));
    if (reply === 'blocked') return { kind: 'blocked' };
    draft.tellReads(actor);
    if (plan.kind === 'commit') return this.#committed(draft, actor, plan);
    if (!autocommit || oneStep) {
      draft.setExecution(actor, null);
      if (autocommit) draft.endTransaction(actor, true);
      return done(reply);
    }
    draft.updateExecution(actor, {
      stage: 'done',
      snapshot: null,
      before: NO_WRITES,
      items: [],
      cursor: 0,
      progress: null,
      outputs: [],
      reply,
    });
    return { kind: 'executed', reply };
  }

  /** An error undoes all since the last savepoint at once; inside a block the block stays open, and refuses everything but its end. At COMMIT it is over. */
  #fail(draft: Draft, actor: ActorIndex, error: SqlError): Reply {
    const transaction = draft.transaction(actor);
    const innermost = transaction.levels.length - 1;
    const ends = draft.executions[actor]?.plan.kind === 'commit';
    draft.forgetReads(actor);
    draft.setExecution(actor, null);
    if (ends) {
      draft.endTransaction(actor, false);
    } else if (innermost > 0) {
      draft.rollBackTo(actor, innermost);
      draft.setTransaction(actor, { ...draft.transaction(actor), aborted: true });
    } else if (!transaction.aborted) {
      draft.endTransaction(actor, false);
      if (transaction.explicit)
        draft.setTransaction(actor, {
          ...transaction,
          levels: UNSAVED,
          aborted: true,
          writes: new Map(),
          truncated: NOTHING,
          ...NOTHING_DEFERRED,
          ...NO_RIVALS,
          snapshot: null,
        });
    }
    return error.toReply();
  }

  status(state: ModelState, actor: ActorIndex): ActorStatus {
    const execution = state.executions[actor] ?? null;
    const inTransaction = state.transactions[actor] != null;
    if (execution === null) return { phase: 'idle', waitsFor: NOBODY, inTransaction };
    if (execution.stage === 'done') return { phase: 'uncommitted', waitsFor: NOBODY, inTransaction };
    if (execution.freed) return { phase: 'freed', waitsFor: NOBODY, inTransaction };
    const { hard, soft } = this.#waits(state, actor);
    return { phase: 'waiting', waitsFor: [...new Set([...hard, ...soft])].sort((left, right) => left - right), inTransaction };
  }

  #waits(state: ModelState, actor: ActorIndex): { hard: readonly ActorIndex[]; soft: readonly ActorIndex[] } {
    const execution = state.executions[actor];
    if (!execution?.wait || execution.freed) return { hard: NOBODY, soft: NOBODY };
    if (execution.wait.on === 'transaction') return { hard: [execution.wait.actor], soft: NOBODY };
    if (execution.wait.on === 'snapshot') return { hard: NOBODY, soft: state.transactions[actor]!.rivals };
    const { holders, ahead } = blockers(state.heavy, execution.wait.resource, actor);
    return { hard: holders, soft: ahead };
  }

  victims(state: ModelState): readonly ActorIndex[] {
    if (!state.executions.some((execution) => execution?.wait)) return NOBODY;
    const waits = state.executions.map((_, actor) => this.#waits(state, actor));
    const victims = onCycle(waits.map((wait) => wait.hard));
    if (victims.length === 0 && onCycle(waits.map((wait) => [...wait.hard, ...wait.soft])).length > 0)
      throw new UnmodelledError(
        'a deadlock by the order of a queue alone, which PostgreSQL may resolve by reordering it, or with a wait for a safe snapshot, which it does not see',
      );
    return victims;
  }

  /** What a waiter's own look for deadlocks comes to, as PostgreSQL makes it: an error, nothing, or the state with queues in another order. */
  detectDeadlock(state: ModelState, actor: ActorIndex): 'deadlock' | 'none' | ModelState {
    const waits = state.executions.map((execution) => (execution === null || execution.freed ? null : execution.wait));
    const found = detectDeadlock(waits, state.heavy, actor);
    if (typeof found === 'string') return found;
    const draft = new Draft(state, this.#open.contents);
    for (const [resource, queue] of found) draft.reorder(resource, queue);
    return draft.finish();
  }

  /** The command of a statement that changes how rows are stored, and nothing that shows; null where it is something else, or not known. */
  changesStorage(state: ModelState, actor: ActorIndex, text: string): string | null {
    const { catalog, evaluator } = this.#open;
    return state.transactions[actor] == null ? changesStorage(text, actor, state.heavy, catalog, evaluator.pglite) : null;
  }

  /** Timers that may end what the actor waits for, or, where it waits for nothing, its next statement. A wait for a safe snapshot is none for a lock. */
  timers(state: ModelState, actor: ActorIndex): readonly Timer[] {
    const wait = state.executions[actor]?.wait ?? null;
    const set = timersOf(new Draft(state, this.#open.contents), actor);
    return set.filter((timer) => timer === 'statement timeout' || (wait !== null && wait.on !== 'snapshot'));
  }

  committed(state: ModelState): CommittedState {
    const { catalog } = this.#open;
    let tables = this.#tables.get(state.committed);
    if (tables === undefined) {
      tables = this.#rows(state.committed);
      this.#tables.set(state.committed, tables);
    }
    return {
      tables,
      sequences: Object.fromEntries(
        catalog.sequences.map(({ shown, index }) => {
          const { lastValue, isCalled } = state.sequences[index]!;
          return [shown, { lastValue, isCalled }];
        }),
      ),
    };
  }

  #rows(committed: Committed): CommittedState['tables'] {
    const { catalog, committedRows, contents: all } = this.#open;
    const byTable = versionsOf(committed, all, catalog.tables.length);
    return Object.fromEntries(
      catalog.tables
        .filter(({ partition }) => !partition)
        .map((table) => {
          const contents = byTable[table.index]!.map(({ content }) => content);
          return [table.shown, committedRows.of(table, contents)];
        }),
    );
  }

  query(state: ModelState, sql: string): MaybePromise<readonly Row[]> {
    return whenThere(() => this.#query(state, sql));
  }

  #query(state: ModelState, sql: string): readonly Row[] {
    const { catalog, contents, evaluator } = this.#open;
    const plan = this.#compile({ text: sql, values: [], prelude: [] });
    if (plan.kind !== 'select') throw new Error(`an invariant must be a SELECT: ${sql}`);
    const view = new SnapshotView(contents, state.committed, onlooker(state.clockMs), state.sequences, catalog.tables.length);
    const rows = answerOf(plan, view, { evaluator, contents }).map((row) =>
      row.values.map((value, index) => toReplyValue(value, plan.query.outputs[index]!.type)),
    );
    return plainRows({ kind: 'result', command: 'SELECT', rowCount: rows.length, fields: plan.query.outputs, rows });
  }
}

const planKey = (text: string, values: readonly unknown[]): string => (values.length === 0 ? text : `${text}${parametersKey(values)}`);

/** What the schema itself has inserted. */
function firstRows({ tables }: Catalog, contents: RowContents): Pick<ModelState, 'committed' | 'next'> {
  const rows = new Map<number, Version>();
  for (const { index, rows: own } of tables)
    for (const values of own) {
      const id = rows.size + 1;
      const content = contents.intern(index, values);
      rows.set(id, { slot: id, id, content, position: id, entered: id, parent: 0, madeBy: 0, sameKeySince: id });
    }
  // A new object each time: what is known of a state is kept with it, and another schema has other tables.
  return { committed: { ...EMPTY, rows }, next: { slot: rows.size, version: rows.size, position: rows.size, xid: 0 } };
}

/** A utility statement that writes in a READ ONLY transaction, or that needs a transaction block (utility.c, standard_ProcessUtility). */
const BEFORE_LOCKS: ReadonlySet<string> = new Set(['25006', '25P01']);
const NEWEST_MAJOR = 18;
const NOBODY: readonly ActorIndex[] = [];
const NO_WRITES: ReadonlyMap<number, Write> = new Map();
const WITHOUT_SNAPSHOT: ReadonlySet<StatementPlan['kind']> = new Set(['lock table', 'set constraints']);
/** A statement under way that has done nothing yet. */
const begun = (plan: StatementPlan, autocommit: boolean, oneStep: boolean): Execution => ({
  plan,
  autocommit,
  oneStep,
  stage: 'tables',
  locked: 0,
  snapshot: null,
  before: NO_WRITES,
  items: [],
  cursor: 0,
  asked: false,
  progress: null,
  outputs: [],
  affected: 0,
  touched: [],
  given: '',
  turns: 0,
  owed: [],
  wait: null,
  freed: false,
  reply: null,
});
const NO_RIVALS: Pick<Transaction, 'rivals' | 'began'> = { rivals: [], began: 0 };
const NOTHING_DEFERRED: Pick<Transaction, 'deferred' | 'timing' | 'settings'> = {
  deferred: [],
  timing: { all: null, named: new Map() },
  settings: NOTHING_SET,
};
const UNSAVED: readonly Level[] = [{ name: null, xid: 0, released: [], writes: new Map(), truncated: new Set(), ...NOTHING_DEFERRED }];
const NOTHING: ReadonlySet<number> = new Set();
const ABORTED = 'current transaction is aborted, commands ignored until end of transaction block';
const NO_ANSWER: Reply = { kind: 'value', value: null };
const done = (reply: Reply): Outcome => ({ kind: 'done', reply });
const NOT_SERIALIZABLE = 'could not serialize access due to read/write dependencies among transactions';
const notSerializable = () => new SqlError('40001', NOT_SERIALIZABLE);
/** A transaction that has done nothing. */
const onlooker = (nowMs: number): Transaction => ({
  levels: UNSAVED,
  isolation: 'READ COMMITTED',
  readOnly: true,
  explicit: false,
  aborted: false,
  queried: false,
  deferrable: false,
  ...NO_RIVALS,
  snapshot: null,
  nowMs,
  writes: new Map(),
  truncated: NOTHING,
  ...NOTHING_DEFERRED,
});

/** What SET TRANSACTION fails with where it comes too late (variable.c, check_transaction_isolation and check_transaction_read_only). */
function lateModes(transaction: Transaction, { isolation, readOnly, deferrable }: TransactionModes, text: string): SqlError | null {
  const nested = transaction.levels.length > 1;
  if (deferrable) throw new UnmodelledError('a DEFERRABLE transaction');
  if (nested && readOnly !== null) throw new UnmodelledError('SET TRANSACTION READ ONLY or READ WRITE after a savepoint');
  if (transaction.queried && transaction.isolation === 'SERIALIZABLE' && readOnly !== null)
    throw new UnmodelledError('SET TRANSACTION READ ONLY or READ WRITE after the first query, at SERIALIZABLE');
  if ((nested || transaction.queried) && /\buncommitted\b/i.test(text))
    throw new UnmodelledError('SET TRANSACTION to READ UNCOMMITTED, too late');
  const late = (what: string) => new SqlError('25001', what);
  if (isolation !== null && isolation !== transaction.isolation) {
    if (transaction.queried) return late('SET TRANSACTION ISOLATION LEVEL must be called before any query');
    if (nested) return late('SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction');
  }
  const opens = readOnly === false && transaction.readOnly && transaction.queried;
  return opens ? late('transaction read-write mode must be set before any query') : null;
}

const outside = (what: string): Reply => new SqlError('25P01', `${what} can only be used in transaction blocks`).toReply();
const command = (name: string): Reply => ({ kind: 'result', command: name, rowCount: null, fields: [], rows: [] });
const shownReply = (name: string, value: string): Reply => ({
  kind: 'result',
  command: 'SHOW',
  rowCount: null,
  fields: [{ name: shownName(name), type: 'text' }],
  rows: [[value]],
});
