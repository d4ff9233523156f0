import type { Row } from '../../context.js';
import { type Cancellation, cancelled, NOT_CONNECTED, plainValues, type Reply, TERMINATED } from '../../reply.js';
import type { CommittedState } from '../../scenario.js';
import { readStatement, splitStatements } from '../../sql/text.js';
import { BY_THE_SCHEMA, beginDrawing, chanceFunctions, drawFrom, FIRST_ROWS, mayDraw, nameOfStream } from '../chance-functions.js';
import { clockFunctions, refuseMovingClock, setClock, tickingClockFunctions, withClock } from '../clock-functions.js';
import {
  type Action,
  type ActorAction,
  type ActorIndex,
  type ActorStatus,
  type Applied,
  type Capabilities,
  type Engine,
  EngineError,
  type EngineSetup,
  type Outcome,
  onCycle,
  type Phase,
  type Noted,
  type Statement,
} from '../contract.js';
import type { Footprint } from '../footprint.js';
import { SERVER_FUNCTIONS } from '../session-functions.js';
import { Freezer } from './freezer.js';
import { type Blocking, Inspector } from './inspector.js';
import { type ObservedStep, Observer } from './observer.js';
import type { PostgresServer, ScratchDatabase } from './providers/server.js';
import type { TextRows } from './question.js';
import { readRelations } from './relations.js';
import { Reset } from './reset.js';
import { ScriptSession } from './script-session.js';
import { type Exchange, Session } from './session.js';
import { SessionTraces } from './session-traces.js';
import { answeredWithin, expiry, pause, within } from './waiting.js';

/** A state of the server: good until the next action. */
export interface ServerState {
  readonly actors: readonly ServerActor[];
  readonly committed: CommittedState;
  /** False after a step inside a transaction, where `committed` was not read again: nothing that it shows can have changed. */
  readonly read: boolean;
}

interface ServerActor {
  readonly phase: Phase;
  readonly waitsFor: readonly ActorIndex[];
  readonly inTransaction: boolean;
}

export interface PostgresEngineOptions {
  /** Look at everybody and at all rows after every step, also where nothing can have changed: for tests that show that nothing has. Default false. */
  readonly looksAlways?: boolean;
}

/** How long the server may keep a statement neither answered nor waiting for a lock before we give up. */
const PATIENCE_MS = 10_000;
/** A reply that comes at once needs no question who blocks whom; after this long the question is asked, again and again. */
const ASK_AFTER_MS = 2;
/** So often the question is asked without a pause. More often, and on one core a backend that only needs to run would not get to it. */
const ASKED_AT_ONCE = 4;
/**
 * A waiter's own deadlock check, which comes once, this long after its wait began. Where waiters are frozen it is long over by then, and
 * so comes at the thaw: who is thawed is the victim. On a machine so busy that a waiter is not frozen in time it is doubled, up to the limit.
 */
const HELD_TIMEOUT_MS = 20;
const HELD_TIMEOUT_LIMIT_MS = 640;
/** Where nobody can be frozen, and a schedule names the victim: nobody's check comes but the victim's. */
const NO_DEADLOCK_CHECK = '1h';
/** Time for the rest of the cycle to close before that check. Where it was too short it is doubled, up to the limit. */
const VICTIM_TIMEOUT_MS = 250;
const VICTIM_TIMEOUT_LIMIT_MS = 4_000;

/**
 * A real server under the same contract as the model. Sessions are kept from run to run; `open` brings the tables back to the seed. A
 * waiter on a local server is frozen as soon as it waits (SIGSTOP), so that its resumption is ours to order. Elsewhere it goes on by
 * itself, and a step ends when everybody has been answered or waits.
 */
