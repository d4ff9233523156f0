import type { Row } from '../context.js';
import type { MaybePromise } from '../maybe-promise.js';
import type { Cancellation, Reply } from '../reply.js';
import type { CommittedState, IsolationLevel } from '../scenario.js';
import type { TransactionModes } from '../sql/text.js';
import type { Footprint } from './footprint.js';

/** Index of an actor in its plan. */
export type ActorIndex = number;

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
  /**
   * BEGIN and SET TRANSACTION released together with this statement: they take no snapshot and no lock, so a step of their own
   * would only multiply interleavings. Empty where there are none.
   */
  readonly prelude: readonly { readonly text: string; readonly begins: boolean; readonly modes: TransactionModes }[];
}

/** What is released at once. With `fails`, SERIALIZABLE refuses it with 40001 where it may; a server decides that itself. */
export type Action =
  | { readonly kind: 'statement'; readonly actor: ActorIndex; readonly statement: Statement; readonly fails?: boolean }
  /** The second step of a statement outside a transaction. Where it owes checks of deferred constraints it may block, as a COMMIT may. */
  | { readonly kind: 'commit'; readonly actor: ActorIndex; readonly fails?: boolean }
  /** A waiter whose blocker is gone goes on; it may block again. */
  | { readonly kind: 'resume'; readonly actor: ActorIndex; readonly fails?: boolean }
  /** A waiter in a deadlock fails with 40P01. */
  | { readonly kind: 'break-deadlock'; readonly actor: ActorIndex }
  /** The actor's connection is lost while none of its statements is under way but for its commit; the next statement comes on a new session. Answers nobody. */
  | { readonly kind: 'disconnect'; readonly actor: ActorIndex }
  /** The actor's session is ended by an administrator. Answers the statement that is under way; where there is none, what the next one would hear. */
  | { readonly kind: 'terminate'; readonly actor: ActorIndex }
  /** A waiting statement is given up. */
  | { readonly kind: 'cancel'; readonly actor: ActorIndex; readonly because: Cancellation }
  /** The server's processes are killed, and it recovers: what was committed is there, and no session. Answers nobody. */
  | { readonly kind: 'crash' }
  /** The clock moves on: now() in transactions that begin from here on. Answers nobody. */
  | { readonly kind: 'tick'; readonly clockMs: number };

/** What is released of one actor's. */
export type ActorAction = Extract<Action, { readonly actor: ActorIndex }>;

export type Outcome =
  | { readonly kind: 'done'; readonly reply: Reply }
  /** A statement outside a transaction has run; its reply comes with its commit. */
  | { readonly kind: 'executed'; readonly reply: Reply }
  | { readonly kind: 'blocked' };

export type Phase = 'idle' | 'uncommitted' | 'waiting' | 'freed';

export interface ActorStatus {
  readonly phase: Phase;
  /** While `waiting`: who must act first, ascending. */
  readonly waitsFor: readonly ActorIndex[];
  readonly inTransaction: boolean;
}

export interface Applied<S> {
  readonly state: S;
  readonly outcome: Outcome;
}

/** What an engine can do: the one place that says so. */
export interface Capabilities {
  /** A state is a value, and may be used again: orders can be walked back to where they part. */
  readonly rewinds: boolean;
  /**
   * A freed waiter goes on with its `resume`. Otherwise it goes on by itself: when `apply` returns, everybody has been answered (and is `freed`) or waits, maybe
   * again, and a `resume` may also name one who waits again.
   */
  readonly holdsWaiters: boolean;
  /** A `crash` can be asked for. */
  readonly crashes: boolean;
  /** Footprints can be asked for. */
  readonly observes: boolean;
}

