import { siteOf } from './actor/called.js';
import type { Ending, Finished } from './actor/finished.js';
import { ActorProgram, type ProgramNode } from './actor/program.js';
import { describeRequest, type Request } from './actor/request.js';
import { runningBegins, runningEnds } from './actor/running.js';
import type { EmittedEvent, Row } from './context.js';
import {
  type Action,
  type ActorIndex,
  type Applied,
  type Engine,
  type Outcome,
  type Phase,
  type Statement,
  UnmodelledError,
} from './engine/contract.js';
import { whenThere } from './engine/suspended.js';
import { type FoundViolation, InvariantCheck } from './invariants/check.js';
import { brokenProgress, type Standing } from './invariants/progress.js';
import { SHIPPED_WITNESSES, witnessesOf } from './invariants/witnesses.js';
import { chain, type MaybePromise } from './maybe-promise.js';
import {
  CANCELLING,
  concerning,
  type Fault,
  isCacheDown,
  isCrash,
  isTick,
  type PersonalFault,
  showDuration,
  withoutOne,
} from './plan/fault.js';
import type { Plan } from './plan/plan.js';
import { type Cancellation, CONNECTION_LOST, NOT_CONNECTED, plainRows, type Reply } from './reply.js';
import type { CommittedState, Scenario, StepEvent, Witness } from './scenario.js';
import { calling, ScenarioError, thrownBy } from './scenario-error.js';
import { type Choice, isOwn, NOBODY, nobodyIn } from './schedule/choice.js';
import { readStatement, type StatementText } from './sql/text.js';
import { callCache, callStore, type World, worldKey } from './world.js';

/** One state of a run: the engine's, the actors', the world's and the monitors'. A value wherever the engine's state is one. */
export interface Configuration<S> {
  readonly engine: S;
  readonly actors: readonly ActorState[];
  readonly world: World;
  readonly monitors: readonly unknown[];
  readonly committed: CommittedState;
  /** What may still happen besides the actors' steps. */
  readonly faults: readonly Fault[];
}

export interface ActorState {
  readonly node: ProgramNode;
  /** BEGIN and its like, not released yet. */
  readonly prelude: Statement['prelude'];
  readonly started: boolean;
  /** Its operation has not begun: it reads the clock before its first call, and the clock may still move on. */
  readonly arriving: boolean;
  /** Which of its sessions it has, from 0. */
  readonly session: number;
  /** That session's connection is lost. */
  readonly lost: boolean;
  /** A statement of its was under way when that was lost, and it has still to hear of it. */
  readonly cut: boolean;
  /** Its process has died: it does nothing any more. */
  readonly dead: boolean;
}

/** One step taken: what histories are made of. */
export interface Step<S> {
  readonly before: Configuration<S>;
  readonly after: Configuration<S>;
  readonly choice: Choice;
  readonly kind: StepEvent['kind'];
  readonly prelude: readonly string[];
  readonly text: string;
  readonly values: readonly unknown[];
  readonly site: string | null;
  readonly outcome: Outcome;
  readonly events: readonly EmittedEvent[];
  readonly finished: Finished | null;
  /** Witnesses of this step, by index, as bits. */
  readonly witnesses: number;
}

/** An actor's operation has ended. */
export interface Ended {
  readonly actor: ActorIndex;
  readonly ending: Ending;
}

export interface MachineOptions {
  /** BEGIN is a step of its own instead of going with the statement behind it. For calibration only. */
  readonly beginIsStep?: boolean;
  /** A freed waiter goes on before anybody else does. Default: what the engine does. */
  readonly resumeAtOnce?: boolean;
  /** Note call sites in the actors' code. */
  readonly sites?: boolean;
  /** The engine is to tell what steps have read, written and locked. Default false. */
  readonly observes?: boolean;
}

const NONE: readonly Choice[] = [];
const NO_FAULTS: readonly Fault[] = [];
const NOBODY_ENDED: readonly Ended[] = [];
const NEW = { prelude: [], started: false, session: 0, lost: false, cut: false, dead: false };
const STARTS_AT = '2026-01-01T00:00:00.000Z';

/**
 * A plan on an engine, as a transition system: a first configuration, the choices in each, and what each choice leads to. One run,
 * exhaustive exploration, replay and lockstep are all walks over it.
 */
export class Machine<S> {
  readonly scenario: Scenario;
  readonly plan: Plan;
  readonly engine: Engine<S>;
  readonly witnesses: readonly Witness[];
  readonly #programs: readonly ActorProgram[];
  readonly #options: MachineOptions;
  readonly #invariants: InvariantCheck;