export class PostgresEngine implements Engine<ServerState> {
  readonly name = 'postgres';
  readonly server: PostgresServer;
  /** Checks that had to wait until a table could be read again. */
  deferredReads = 0;
  readonly #freezer: Freezer;
  readonly #looksAlways: boolean;
  #database: ScratchDatabase | null = null;
  #inspector: Inspector | null = null;
  #scripts: ScriptSession | null = null;
  #schema: string | null = null;
  #reset: Reset | null = null;
  #traces: SessionTraces | null = null;
  /** Tells footprints, of the schema as it is made; null where nobody has asked for them. */
  #observer: Observer | null = null;
  #observes = false;
  /** The last step, as far as footprints are told of it. */
  #observed: ObservedStep | null = null;
  /** By actor. */
  #statements: (Statement | null)[] = [];
  #sessions: Session[] = [];
  #isolation: string | null = null;
  /** Where the clock stands; null where it cannot move on. */
  #clockMs: number | null = null;
  #exchanges: (Exchange | null)[] = [];
  #phases: Phase[] = [];
  #careful = false;
  #used = false;
  /** What is expected of the next action; null where nobody has said anything. */
  #likelyWait: boolean | null = null;
  /** What was asked about waits in the course of a step. */
  #asked: Blocking | null = null;
  /**
   * Where nobody can be frozen: whether somebody tells before each step what it will come to, so that a deadlock is broken by a step of its
   * own. Null before the first step.
   */
  #foreseen: boolean | null = null;
  #deadlockTimeout: string;
  #heldTimeoutMs = HELD_TIMEOUT_MS;
  #victimTimeoutMs = VICTIM_TIMEOUT_MS;
  readonly #armed = new Set<Session>();
  /** The schema draws from chance. */
  #mayDraw = false;
  /** How many sessions each actor has lost in this run. */
  #lostSessions: number[] = [];
  #opening: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | null = null;

  constructor(server: PostgresServer, { looksAlways = false }: PostgresEngineOptions = {}) {
    this.server = server;
    this.#looksAlways = looksAlways;
    this.#freezer = new Freezer(server.canFreeze);
    this.#deadlockTimeout = server.canFreeze ? `${HELD_TIMEOUT_MS}ms` : NO_DEADLOCK_CHECK;
  }

  get capabilities(): Capabilities {
    return { rewinds: false, holdsWaiters: this.#freezer.enabled, crashes: this.server.crash !== undefined, observes: true };
  }

  get #resumesAtOnce(): boolean {
    return !this.#freezer.enabled;
  }

  open(setup: EngineSetup): Promise<ServerState> {
    const opening = this.#open(setup);
    this.#opening = opening.catch(() => undefined);
    return opening;
  }