/**
 * An engine runs statements of several sessions, one action at a time.
 *
 * Before `apply`: a `statement` needs its actor idle, a `commit` uncommitted, a `resume` freed, a `break-deadlock` waiting on a
 * cycle, a `disconnect` idle or uncommitted, a `cancel` waiting and a `terminate` anything but freed, neither of them on a cycle. After it: every other actor is
 * where it was, or has become freed; after a `crash` all are idle. A state of the model is a value and may be used
 * again; a state of the server is good for the next action only.
 *
 * `apply` throws {@link UnmodelledError} for SQL that the model must not answer, and {@link EngineError} where the server did
 * something that no schedule explains.
 */
export interface Engine<S> {
  readonly name: 'model' | 'postgres';
  readonly capabilities: Capabilities;
  open(setup: EngineSetup): S | Promise<S>;
  apply(state: S, action: Action): Applied<S> | Promise<Applied<S>>;
  status(state: S, actor: ActorIndex): ActorStatus;
  /** Actors that a `break-deadlock` may name. */
  victims(state: S): readonly ActorIndex[];
  /** Whether the action may come to a serialization failure as well as to what it comes to otherwise. Default false. */
  mayFail?(state: S, action: Action): boolean;
  /** False where {@link mayFail} is false for every action; cheap. */
  hasChoices?(state: S): boolean;
  committed(state: S): CommittedState;
  /** False where `committed` is not news but what the state before had. Default true. */
  looked?(state: S): boolean;
  /** Says what the next action is likely to come to: whether it waits (null: not known), and whether that wait is to end as a deadlock's victim. */
  expect?(actor: ActorIndex, likely: { readonly waits: boolean | null; readonly victim: boolean }): MaybePromise<void>;
  /**
   * What the step that led to this state has read, written and locked: asked for right after a `statement` or a `resume`, answered or not, and before the
   * next action. Only where the engine was opened with `observes`. `noted`: what the engine writes down of it, for when the same run comes to the same step
   * again.
   */
  footprint?(state: S, noted?: Noted): MaybePromise<Footprint>;
  /** Runs a query over the committed state, for an invariant in SQL. */
  query(state: S, sql: string): readonly Row[] | Promise<readonly Row[]>;
}

/** What an engine has written down of a step; nobody else looks into it. */
export interface Noted {
  locks?: unknown;
}

export interface EngineSetup {
  readonly schema: string;
  readonly seed: string;
  readonly actors: number;
  /** What a transaction has that names no level. */
  readonly isolation: IsolationLevel;
  readonly clockMs: number;
  /** The clock may move on in the course of a run. Default false. */
  readonly ticks?: boolean;
  /** Footprints will be asked for. Default false. */
  readonly observes?: boolean;
}

/** SQL, or a situation, that the model does not answer because it might answer wrongly. */
export class UnmodelledError extends Error {
  override readonly name = 'UnmodelledError';
  /** All that stands in the way, as far as it was looked for: one reason each. */
  readonly reasons: readonly string[];
  /** The statement that came to it, and the place of its call in the operation's code; null where no statement did, or nobody has noted it. */
  at: { readonly statement: string; readonly place: string | null } | null = null;

  constructor(message: string, reasons: readonly string[] = [message]) {
    super(message);
    this.reasons = reasons;
  }
}

/** The engine cannot go on: a lost connection, a reply that should have come. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
}

/**
 * Waiters that are on a cycle of waits, ascending. Waits for a member of the cycle from outside it do not count: breaking the
 * cycle at such a waiter would break nothing (PostgreSQL, README of the lock manager, "The deadlock detection algorithm").
 */
export function onCycle(waitsFor: readonly (readonly ActorIndex[])[]): ActorIndex[] {
  const reaches = (from: ActorIndex, target: ActorIndex, seen: Set<ActorIndex>): boolean =>
    (waitsFor[from] ?? []).some((next) => next === target || (!seen.has(next) && reaches(next, target, seen.add(next))));
  return waitsFor.flatMap((blockers, actor) => (blockers.length > 0 && reaches(actor, actor, new Set()) ? [actor] : []));
}
