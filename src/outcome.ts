import type { History } from './history/history.js';
import type { PlanCounts } from './plan/counts.js';
import type { Plan } from './plan/plan.js';
import type { Expectation, IsolationLevel } from './scenario.js';
import type { Choice } from './schedule/choice.js';
import type { Verdict } from './verdict.js';

/** What was done on the model. Counts of interleavings are decimal strings: they outgrow numbers. */
export interface ModelFigures {
  readonly interleavings: string;
  readonly violating: string;
  readonly states: number;
  readonly transitions: number;
  /** Every interleaving was looked at; else `interleavings` counts the schedules that were run. */
  readonly exhaustive: boolean;
  readonly strategy: string;
  /** Statements for which the verdict is at statement granularity. */
  readonly coarse: readonly string[];
  /** With `dpor` only: runs that stand for those interleavings. */
  readonly runs?: number;
}

/**
 * How the operations of one name ended, over all interleavings, or over the schedules that were run. Counts are decimal strings, as those of
 * interleavings are. A refusal counts by its `code`, what was thrown by its SQLSTATE or, where it has none, by the error's name.
 */
export interface OperationFigures {
  readonly returned: string;
  readonly refused: Readonly<Record<string, string>>;
  readonly threw: Readonly<Record<string, string>>;
  /** Those that did not end: they wait or go on for ever, or their process has died. Absent where there are none. */
  readonly unended?: string;
}

/** What has to be known of a plan to say whether its pass is empty. */
export interface PlanActivity {
  /** Somewhere an actor took a step while the operation of another was under way; null where the plan has one actor. */
  readonly overlap: boolean | null;
  /** By operation. `silent`: it made no call, in any order. `slipped`: it met an error that is a slip of the pen, in every order. */
  readonly operations: Readonly<
    Record<string, { readonly silent: boolean; readonly slipped: boolean; readonly firstError: string | null }>
  >;
}

export interface ServerFigures {
  readonly runs: number;
  readonly transitionsConfirmed: number;
  readonly transitionsUnforceable: number;
  readonly divergences: number;
  /** With `dpor` only: every order was run, up to steps that commute. */
  readonly exhaustive?: boolean;
  /** With `dpor` only: how many orders the runs stand for, in decimal digits; null where that is too much to count. */
  readonly orders?: string | null;
  /** With `dpor` only: by which reduction. */
  readonly reduction?: 'source-dpor' | 'none';
  /** With `dpor` only: statements inside which the server has an order of its own, so that the verdict is at their granularity. */
  readonly coarse?: readonly string[];
}

/** Where two engines went apart: what each of them shows. */
export interface Difference {
  /** Index of the step after which it was seen; -1 for the first state. */
  readonly step: number;
  readonly text: string;
  readonly what: string;
  readonly model: string;
  readonly server: string;
}

/** What became of one plan. Plain JSON. */
export interface PlanOutcome {
  readonly plan: Plan;
  readonly verdict: Verdict;
  readonly model: ModelFigures | null;
  readonly postgres: ServerFigures | null;
  /** By witness: the interleavings in which it was seen. */
  readonly witnesses: Readonly<Record<string, string>>;
  /** By operation, in the order of the plan's actors: how it ended. */
  readonly operations: Readonly<Record<string, OperationFigures>>;
  /** Null where nothing was run. */
  readonly activity: PlanActivity | null;
  readonly reason: string | null;
  readonly limits: readonly string[];
  readonly failure: Failure | null;
  readonly divergence: (Difference & { readonly schedule: readonly Choice[] }) | null;
}

/** What tells one failure from another: what was violated, and what it happened to. */
export interface Fingerprint {
  readonly invariant: string;
  readonly resource: string;
}

/** A violation as it was found, before it is made small. */
export interface Failure extends Fingerprint {
  readonly plan: Plan;
  readonly schedule: readonly Choice[];
  readonly steps: number;
  readonly switches: number;
  /** Schedules of the plan, drawn one after the other from the seed, up to the first that violates and with it; null where none of the random ones did, and the state graph was asked for one. */
  readonly schedules: number | null;
  /** Found on the server alone: the model does not know this SQL. */
  readonly onServerOnly: boolean;
}

/** A failure made small. */
export interface Counterexample {
  readonly token: string;
  readonly plan: Plan;
  readonly schedule: readonly Choice[];
  readonly hashes: readonly string[];
  readonly invariant: string;
  readonly resource: string;
  readonly history: History;
  readonly actors: number;
  readonly steps: number;
  readonly switches: number;
  /** No smaller one exists among the plan's actors and the inputs that it shrinks to. */
  readonly minimal: boolean;
  /** Found on the server alone, where no plan with fewer actors or faults fails alike: every order of those was run, up to steps that commute. */
  readonly fewestActors?: true;
  readonly confirmedOnPostgres: boolean;
  readonly replays: { readonly matched: number; readonly of: number };
  /** `faults`: absent where the plan had none. */
  readonly shrunkFrom: { readonly actors: number; readonly faults?: number; readonly steps: number; readonly switches: number };
  /** Interleavings of the small plan, and how many of them violate. */
  readonly interleavings: string | null;
  readonly violating: string | null;
}

/** What it took to the first violation of a scenario. */
export interface FirstViolation {
  /** Index of the plan: the first that has any violation. */
  readonly plan: number;
  /** As in {@link Failure}, of that plan. */
  readonly schedules: number | null;
  /** Work on that plan until the violation was known, and on those before it to their ends. */
  readonly elapsedMs: number;
}

/** What became of a scenario: its plans put together, and the counterexample where one was found. Plain JSON. */
export interface ScenarioOutcome {
  readonly name: string;
  readonly expect: Expectation | null;
  readonly verdict: Verdict;
  readonly isolation: IsolationLevel;
  readonly actors: number;
  readonly capacity: number;
  readonly model: ModelFigures | null;
  readonly postgres: ServerFigures | null;
  readonly witnesses: Readonly<Record<string, string>>;
  readonly operations: Readonly<Record<string, OperationFigures>>;
  readonly reason: string | null;
  /** Why a pass would say nothing, a sentence each. Told whatever the verdict is. */
  readonly empty: readonly string[];
  readonly limits: readonly string[];
  readonly elapsedMs: number;
  readonly plans: readonly PlanOutcome[];
  /** How many those are, and of how many. */
  readonly planCounts: PlanCounts;
  readonly firstViolation: FirstViolation | null;
  readonly counterexample: Counterexample | null;
}