  async #open(setup: EngineSetup): Promise<ServerState> {
    if (this.#closed !== null) throw new EngineError('the engine is closed');
    const ticks = setup.ticks === true;
    const schema = `${setup.schema}\n${ticks ? 'ticks' : setup.clockMs}`;
    this.#clockMs = ticks ? setup.clockMs : null;
    if (this.#schema !== schema) await this.#create(setup, schema);
    if (this.#used) await this.#clean();
    this.#foreseen = null;
    await this.#toFirstRows(setup, schema);
    while (this.#sessions.length < setup.actors) this.#sessions.push(await this.#connect());
    this.#lostSessions = this.#sessions.map(() => 0);
    for (const [actor, session] of this.#sessions.entries()) await session.drawAs(nameOfStream(actor, 0));
    if (this.#isolation !== setup.isolation) {
      for (const session of this.#sessions) await session.script(`SET default_transaction_isolation = '${setup.isolation.toLowerCase()}'`);
      this.#isolation = setup.isolation;
    }
    this.#used = true;
    this.#careful = false;
    this.#observes = setup.observes === true;
    this.#observed = null;
    if (this.#observes) {
      this.#observer ??= await Observer.of(this.#scripts!, this.server.major);
      this.#observer.begin(setup.actors);
    }
    this.#exchanges = Array.from({ length: setup.actors }, () => null);
    this.#phases = Array.from({ length: setup.actors }, () => 'idle');
    return {
      actors: this.#phases.map(() => ({ phase: 'idle', waitsFor: [], inTransaction: false })),
      committed: await this.#inspect.firstState(setup.seed),
      read: true,
    };
  }

  /** Where the run before has changed the schema itself, all is made anew. */
  async #toFirstRows(setup: EngineSetup, schema: string): Promise<void> {
    const reset = async () => {
      if (setup.ticks === true) await this.#setClock(setup.clockMs);
      const fromTheFirst = this.#mayDraw || mayDraw(setup.seed) ? `${drawFrom(0)};` : '';
      return this.#reset!.run(`${fromTheFirst}${withClock(setup.seed)}`);
    };
    if (await reset()) return;
    await this.#create(setup, schema);
    await reset();
  }

  get #inspect(): Inspector {
    if (this.#inspector === null) throw new EngineError('the engine is not open');
    return this.#inspector;
  }

  async #setClock(clockMs: number): Promise<void> {
    await this.#inspect.script(setClock(clockMs));
    await this.#scripts!.run(setClock(clockMs));
  }

  async #create(setup: EngineSetup, schema: string): Promise<void> {
    await this.#disconnect();
    this.#observer = null;
    this.#database = await this.server.createDatabase();
    const { connection } = this.#database;
    this.#inspector = await Inspector.connect(connection);
    this.#scripts = await ScriptSession.connect(connection);
    if (setup.ticks) refuseMovingClock(setup.schema);
    const clock = setup.ticks ? `${tickingClockFunctions()} ${setClock(setup.clockMs)};` : clockFunctions(setup.clockMs);
    const chance = `${chanceFunctions()} ${beginDrawing(BY_THE_SCHEMA)};`;
    await this.#scripts.run(`CREATE SCHEMA lastseat; ${clock}\n${chance}\n${SERVER_FUNCTIONS}`);
    // One by one: some statements cannot stand beside others, such as CREATE INDEX CONCURRENTLY.
    for (const text of splitStatements(withClock(setup.schema))) await this.#scripts.run(text);
    this.#mayDraw = mayDraw(setup.schema);
    // What the text has set for its own session is no part of the schema.
    await this.#scripts.run('DISCARD ALL');
    await this.#scripts.run(beginDrawing(FIRST_ROWS));
    const relations = await readRelations(this.#scripts);
    this.#inspector.learn(relations);
    this.#reset = await Reset.prepare(this.#scripts, relations, this.server.canSetDeadlockTimeout);
    this.#traces = await SessionTraces.of(this.#scripts);
    this.#schema = schema;
  }

  async #connect(): Promise<Session> {
    const session = await Session.connect(this.#database!.connection, this.#traces!, this.server.major);
    if (this.server.canSetDeadlockTimeout) await session.script(`SET deadlock_timeout = '${this.#deadlockTimeout}'`);
    if (this.#isolation !== null) await session.script(`SET default_transaction_isolation = '${this.#isolation.toLowerCase()}'`);
    return session;
  }

  /** Settled with the first step, while all sessions are idle. Where nobody tells who is to be a deadlock's victim, it is the first who waits. */
  async #foresee(foreseen: boolean): Promise<void> {
    if (this.#foreseen !== null) return;
    this.#foreseen = foreseen;
    const timeout = foreseen ? NO_DEADLOCK_CHECK : `${this.#victimTimeoutMs}ms`;
    if (!this.#resumesAtOnce || this.#deadlockTimeout === timeout || !this.server.canSetDeadlockTimeout) return;
    this.#deadlockTimeout = timeout;
    for (const session of this.#sessions) await session.script(`SET deadlock_timeout = '${timeout}'`);
  }

  /** After a run: sessions that are as they were, or need but a ROLLBACK, stay; the others are replaced. */
  async #clean(): Promise<void> {
    this.#freezer.thawAll();
    this.#sessions = this.#sessions.filter((session) => session.lastWords === null);
    for (const session of this.#sessions) if (session.idleInTransaction && !session.dirty) await session.script('ROLLBACK');
    const spoiled = this.#sessions.filter(
      (session, actor) => session.inTransaction || session.dirty || this.#traces!.always || this.#phases[actor] === 'waiting',
    );
    if (spoiled.length > 0) await this.#terminate(spoiled);
    this.#sessions = this.#sessions.filter((session) => !spoiled.includes(session));
    const held = `${this.#heldTimeoutMs}ms`;
    const lengthened = !this.#resumesAtOnce && this.#deadlockTimeout !== held && this.server.canSetDeadlockTimeout;
    if (lengthened) this.#deadlockTimeout = held;
    for (const session of this.#sessions.filter((kept) => lengthened || this.#armed.has(kept)))
      await session.script(`SET deadlock_timeout = '${this.#deadlockTimeout}'`);
    this.#armed.clear();
  }

  async apply(state: ServerState, action: Action): Promise<Applied<ServerState>> {
    this.#asked = null;
    try {
      await this.#foresee(false);
      if (action.kind === 'tick') return await this.#tick(state, action.clockMs);
      if (action.kind === 'crash') return await this.#crash(state);
      if (this.#observes && action.kind === 'statement') {
        this.#statements[action.actor] = action.statement;
        if (!this.#sessions[action.actor]!.inTransaction) this.#observer!.beginTransaction(action.actor);
      }
      const outcome = await this.#perform(action);
      this.#observed = this.#observes ? this.#observedStep(action, outcome) : null;
      this.#phases[action.actor] = outcome.kind === 'blocked' ? 'waiting' : outcome.kind === 'executed' ? 'uncommitted' : 'idle';
      return { state: await this.#look(state, action, outcome), outcome };
    } catch (error) {
      throw this.#closed === null ? error : new EngineError('the engine was closed in the middle of a step');
    }
  }

  #observedStep({ kind, actor }: ActorAction, outcome: Outcome): ObservedStep | null {
    const statement = this.#statements[actor] ?? null;
    if ((kind !== 'statement' && kind !== 'resume') || statement === null) return null;
    return {
      actor,
      statement,
      outcome,
      resumed: kind === 'resume',
      holds: outcome.kind === 'blocked' || this.#sessions[actor]!.inTransaction,
    };
  }

  /** Statements inside which the server has an order of its own, of those whose footprints were asked for since this was asked last. */
  takeCoarse(): string[] {
    const found = [...(this.#observer?.coarse ?? [])].sort();
    this.#observer?.coarse.clear();
    return found;
  }

  async footprint(_: ServerState, noted: Noted = {}): Promise<Footprint> {
    const observed = this.#observed;
    if (observed === null) return null;
    return this.#observer!.footprint(observed, async () => {
      noted.locks ??= await this.#inspect.locks(this.#sessions[observed.actor]!.pid);
      return noted.locks as TextRows;
    });
  }

  /** Sessions hear of it before their next transaction: within one, now() stands still. */
  async #tick(state: ServerState, clockMs: number): Promise<Applied<ServerState>> {
    this.#clockMs = clockMs;
    await this.#inspect.script(setClock(clockMs));
    return { state: { ...state, read: false }, outcome: { kind: 'done', reply: { kind: 'value', value: null } } };
  }

  /**
   * What sequences have logged ahead would be lost with what nobody had committed behind it, or not, as the server's buffers happen to be: it is written before. A commit
   * that was acknowledged has been written anyway.
   */
  async #crash(before: ServerState): Promise<Applied<ServerState>> {
    const connection = this.#database!.connection;
    const pids = await this.#inspect.flushLog();
    await this.server.crash!(pids, () => this.#inspect.reconnect(connection));
    await this.#scripts!.reconnect(connection);
    await this.#scripts!.run(beginDrawing(FIRST_ROWS));
    this.#freezer.forgetAll();
    this.#reset!.forget();
    if (this.#clockMs !== null) await this.#setClock(this.#clockMs);
    this.#armed.clear();
    this.#exchanges = this.#exchanges.map(() => null);
    this.#phases = this.#phases.map(() => 'idle');
    for (const spent of this.#sessions) spent.destroy();
    this.#lostSessions = this.#lostSessions.map((lost) => lost + 1);
    this.#sessions = await Promise.all(this.#sessions.map(() => this.#connect()));
    for (const [actor, session] of this.#sessions.entries()) await session.drawAs(nameOfStream(actor, this.#lostSessions[actor]!));
    const state = { actors: this.#actors(new Map()), committed: await this.#inspect.committed(), read: true };
    return { state: { ...before, ...state }, outcome: { kind: 'done', reply: { kind: 'value', value: null } } };
  }

  async #perform(action: ActorAction): Promise<Outcome> {
    const { actor } = action;
    const session = this.#sessions[actor]!;
    switch (action.kind) {
      case 'statement': {
        this.#careful ||= readStatement(action.statement.text).mayLockReaders;
        if (this.#clockMs !== null) {
          refuseMovingClock(action.statement.text);
          await session.setClock(this.#clockMs);
        }
        if (this.#mayDraw) session.noteDraws();
        this.#exchanges[actor] = session.send(action.statement);
        return this.#await(actor);
      }
      case 'commit':
        this.#exchanges[actor]!.commit();
        // Few commits wait, and to ask in the same breath who waits costs more than a reply.
        return this.#await(actor, false);
      case 'disconnect':
        return this.#lose(actor);
      case 'terminate':
        return this.#end(actor);
      case 'cancel': {
        await this.#inspect.cancel(session.pid);
        this.#freezer.thaw(session.pid);
        const reply = await within(this.#exchanges[actor]!.reply, PATIENCE_MS, 'the end of a statement that is cancelled');
        this.#exchanges[actor] = null;
        return { kind: 'done', reply: asCancelled(reply, action.because) };
      }
      case 'resume':
        this.#freezer.thaw(session.pid);
        return this.#await(actor);
      case 'break-deadlock': {
        this.#freezer.thaw(session.pid);
        const reply = await this.#victimReply(this.#exchanges[actor]!);
        this.#exchanges[actor] = null;
        return { kind: 'done', reply };
      }
    }
  }

  /** Has the server end a session. Who has a statement under way is told so; who has none sees that his connection is closed. */
  async #end(actor: ActorIndex): Promise<Outcome> {
    const ended = this.#sessions[actor]!;
    const lastWords = this.#exchanges[actor]?.lastWords() ?? null;
    await this.#inspect.terminate([ended.pid]);
    this.#freezer.thaw(ended.pid);
    const reply = lastWords === null ? null : await within(lastWords, PATIENCE_MS, 'the end of a session');
    await within(ended.ended, PATIENCE_MS, 'the end of a session');
    if (reply === null && ended.lastWords !== TERMINATED.code)
      throw new EngineError(`a session that was ended says "${ended.lastWords ?? 'nothing'}"`);
    await this.#lose(actor);
    return { kind: 'done', reply: reply ?? NOT_CONNECTED };
  }

  /** Cuts a connection, waits until the server has noticed and rolled back, and gives the actor a new session. */
  async #lose(actor: ActorIndex): Promise<Outcome> {
    const lost = this.#sessions[actor]!;
    this.#exchanges[actor] = null;
    lost.destroy();
    const tooLate = expiry(PATIENCE_MS);
    // A backend is listed until it has ended its transaction and given back its locks (postinit.c, ShutdownPostgres).
    for (let asked = 1; await this.#inspect.isListed(lost.pid); asked += 1) {
      if (tooLate()) throw new EngineError(`the server did not end a lost session within ${PATIENCE_MS / 1000} s`);
      if (asked >= ASKED_AT_ONCE) await pause(ASK_AFTER_MS);
    }
    this.#armed.delete(lost);
    const session = await this.#connect();
    this.#lostSessions[actor] = this.#lostSessions[actor]! + 1;
    await session.drawAs(nameOfStream(actor, this.#lostSessions[actor]));
    this.#sessions[actor] = session;
    return { kind: 'done', reply: { kind: 'value', value: null } };
  }

  async #victimReply(exchange: Exchange): Promise<Reply> {
    const check = this.#resumesAtOnce ? this.#victimTimeoutMs : 0;
    try {
      const reply = await within(exchange.reply, check + PATIENCE_MS / 10, 'the deadlock check of the victim');
      if (reply.kind === 'error' && reply.code === '40P01') return reply;
      throw new EngineError('the server has broken the deadlock at somebody else');
    } catch (error) {
      // The check came before the cycle had closed, found nothing, and does not come again.
      this.#giveChecksMoreTime();
      throw error;
    }
  }

  /** For the next try. */
  #giveChecksMoreTime(): void {
    if (this.#resumesAtOnce) this.#victimTimeoutMs = Math.min(2 * this.#victimTimeoutMs, VICTIM_TIMEOUT_LIMIT_MS);
    else this.#heldTimeoutMs = Math.min(2 * this.#heldTimeoutMs, HELD_TIMEOUT_LIMIT_MS);
  }

  #brokenTooEarly(): never {
    this.#giveChecksMoreTime();
    throw new EngineError('the server has broken a deadlock before its step');
  }

  /** Until the statement is answered or waits for somebody. Still running is not blocked: only the server's own word counts. */
  async #await(actor: ActorIndex, mightWait = this.#mightWait(actor)): Promise<Outcome> {
    const exchange = this.#exchanges[actor]!;
    const session = this.#sessions[actor]!;
    const tooLate = expiry(PATIENCE_MS);
    const checked = expiry(this.#heldTimeoutMs);
    const atOnce = this.#likelyWait ?? mightWait;
    let answered = !atOnce && (await answeredWithin(exchange, ASK_AFTER_MS));
    this.#likelyWait = null;
    for (let asked = 1; !answered; asked += 1) {
      const blocking = await this.#inspect.blocking([session.pid, ...this.#waitingPids()]);
      if (exchange.answered) break;
      if (blocking.has(session.pid)) {
        this.#freezer.freeze(session.pid);
        this.#asked = blocking;
        return { kind: 'blocked' };
      }
      if (tooLate()) throw new EngineError(`the server neither answered nor reported a wait within ${PATIENCE_MS / 1000} s`);
      answered = asked < ASKED_AT_ONCE ? exchange.answered : await answeredWithin(exchange, ASK_AFTER_MS);
    }
    const reply = await exchange.reply;
    // Before that it is none of a waiter's: who asks for a table's lock that he could never get is told at once (proc.c, JoinWaitQueue).
    if (this.#freezer.enabled && reply.kind === 'error' && reply.code === '40P01' && checked()) this.#brokenTooEarly();
    if (exchange.held) return { kind: 'executed', reply };
    this.#exchanges[actor] = null;
    return { kind: 'done', reply };
  }

  /** Somebody else has a transaction open, and the statement takes locks: to ask in vain costs less than to wait for a timer. */
  #mightWait(actor: ActorIndex): boolean {
    const { plainRead, kind } = this.#exchanges[actor]!.text;
    return !plainRead && kind === 'other' && this.#sessions.some((session, other) => other !== actor && session.inTransaction);
  }

  #waitingPids(): number[] {
    return this.#phases.flatMap((phase, index) => (phase === 'waiting' ? [this.#sessions[index]!.pid] : []));
  }

  /**
   * Looks at everybody after a step: who still waits and for whom, who has been freed, what is committed. A step that ended no transaction has
   * committed nothing. If it kept its locks too, nobody is freed, and there is nothing new to see, unless it may have come before others in a queue; what
   * it might have changed against all expectation, the next look shows.
   */
  async #look(before: ServerState, action: ActorAction, outcome: Outcome): Promise<ServerState> {
    const ends = this.#looksAlways || this.#ends(action, outcome);
    const waiting = this.#waitingPids();
    const unchanged = waiting.length === 0 || (this.#keepsLocks(action, outcome) && !mayBlockMore(before, action.actor));
    if (!ends && this.#asked === null && unchanged)
      return { actors: this.#actors(this.#blockingIn(before)), committed: before.committed, read: false };
    const settled = this.#resumesAtOnce ? await this.#settled() : null;
    if (!ends) {
      let blocking = settled ?? this.#asked ?? (await this.#inspect.blocking(waiting));
      // Somebody is freed although the step has ended in a wait: it was made a deadlock's victim just before it was frozen, or it gave something back.
      if (outcome.kind === 'blocked' && this.#freezer.enabled && waiting.some((pid) => !blocking.has(pid)))
        blocking = await this.#inspect.blocking(waiting);
      this.#free(blocking, action, outcome);
      return { actors: this.#actors(blocking), committed: before.committed, read: false };
    }
    const inspection = await this.#inspect.inspect(settled === null ? waiting : [], this.#careful);
    const blocking = settled ?? inspection.blocking;
    this.#free(blocking, action, outcome);
    if (inspection.committed === null) this.deferredReads += 1;
    return { actors: this.#actors(blocking), committed: inspection.committed ?? before.committed, read: inspection.committed !== null };
  }

  #ends(action: ActorAction, outcome: Outcome): boolean {
    if (outcome.kind !== 'done') return false;
    if (outcome.reply.kind !== 'result') return true;
    return !this.#sessions[action.actor]!.inTransaction && !(action.kind === 'statement' && readStatement(action.statement.text).plainRead);
  }

  /** A waiter that cannot be held may give back what it held as it goes on; a frozen one does nothing by itself. */
  #keepsLocks(action: ActorAction, outcome: Outcome): boolean {
    return (
      action.kind === 'statement' && outcome.kind !== 'blocked' && this.#freezer.enabled && readStatement(action.statement.text).keepsLocks
    );
  }

  #free(blocking: Blocking, action: ActorAction, outcome: Outcome): void {
    if (outcome.kind === 'blocked' && this.#freezer.enabled && !blocking.has(this.#sessions[action.actor]!.pid)) this.#brokenTooEarly();
    this.#phases.forEach((phase, index) => {
      if (phase !== 'waiting' || blocking.has(this.#sessions[index]!.pid)) return;
      // Who is frozen answers nothing: he had been made a victim before.
      if (this.#freezer.enabled && this.#exchanges[index]!.answered) this.#brokenTooEarly();
      this.#phases[index] = 'freed';
    });
  }

  #blockingIn(state: ServerState): Blocking {
    return new Map(
      state.actors.flatMap(({ waitsFor }, index) =>
        waitsFor.length === 0 ? [] : [[this.#sessions[index]!.pid, waitsFor.map((actor) => this.#sessions[actor]?.pid ?? -1)] as const],
      ),
    );
  }

  /**
   * Asks again and again until each of those who waited has been answered or waits, and nobody was answered meanwhile: one who goes on
   * may wait again, or fail and so free the next. A deadlock that no step is going to break is the server's to break.
   */
  async #settled(): Promise<Blocking> {
    const expired = expiry(PATIENCE_MS);
    for (;;) {
      const running = this.#phases.flatMap((phase, index) => (phase === 'waiting' && !this.#exchanges[index]!.answered ? [index] : []));
      if (running.length === 0) return new Map();
      const blocking = await this.#inspect.blocking(running.map((index) => this.#sessions[index]!.pid));
      const moving = running.filter((index) => this.#exchanges[index]!.answered || !blocking.has(this.#sessions[index]!.pid));
      const cycle = this.#foreseen ? [] : onCycle(this.#actors(blocking).map((actor) => actor.waitsFor));
      if (moving.length === 0 && cycle.length === 0) return blocking;
      if (expired()) throw new EngineError(`the server neither answered nor reported a wait within ${PATIENCE_MS / 1000} s`);
      await Promise.race([...moving, ...cycle].map((index) => answeredWithin(this.#exchanges[index]!, ASK_AFTER_MS)));
    }
  }

  #actors(blocking: Blocking): ServerActor[] {
    const actorOf = new Map(this.#sessions.map((session, index) => [session.pid, index]));
    return this.#phases.map((phase, index): ServerActor => {
      const session = this.#sessions[index]!;
      const blockers = phase === 'waiting' ? (blocking.get(session.pid) ?? []) : [];
      const waitsFor = blockers.map((pid) => actorOf.get(pid) ?? -1).sort((left, right) => left - right);
      // A freed waiter that was answered already, with an error, may have left its transaction: for us it is still to come.
      return { phase, waitsFor, inTransaction: phase === 'freed' || session.inTransaction };
    });
  }

  /**
   * A wait that is likely is asked for at once; nothing but the server's word decides. Where nobody can be frozen, the victim's own deadlock
   * check is made to come first: it must be known before its statement is sent.
   */
  async expect(actor: ActorIndex, likely: { readonly waits: boolean | null; readonly victim: boolean }): Promise<void> {
    this.#likelyWait = likely.waits;
    await this.#foresee(true);
    if (!this.#resumesAtOnce || !likely.victim || this.#phases[actor] !== 'idle' || !this.server.canSetDeadlockTimeout) return;
    const session = this.#sessions[actor]!;
    this.#armed.add(session);
    await session.script(`SET deadlock_timeout = '${this.#victimTimeoutMs}ms'`);
  }

  status(state: ServerState, actor: ActorIndex): ActorStatus {
    return state.actors[actor]!;
  }

  victims(state: ServerState): readonly ActorIndex[] {
    return onCycle(state.actors.map((actor) => actor.waitsFor));
  }

  committed(state: ServerState): CommittedState {
    return state.committed;
  }

  looked(state: ServerState): boolean {
    return state.read;
  }

  async query(_state: ServerState, sql: string): Promise<readonly Row[]> {
    return (await this.#inspect.query(withClock(sql))).map(plainValues);
  }

  /** Thaws everybody for good: for every way out on which there is no time to close. */
  release(): void {
    this.#freezer.retire();
  }

  /** Ends backends whatever they are in the middle of; they must be thawed. */
  async #terminate(sessions: readonly Session[]): Promise<void> {
    await this.#inspect.terminate(sessions.map((session) => session.pid));
    await within(Promise.all(sessions.map((session) => session.ended)), PATIENCE_MS, 'the end of a session');
  }

  async #disconnect(): Promise<void> {
    this.#freezer.thawAll();
    const [database, inspector, scripts, sessions] = [this.#database, this.#inspector, this.#scripts, this.#sessions];
    this.#database = null;
    this.#schema = null;
    this.#used = false;
    this.#isolation = null;
    try {
      // DROP DATABASE would terminate them too, and then look every 100 ms whether they are gone.
      if (sessions.length > 0) await this.#terminate(sessions);
    } catch {
      // The server is gone, or lost to us.
      for (const session of sessions) session.destroy();
    }
    this.#sessions = [];
    this.#inspector = null;
    this.#scripts = null;
    await inspector?.end();
    await scripts?.end();
    await database?.drop();
  }

  /** Ends everything, also in the middle of a step: that step then fails. Closing twice is no error. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#freezer.retire();
    await this.#disconnect();
    // What was being opened meanwhile.
    await this.#opening;
    await this.#disconnect();
  }
}

/**
 * The server gives up a wait in one place, for whichever reason, and says which (postgres.c, ProcessInterrupts): what is cancelled at the right moment is
 * left as by a timeout, and told apart by nothing but these words.
 */
function asCancelled(reply: Reply, because: Cancellation): Reply {
  const { code, message } = cancelled('user request');
  if (reply.kind !== 'error' || reply.code !== code || reply.message !== message)
    throw new EngineError(`a statement that was cancelled came to: ${reply.kind === 'error' ? reply.message : reply.kind}`);
  return { ...reply, ...cancelled(because) };
}

/** Who has a lock that somebody waits for goes before him with another one (lock.c, JoinWaitQueue), and may be in the way of a third then. */
const mayBlockMore = ({ actors }: ServerState, actor: ActorIndex): boolean => {
  const waiting = actors.filter(({ waitsFor }) => waitsFor.length > 0);
  const blocked = waiting.filter(({ waitsFor }) => waitsFor.includes(actor)).length;
  return blocked > 0 && blocked < waiting.length;
};