  constructor(scenario: Scenario, plan: Plan, engine: Engine<S>, options: MachineOptions = {}) {
    this.scenario = scenario;
    this.plan = plan;
    this.engine = engine;
    this.#options = options;
    this.#invariants = new InvariantCheck(scenario.invariants);
    this.witnesses = [...SHIPPED_WITNESSES, ...witnessesOf(plan.faults ?? NO_FAULTS), ...(scenario.witnesses ?? [])];
    this.#programs = plan.actors.map((actor) => {
      const operation = scenario.operations[actor.operation];
      if (operation === undefined) throw new Error(`${scenario.name} has no operation "${actor.operation}"`);
      const seed = `${plan.seed}/${actor.name}`;
      return new ActorProgram(actor.name, operation, actor.input, { seed, sites: options.sites ?? false });
    });
  }

  #startMs(): number {
    return Date.parse(this.scenario.startsAt ?? STARTS_AT);
  }

  #firstRows(): string {
    const { scenario, plan } = this;
    const rows: unknown = calling('the function "seed" of the first rows', () => scenario.seed({ capacity: plan.capacity }));
    if (typeof rows !== 'string')
      throw new ScenarioError(`the function "seed" must return the first rows as SQL, in a text, and returns a ${typeof rows}`);
    return rows;
  }

  get actorNames(): readonly string[] {
    return this.plan.actors.map((actor) => actor.name);
  }

  async start(): Promise<Configuration<S>> {
    const clockMs = this.#startMs();
    const { faults = NO_FAULTS } = this.plan;
    runningBegins(() => 'the schema or the first rows');
    const engine = await this.engine.open({
      schema: this.scenario.schema,
      seed: this.#firstRows(),
      actors: this.plan.actors.length,
      isolation: this.plan.isolation,
      clockMs,
      ...(faults.some(isTick) && { ticks: true }),
      ...(this.#options.observes === true && this.engine.capabilities.observes && { observes: true }),
    });
    runningEnds();
    const world: World = { files: this.scenario.files ?? {}, cache: {}, clockMs };
    const committed = this.engine.committed(engine);
    const actors: ActorState[] = [];
    for (const index of this.#programs.keys()) actors.push(await this.#begin(engine, index, world, faults));
    const monitors = (this.scenario.monitors ?? []).map((monitor) =>
      calling(`the monitor "${monitor.name}"`, () => monitor.initial(committed)),
    );
    return { engine, actors, world, monitors, committed, faults };
  }

  /** An operation as it begins at this moment; where it reads the clock first, and the clock may yet move on, it has still to begin. */
  #begin(engine: S, actor: ActorIndex, world: World, faults: readonly Fault[]): MaybePromise<ActorState> {
    return chain(this.#programs[actor]!.root(world.clockMs), (node) => {
      const arriving = node.readClock && faults.some(isTick);
      return this.#settle(engine, actor, { ...NEW, node, arriving }, world, faults);
    });
  }

  /**
   * Answers BEGIN and its like at once, and keeps them for the statement behind them. Where something may happen between the two BEGIN is a step
   * of its own: now() is the time of it.
   */
  #settle(engine: S, actor: ActorIndex, state: ActorState, world: World, faults: readonly Fault[]): MaybePromise<ActorState> {
    const { request, endless } = state.node;
    if (request?.kind !== 'query' || endless !== null || this.#options.beginIsStep || faults.length > 0 || !isConnected(state))
      return state;
    const statement = readStatement(request.text);
    const opens = statement.kind === 'begin' && state.prelude.length === 0 && !this.engine.status(engine, actor).inTransaction;
    const adds = statement.kind === 'set-transaction' && state.prelude.length > 0;
    if (!opens && !adds) return state;
    const prelude = [...state.prelude, { text: request.text, begins: opens, modes: statement.modes }];
    const reply: Reply = { kind: 'result', command: opens ? 'BEGIN' : 'SET', rowCount: null, fields: [], rows: [] };
    return chain(this.#programs[actor]!.child(state.node, reply, world.clockMs), (node) =>
      // Where no statement follows it is a step of its own: a transaction is open from there on.
      node.request === null ? state : this.#settle(engine, actor, { ...state, node, prelude }, world, faults),
    );
  }

  /** {@link choices}, once there is what the engine needs to tell them. */
  nextChoices(configuration: Configuration<S>): MaybePromise<Choice[]> {
    return whenThere(() => this.choices(configuration));
  }

  /**
   * What may happen next: all that actors do, then what happens to them or to nobody, as long as somebody has not finished. Only where
   * {@link nextChoices} was asked before: whether a step may fail is found out by trying it, and the first try may have to wait for PGlite.
   */
  choices(configuration: Configuration<S>): Choice[] {
    const own = this.#ownChoices(configuration);
    if (configuration.faults.length === 0) return own;
    const phases = configuration.actors.map((_, actor) => this.phase(configuration, actor));
    if (phases.every((phase) => phase === 'finished' || phase === 'endless') || (this.#goesOnAtOnce && phases.includes('freed')))
      return own;
    const happenings: Choice[] = configuration.faults.some(isTick) ? [{ actor: NOBODY, kind: 'tick' }] : [];
    if (this.engine.capabilities.crashes && configuration.faults.some(isCrash)) happenings.push({ actor: NOBODY, kind: 'crash' });
    if (configuration.faults.some(isCacheDown)) happenings.push({ actor: NOBODY, kind: 'cache-down' });
    const victims = phases.includes('waiting') ? this.engine.victims(configuration.engine) : [];
    phases.forEach((phase, actor) => {
      if (phase === 'idle' || phase === 'uncommitted') happenings.push(...this.#lossesOf(configuration, actor));
      // Who is on a cycle of waits has its own deadlock check to come: the two would race.
      if (phase === 'waiting' && !victims.includes(actor)) happenings.push(...this.#endingsOf(configuration, actor));
    });
    return [...own, ...happenings];
  }

  #may(configuration: Configuration<S>, actor: ActorIndex, kind: PersonalFault['kind']): boolean {
    return concerning(configuration.faults, kind, this.plan.actors[actor]!.operation) !== undefined;
  }

  /** How a statement that waits may end without being carried out. */
  #endingsOf(configuration: Configuration<S>, actor: ActorIndex): Choice[] {
    const kinds = [...CANCELLING, 'backend-terminated' as const].filter((kind) => this.#may(configuration, actor, kind));
    return kinds.map((kind) => ({ actor, kind: HAPPENS[kind] }));
  }

  /**
   * How an actor may be lost between two of its steps. While a statement of its waits no connection is lost: the server would go on with it, and notice
   * when it has an answer to send.
   */
  #lossesOf(configuration: Configuration<S>, actor: ActorIndex): Choice[] {
    const { arriving, lost, started } = configuration.actors[actor]!;
    const may = (kind: PersonalFault['kind']) => this.#may(configuration, actor, kind);
    const choices: Choice[] = [];
    if (!arriving && !lost && may('connection-lost')) {
      choices.push({ actor, kind: 'lost' });
      if (this.#commits(configuration, actor)) choices.push({ actor, kind: 'unanswered' });
    }
    if (started && may('process-dies')) choices.push({ actor, kind: 'dies' });
    if (!arriving && !lost && may('backend-terminated')) choices.push({ actor, kind: 'terminated' });
    return choices;
  }

  /** Whether the actor's next step is the commit of a transaction. */
  #commits(configuration: Configuration<S>, actor: ActorIndex): boolean {
    const action = this.#actionOf(configuration, { actor, kind: 'step' });
    if (action?.kind !== 'statement') return action?.kind === 'commit';
    return readStatement(action.statement.text).kind === 'commit' && this.engine.status(configuration.engine, actor).inTransaction;
  }

  get #goesOnAtOnce(): boolean {
    return this.#options.resumeAtOnce ?? !this.engine.capabilities.holdsWaiters;
  }

  /** Actors that can take a step, then those whose step may fail instead, then victims of deadlocks, each in the plan's order. */
  #ownChoices(configuration: Configuration<S>): Choice[] {
    const phases = configuration.actors.map((_, actor) => this.phase(configuration, actor));
    const onlyFreed = this.#goesOnAtOnce && phases.includes('freed');
    const steps = phases.flatMap((phase, actor): Choice[] =>
      phase === 'waiting' || phase === 'finished' || phase === 'endless' || (onlyFreed && phase !== 'freed')
        ? []
        : [{ actor, kind: 'step' }],
    );
    const failures =
      this.engine.hasChoices?.(configuration.engine) === true
        ? steps.filter(({ actor }) => this.#mayFail(configuration, actor)).map(({ actor }): Choice => ({ actor, kind: 'fail' }))
        : NONE;
    if (onlyFreed || !phases.includes('waiting')) return failures.length === 0 ? steps : [...steps, ...failures];
    const victims = this.engine.victims(configuration.engine).map((actor): Choice => ({ actor, kind: 'victim' }));
    return [...steps, ...failures, ...victims];
  }

  #mayFail(configuration: Configuration<S>, actor: ActorIndex): boolean {
    if (this.engine.mayFail === undefined) return false;
    const action = this.#actionOf(configuration, { actor, kind: 'step' });
    return action !== null && this.engine.mayFail(configuration.engine, action);
  }

  /** `endless`: its operation would go on for ever, and takes no more steps. */
  phase(configuration: Configuration<S>, actor: ActorIndex): Phase | 'finished' | 'endless' {
    const { phase } = this.engine.status(configuration.engine, actor);
    if (phase !== 'idle') return phase;
    const { node, arriving, dead } = configuration.actors[actor]!;
    if ((node.request === null && !arriving) || dead) return 'finished';
    return node.endless === null ? 'idle' : 'endless';
  }

  /** Takes one step. `choice` must be among the choices. */
  apply(configuration: Configuration<S>, choice: Choice): MaybePromise<Step<S>> {
    const { actor } = choice;
    if (choice.kind === 'tick') return this.#tick(configuration, choice);
    if (choice.kind === 'crash') return this.#crash(configuration, choice);
    if (choice.kind === 'cache-down') return this.#loseCache(configuration, choice);
    if (isLoss(choice.kind)) return this.#lose(configuration, choice, choice.kind);
    if (isCancelled(choice.kind)) return this.#cancel(configuration, choice, choice.kind);
    const { node, arriving } = configuration.actors[actor]!;
    if (arriving) return this.#arrive(configuration, choice);
    const request = node.request as Request;
    const action = this.#actionOf(configuration, choice);
    if (action === null) return this.#withoutEngine(configuration, choice, request);
    return chain(
      toldWhere(request, () => this.engine.apply(configuration.engine, action)),
      (applied) => this.#record(configuration, choice, action, request, applied),
    );
  }

  /** The clock moves on. Operations that have still to begin do so at the new time. */
  #tick(before: Configuration<S>, choice: Choice): MaybePromise<Step<S>> {
    const tick = before.faults.find(isTick)!;
    const faults = withoutOne(before.faults, tick);
    const world = { ...before.world, clockMs: before.world.clockMs + tick.advanceMs };
    return chain(this.engine.apply(before.engine, { kind: 'tick', clockMs: world.clockMs }), ({ state: engine }) => {
      let actors: MaybePromise<readonly ActorState[]> = before.actors;
      before.actors.forEach(({ arriving }, actor) => {
        if (!arriving) return;
        actors = chain(actors, (others) => chain(this.#begin(engine, actor, world, faults), (state) => others.with(actor, state)));
      });
      const what = { kind: 'tick', prelude: [], text: `the clock moves on by ${showDuration(tick.advanceMs)}` } as const;
      return chain(actors, (all) => this.#conclude({ before, choice, what, ...NOTHING_SAID, engine, world, faults, actors: all }));
    });
  }

  /** All sessions are gone, with whatever was not committed. Each of their actors hears of it in a step of its own. */
  #crash(before: Configuration<S>, choice: Choice): MaybePromise<Step<S>> {
    const { world } = before;
    const faults = withoutOne(before.faults, before.faults.find(isCrash)!);
    return chain(this.engine.apply(before.engine, { kind: 'crash' }), ({ state: engine }) => {
      const actors = before.actors.map((state, actor): ActorState => {
        const phase = this.phase(before, actor);
        // Who has not begun connects when the server is back.
        if (!state.started || state.lost || phase === 'finished') return state;
        return { ...state, lost: true, cut: phase !== 'idle' };
      });
      const what = { kind: 'crash', prelude: [], text: 'the server crashes, and recovers' } as const;
      return this.#conclude({ before, choice, what, ...NOTHING_SAID, engine, world, faults, actors });
    });
  }

  /** The database does not notice. */
  #loseCache(before: Configuration<S>, choice: Choice): Step<S> {
    const { engine, actors } = before;
    const faults = withoutOne(before.faults, before.faults.find(isCacheDown)!);
    const world = { ...before.world, cacheDown: true };
    const what = { kind: 'cache-down', prelude: [], text: 'the cache is down from here on' } as const;
    return this.#conclude({ before, choice, what, ...NOTHING_SAID, engine, world, faults, actors });
  }

  /** A statement that waits is given up, and its actor told why. */
  #cancel(before: Configuration<S>, choice: Choice, kind: Cancelled): MaybePromise<Step<S>> {
    const { actor } = choice;
    const { world } = before;
    const request = before.actors[actor]!.node.request as Request;
    const faults = this.#faultsAfter(before, actor, kind);
    const what = { kind, prelude: [], text: describeRequest(request) } as const;
    return chain(this.engine.apply(before.engine, { kind: 'cancel', actor, because: BECAUSE[kind] }), ({ state: engine, outcome }) =>
      this.#advance({ before, choice, what, request, outcome, engine, world, faults }),
    );
  }

  /** What may still happen when this has happened to somebody. */
  #faultsAfter(before: Configuration<S>, actor: ActorIndex, kind: Loss | Cancelled): readonly Fault[] {
    return withoutOne(before.faults, concerning(before.faults, FAULT_OF[kind], this.plan.actors[actor]!.operation)!);
  }

  /** A connection is gone, with whatever was not committed; what its actor had asked of it fails. Who has died does not hear of it. */
  #lose(before: Configuration<S>, choice: Choice, kind: Loss): MaybePromise<Step<S>> {
    const { actor } = choice;
    const { world } = before;
    const state = before.actors[actor]!;
    const faults = this.#faultsAfter(before, actor, kind);
    const parted = chain(kind === 'unanswered' ? this.#commit(before, actor) : before.engine, (engine) =>
      this.engine.apply(engine, { kind: kind === 'terminated' ? 'terminate' : 'disconnect', actor }),
    );
    return chain(parted, ({ state: engine, outcome }) => {
      const gone: ActorState = { ...state, started: true, lost: true, dead: kind === 'dies' };
      const request = kind !== 'dies' && state.node.request?.kind === 'query' ? state.node.request : null;
      const reply: Reply = request === null ? NO_ANSWER : kind === 'terminated' ? replyOf(outcome) : CONNECTION_LOST;
      const moved =
        request === null
          ? gone
          : chain(this.#programs[actor]!.child(state.node, reply, world.clockMs), (node): ActorState => ({ ...gone, node }));
      const text = kind === 'dies' ? 'process dies' : kind === 'unanswered' ? 'COMMIT' : (request?.text ?? 'connection lost');
      const what = { kind, prelude: [], text } as const;
      return chain(moved, (next) => {
        const said =
          request === null
            ? NOTHING_SAID
            : { outcome: { kind: 'done', reply } as const, events: next.node.events, finished: next.node.finished };
        return this.#conclude({ before, choice, what, ...said, request, engine, world, faults, actors: before.actors.with(actor, next) });
      });
    });
  }

  /** The engine's state after the actor's commit. */
  #commit(configuration: Configuration<S>, actor: ActorIndex): MaybePromise<S> {
    return chain(this.engine.apply(configuration.engine, this.#actionOf(configuration, { actor, kind: 'step' })!), ({ state, outcome }) => {
      if (outcome.kind === 'blocked') throw new UnmodelledError('a connection that is lost while its COMMIT waits');
      return state;
    });
  }

  /** An operation begins, at this moment and no other. */
  #arrive(before: Configuration<S>, choice: Choice): MaybePromise<Step<S>> {
    const state = { ...before.actors[choice.actor]!, arriving: false, started: true };
    const { node } = state;
    const what = { kind: 'start', prelude: [], text: 'begins' } as const;
    const { engine, world, faults } = before;
    const actors = before.actors.with(choice.actor, state);
    const { events, finished } = node;
    return this.#conclude({ before, choice, what, ...NOTHING_SAID, engine, world, faults, actors, events, finished });
  }

  /** What the engine is asked to do; null where the step is none of its. */
  #actionOf(configuration: Configuration<S>, { actor, kind }: Choice): Action | null {
    if (kind === 'victim') return { kind: 'break-deadlock', actor };
    const { node, prelude, arriving } = configuration.actors[actor]!;
    if (arriving || !isConnected(configuration.actors[actor]!)) return null;
    const phase = this.phase(configuration, actor);
    const fails = kind === 'fail';
    if (phase === 'freed' || phase === 'waiting') return { kind: 'resume', actor, fails };
    if (phase === 'uncommitted') return { kind: 'commit', actor, fails };
    const request = node.request as Request;
    if (request.kind !== 'query') return null;
    return { kind: 'statement', actor, statement: { text: request.text, values: request.values, prelude }, fails };
  }

  /** A call of the store or the cache; a new session; or a statement for a session that is lost. */
  #withoutEngine(before: Configuration<S>, choice: Choice, request: Request): MaybePromise<Step<S>> {
    const { engine, faults } = before;
    const text = describeRequest(request);
    const conclude = (kind: StepEvent['kind'], reply: Reply, world = before.world) => {
      const outcome: Outcome = { kind: 'done', reply };
      return this.#advance({ before, choice, what: { kind, prelude: [], text }, request, outcome, engine, world, faults });
    };
    switch (request.kind) {
      case 'query':
        return conclude('statement', before.actors[choice.actor]!.cut ? CONNECTION_LOST : NOT_CONNECTED);
      case 'connect':
        if (!before.actors[choice.actor]!.lost) throw new UnmodelledError('a second session beside the one that an operation has');
        return conclude('connect', NO_ANSWER);
      default: {
        const { world, reply } = request.kind === 'store' ? callStore(before.world, request.call) : callCache(before.world, request.call);
        return conclude(request.kind, reply, world);
      }
    }
  }

  #record(before: Configuration<S>, choice: Choice, action: Action, request: Request, applied: Applied<S>): MaybePromise<Step<S>> {
    const statement = request.kind === 'query' ? readStatement(request.text) : null;
    const kind = kindOf(action, statement);
    const prelude = action.kind === 'statement' ? action.statement.prelude.map((item) => item.text) : [];
    // The second step of a statement outside a transaction is a commit, whatever the request says.
    const text = action.kind === 'commit' ? 'COMMIT' : describeRequest(request);
    const { world, faults } = before;
    return this.#advance({
      before,
      choice,
      what: { kind, prelude, text },
      request,
      outcome: applied.outcome,
      engine: applied.state,
      world,
      faults,
    });
  }

  /** A step that is about what its actor has asked for: where that is answered, the actor goes on. */
  #advance(asked: Asked<S>): MaybePromise<Step<S>> {
    const { before, choice, what, request, outcome, engine, world, faults } = asked;
    const { actor } = choice;
    const state = before.actors[actor]!;
    const connects = what.kind === 'connect';
    // What is made for every step is written out: its spreads took a tenth of a search's time (node --cpu-prof).
    const at = (node: ProgramNode): ActorState => ({
      node,
      prelude: [],
      started: true,
      arriving: state.arriving,
      session: connects ? state.session + 1 : state.session,
      lost: state.lost && !connects,
      cut: false,
      dead: state.dead,
    });
    const moved =
      outcome.kind === 'done'
        ? chain(this.#programs[actor]!.child(state.node, outcome.reply, world.clockMs), (node) =>
            this.#settle(engine, actor, at(node), world, faults),
          )
        : at(state.node);
    return chain(moved, (next) => {
      const actors = before.actors.slice();
      actors[actor] = next;
      const events = outcome.kind === 'done' ? eventsBetween(state.node, next.node) : [];
      const finished = outcome.kind === 'done' ? next.node.finished : null;
      return this.#conclude({ before, choice, what, request, outcome, engine, world, faults, actors, events, finished });
    });
  }

  /** A step that has been taken, as witnesses, monitors and histories see it. */
  #conclude(taken: Taken<S>): Step<S> {
    const { before, choice, what, request, outcome, engine, world, faults, actors, events, finished } = taken;
    const committed = this.engine.committed(engine);
    const event = this.#event(taken, committed);
    const monitors = (this.scenario.monitors ?? []).map((monitor, index) =>
      calling(`the monitor "${monitor.name}"`, () => monitor.observe(before.monitors[index], event)),
    );
    return {
      before,
      after: { engine, actors, world, monitors, committed, faults },
      choice,
      kind: what.kind,
      prelude: what.prelude,
      text: what.text,
      values: request?.kind === 'query' ? request.values : [],
      site: request?.site ?? null,
      outcome,
      events,
      finished,
      witnesses: this.#witnessed(event),
    };
  }

  #witnessed(event: StepEvent): number {
    let seen = 0;
    // A loop without a closure for each: this runs for every step.
    for (let index = 0; index < this.witnesses.length; index += 1) {
      const witness = this.witnesses[index]!;
      try {
        if (witness.seen(event)) seen |= 1 << index;
      } catch (error) {
        throw thrownBy(`the witness "${witness.name}"`, error);
      }
    }
    return seen;
  }

  #event(taken: Taken<S>, committed: CommittedState): StepEvent {
    const { before, choice, what, request, outcome, engine, world } = taken;
    const actor = this.plan.actors[choice.actor] ?? { name: nobodyIn(choice.kind), operation: '', input: {} };
    const reply = outcome.kind === 'blocked' ? null : outcome.reply;
    const machine = this;
    return {
      actor: actor.name,
      operation: actor.operation,
      input: actor.input,
      first: before.actors[choice.actor]?.started === false,
      kind: what.kind,
      text: request === null ? what.text : describeRequest(request),
      outcome: outcome.kind === 'blocked' ? 'blocked' : reply?.kind === 'error' ? 'failed' : 'done',
      code: reply?.kind === 'error' ? reply.code : null,
      get rows(): readonly Row[] | null {
        return reply?.kind === 'result' ? plainRows(reply) : null;
      },
      rowCount: reply?.kind === 'result' ? reply.rowCount : null,
      file: fileOf(request, world),
      finished: taken.finished,
      events: taken.events,
      committed,
      changed: committed.tables !== before.committed.tables,
      get openTransactions(): readonly string[] {
        return machine.actorNames.filter((_, index) => machine.engine.status(engine, index).inTransaction);
      },
      clockMs: world.clockMs,
    };
  }

  /** Everything that must not be, and is, in a configuration: invariants and then monitors in the order of the scenario, and progress. */
  violations(configuration: Configuration<S>): MaybePromise<readonly FoundViolation[]> {
    const { committed } = configuration;
    const past = (this.scenario.monitors ?? []).flatMap((monitor, index) =>
      calling(`the monitor "${monitor.name}"`, () => monitor.violations(configuration.monitors[index], committed)).map((violation) => ({
        ...violation,
        invariant: monitor.name,
      })),
    );
    const progress = this.#progress(configuration);
    const present = this.#invariants.broken({
      committed,
      clockMs: configuration.world.clockMs,
      ended: configuration.actors.every((_, actor) => this.phase(configuration, actor) === 'finished'),
      query: (sql) => this.engine.query(configuration.engine, sql),
    });
    return past.length === 0 && progress.length === 0 ? present : chain(present, (found) => [...found, ...past, ...progress]);
  }

  #progress(configuration: Configuration<S>): FoundViolation[] {
    const standings = configuration.actors.map(({ node, started }, actor): Standing => {
      const { name, operation } = this.plan.actors[actor]!;
      return {
        name,
        operation,
        phase: this.phase(configuration, actor),
        inTransaction: this.engine.status(configuration.engine, actor).inTransaction,
        // Before its first step nobody has done anything.
        leftBehind: started ? node.leftBehind : null,
        endless: started ? node.endless : null,
      };
    });
    return brokenProgress(standings, () => this.engine.victims(configuration.engine).length > 0);
  }

  /** Operations that have ended in a configuration and had not before; `before` is null for those that end without a step. */
  endedBetween(before: Configuration<S> | null, after: Configuration<S>): readonly Ended[] {
    let ended: Ended[] | null = null;
    for (let actor = 0; actor < after.actors.length; actor += 1) {
      const state = after.actors[actor]!;
      const old = before?.actors[actor];
      if (state === old || state.arriving || state.node.ending === null) continue;
      if (old !== undefined && !old.arriving && old.node.ending !== null) continue;
      ended ??= [];
      ended.push({ actor, ending: state.node.ending });
    }
    return ended ?? NOBODY_ENDED;
  }

  /** Whether the step's actor takes it while the operation of another is under way, or has left its transaction open. */
  overlaps({ before, choice }: Step<S>): boolean {
    if (!isOwn(choice)) return false;
    return before.actors.some(
      ({ started }, other) =>
        started &&
        other !== choice.actor &&
        (this.phase(before, other) !== 'finished' || this.engine.status(before.engine, other).inTransaction),
    );
  }

  /** The configuration as text, the engine's part given: equal texts have equal futures. */
  key(configuration: Configuration<S>, engineKey: string): string {
    const actors = configuration.actors
      .map(
        ({ node, prelude, started, arriving, session, lost, cut, dead }) =>
          `${node.id}${prelude.length > 0 ? 'p' : ''}${started ? '' : '-'}${arriving ? 'a' : ''}${lost ? `l${session}` : ''}${cut ? 'c' : ''}${dead ? 'd' : ''}`,
      )
      .join();
    const monitors = configuration.monitors.length === 0 ? '' : JSON.stringify(configuration.monitors);
    const faults = configuration.faults.length === 0 ? '' : JSON.stringify(configuration.faults);
    return `${actors}#${engineKey}#${worldKey(configuration.world)}#${monitors}${faults}`;
  }
}

