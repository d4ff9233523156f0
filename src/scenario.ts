import type { EmittedEvent, Operation, Row } from './context.js';
import type { StepKind } from './history/history.js';
import type { Fault } from './plan/fault.js';
import type { Generator } from './plan/generators.js';

/** What PostgreSQL calls the level, in capitals. */
export type IsolationLevel = 'READ COMMITTED' | 'REPEATABLE READ' | 'SERIALIZABLE';

/**
 * What every new transaction would see at this moment. Tables and sequences outside of `public` are named with their schema: `app.seats`.
 * Rows are sorted by primary key, and by all columns where there is none; values are as `pg` returns them, except that dates are ISO 8601
 * strings in UTC (`2026-03-01T18:00:00.000Z`).
 */
export interface CommittedState {
  readonly tables: Readonly<Record<string, readonly Row[]>>;
  readonly sequences: Readonly<Record<string, { readonly lastValue: number; readonly isCalled: boolean }>>;
}

/** Something that must never be committed. `resource` names what it happened to, such as `event 1`. */
export interface Violation {
  readonly resource: string;
  readonly message: string;
  readonly usage?: number;
  readonly capacity?: number;
}

/** How full a resource is in a committed state. */
export interface Usage {
  readonly resource: string;
  readonly used: number;
  readonly capacity: number;
}

/** A statement about committed states: exactly one of `check` and `sql`. */
export interface Invariant {
  readonly name: string;
  /** When it must hold: after every commit, or only when all actors have finished. Default `commit`. */
  readonly at?: 'commit' | 'end';
  readonly check?: (state: CommittedState) => readonly Violation[];
  /** A query that must return no row. A row's `resource`, `message`, `usage` and `capacity` columns are shown. */
  readonly sql?: string;
}

/** What a monitor or a witness sees of a step. */
export interface StepEvent {
  /** Who took the step, or to whom something happened. `clock` for a tick, `server` for a crash, `cache` where it goes down: they have no operation ('') and an empty input ({}). */
  readonly actor: string;
  readonly operation: string;
  readonly input: unknown;
  /** True for the first step that this actor takes. */
  readonly first: boolean;
  readonly kind: StepKind;
  /** The SQL text, or `store write backup.json` and the like. */
  readonly text: string;
  readonly outcome: 'done' | 'blocked' | 'failed';
  /** SQLSTATE or another stable code, where the outcome is `failed`. */
  readonly code: string | null;
  readonly rows: readonly Row[] | null;
  readonly rowCount: number | null;
  /** Set for a call to the store: what the file now holds, null where it is gone. */
  readonly file: { readonly name: string; readonly content: string | null } | null;
  /** Set on the step after which the operation returned or threw. */
  readonly finished: { readonly value: unknown } | { readonly error: string } | null;
  readonly events: readonly EmittedEvent[];
  /** The committed state after the step. */
  readonly committed: CommittedState;
  /** True where the step changed it. */
  readonly changed: boolean;
  /** Actors inside a transaction after the step. */
  readonly openTransactions: readonly string[];
  readonly clockMs: number;
}

/**
 * A statement about the past: a small state machine that sees every step. Its state is plain JSON, since it is part of what
 * tells two states of a run apart; `observe` returns a new state and changes nothing.
 */
export interface Monitor {
  readonly name: string;
  readonly initial: (committed: CommittedState) => unknown;
  // biome-ignore lint/suspicious/noExplicitAny: the state's shape is the monitor's own affair.
  readonly observe: (state: any, event: StepEvent) => unknown;
  // biome-ignore lint/suspicious/noExplicitAny: see observe.
  readonly violations: (state: any, committed: CommittedState) => readonly Violation[];
}

/** Something that must have happened at least once, or a pass is empty. */
export interface Witness {
  readonly name: string;
  readonly seen: (event: StepEvent) => boolean;
}

/** One kind of participant in a workload. */
export interface Role {
  /** Key of the scenario's `operations`. */
  readonly operation: string;
  readonly input: Generator<unknown>;
  /** How many actors of this kind, both ends included. Default 1 and `min`. */
  readonly min?: number;
  readonly max?: number;
  /** A fixed name; without one, actors are alice, bob, carol, ... */
  readonly name?: string;
  /** True for the role that `--actors` multiplies; default: the first role of the workload. */
  readonly scalable?: boolean;
}

/** A shape of plan. Each plan explored draws its numbers from one workload. */
export interface Workload {
  readonly name: string;
  readonly capacity: Generator<number>;
  readonly roles: readonly Role[];
  /** What may happen besides the actors' steps, in each of its plans: each of these once, or not at all, between any two steps. */
  readonly faults?: readonly Fault[];
  /** Levels this workload is for; default: all. */
  readonly levels?: readonly IsolationLevel[];
}

/** What a variant declares of itself at one level. */
export type Expectation = 'holds' | 'violated';

/** What a variant that is broken on purpose shows, for the list of known bugs. */
export interface ZooEntry {
  /** The class of bug, in a few words: the same for all variants that show it, in whatever system. */
  readonly class: string;
  /** What is seen to happen: an anomaly's name, such as `write skew` or `lost update`, or what becomes of the data. */
  readonly anomaly: string;
  /** With so few participants it can happen; with fewer it cannot. */
  readonly leastActors: number;
  /** A public issue, advisory or paper in which the class was reported, or `(general knowledge)`. */
  readonly seenIn: string;
  /** Name of the safe variant that repairs it. */
  readonly fix: string;
}

/** A variant of a booking system, or a file of one's own: schema, operations, invariants, what is expected of it. */
export interface Scenario {
  /** `system/variant`. */
  readonly name: string;
  /** One sentence, for `list`. */
  readonly description: string;
  /** DDL, run once per database. Every table needs a primary key. */
  readonly schema: string;
  /** SQL that puts the first rows in, for a capacity. Runs before every schedule. */
  readonly seed: (parameters: { readonly capacity: number }) => string;
  readonly operations: Readonly<Record<string, Operation>>;
  readonly workloads: readonly Workload[];
  readonly invariants: readonly Invariant[];
  readonly monitors?: readonly Monitor[];
  readonly witnesses?: readonly Witness[];
  /** Names of witnesses that must be seen, or the verdict is `vacuous`: shipped ones (`overlap`, `lock-wait`, `sold-out`, `deadlock`, `serialization-failure`) and the scenario's own. */
  readonly requires?: readonly string[];
  /** For the report: usage against capacity in a committed state. */
  readonly usage?: (state: CommittedState) => readonly Usage[];
  /** What is expected at each level; a run explores exactly these, unless `--isolation` names one. Empty: READ COMMITTED, with nothing expected. */
  readonly expect: Partial<Readonly<Record<IsolationLevel, Expectation>>>;
  /**
   * How many plans of each workload are enough, drawn from the seed, where the suite's time matters more than all of them. Default: every plan, the
   * smallest first, as far as the limits allow. The verdict is then about these plans, and says so.
   */
  readonly drawnPlans?: number;
  /** What bug this is, for a variant that is broken on purpose. */
  readonly zoo?: ZooEntry;
  /** Files in the backup store before the first step. */
  readonly files?: Readonly<Record<string, string>>;
  /** Where the clock stands at the start, ISO 8601. Default 2026-01-01T00:00:00.000Z. */
  readonly startsAt?: string;
}

/** Gives back its argument with its type checked: `export default defineScenario({ ... })`. */
export function defineScenario(scenario: Scenario): Scenario {
  return scenario;
}