/** A step, and what has become of everything but the actors. */
interface Done<S> {
  readonly before: Configuration<S>;
  readonly choice: Choice;
  readonly what: Pick<Step<S>, 'kind' | 'prelude' | 'text'>;
  /** What the actor had asked for; null where the step is no answer to it. */
  readonly request: Request | null;
  readonly outcome: Outcome;
  readonly engine: S;
  readonly world: World;
  readonly faults: readonly Fault[];
}

interface Asked<S> extends Done<S> {
  readonly request: Request;
}

/** A step, and what has become of everything. */
interface Taken<S> extends Done<S> {
  readonly actors: readonly ActorState[];
  readonly events: readonly EmittedEvent[];
  readonly finished: Finished | null;
}

const NO_ANSWER: Reply = { kind: 'value', value: null };

/** A step that answers nobody. */
const NOTHING_SAID = {
  request: null,
  outcome: { kind: 'done', reply: NO_ANSWER },
  events: [],
  finished: null,
} as const;

/** How what happens to an actor is called as an entry of a schedule. */
const HAPPENS = {
  'connection-lost': 'lost',
  'process-dies': 'dies',
  'backend-terminated': 'terminated',
  'statement-cancelled': 'cancelled',
  'statement-timeout': 'statement-timeout',
  'lock-timeout': 'lock-timeout',
} as const satisfies Record<PersonalFault['kind'], Choice['kind']>;

/** And the fault that is used up by it. */
const FAULT_OF = {
  lost: 'connection-lost',
  unanswered: 'connection-lost',
  dies: 'process-dies',
  terminated: 'backend-terminated',
  cancelled: 'statement-cancelled',
  'statement-timeout': 'statement-timeout',
  'lock-timeout': 'lock-timeout',
} as const;

const BECAUSE = {
  cancelled: 'user request',
  'statement-timeout': 'statement timeout',
  'lock-timeout': 'lock timeout',
} as const satisfies Record<string, Cancellation>;

type Cancelled = keyof typeof BECAUSE;
type Loss = Exclude<keyof typeof FAULT_OF, Cancelled>;

const isCancelled = (kind: Choice['kind']): kind is Cancelled => kind in BECAUSE;
const isLoss = (kind: Choice['kind']): kind is Loss => kind in FAULT_OF && !isCancelled(kind);
const replyOf = (outcome: Outcome): Reply => (outcome.kind === 'blocked' ? NO_ANSWER : outcome.reply);

/** Whether what the actor asks for can reach the database, if it is a statement. */
const isConnected = ({ node: { request }, session, lost }: ActorState): boolean =>
  request?.kind !== 'query' || (!lost && request.session === session);

function kindOf(action: Action, statement: StatementText | null): StepEvent['kind'] {
  switch (action.kind) {
    case 'resume':
      return 'resume';
    case 'break-deadlock':
      return 'deadlock';
    case 'commit':
      return 'commit';
    default:
      return statement?.kind === 'commit' ? 'commit' : 'statement';
  }
}

function fileOf(request: Request | null, world: World): StepEvent['file'] {
  if (request?.kind !== 'store') return null;
  const { call } = request;
  if (call.op === 'list') return null;
  const name = call.op === 'rename' ? call.to : call.name;
  return { name, content: world.files[name] ?? null };
}

/** Events of all segments from one node to another below it: BEGIN is answered in between without a step. */
function eventsBetween(from: ProgramNode, to: ProgramNode): EmittedEvent[] {
  const events: EmittedEvent[] = [];
  for (let node: ProgramNode | null = to; node !== null && node !== from; node = node.parent) events.unshift(...node.events);
  return events;
}

/** What the model refuses is told with its statement and the place of its call. */
function toldWhere<T>(request: Request, take: () => MaybePromise<T>): MaybePromise<T> {
  const told = (error: unknown): never => {
    if (error instanceof UnmodelledError) error.at ??= { statement: describeRequest(request), place: siteOf(request) };
    throw error;
  };
  try {
    const taken = take();
    return taken instanceof Promise ? taken.catch(told) : taken;
  } catch (error) {
    return told(error);
  }
}
