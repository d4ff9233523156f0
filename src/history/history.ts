import type { Routine } from './routines.js';

/** What happened in one run, step by step: plain data, from which everything that is shown is drawn. */
export interface History {
  readonly steps: readonly StepRecord[];
  /** Usage of every resource before the first step. */
  readonly initialUsage: readonly UsageRecord[];
  readonly violations: readonly ViolationRecord[];
  /** Views, functions and triggers of the schema, where it has any. */
  readonly routines?: readonly Routine[];
}

export interface UsageRecord {
  readonly resource: string;
  readonly used: number;
  readonly capacity: number;
}

export interface ViolationRecord {
  /** Index of the step after which it held; -1 for the first state. */
  readonly step: number;
  readonly invariant: string;
  readonly resource: string;
  readonly message: string;
  readonly usage: number | null;
  readonly capacity: number | null;
  /** The invariant speaks of the end of a run only. */
  readonly atEnd?: true;
}

/**
 * What no actor does: `tick`, the clock moves on; `lost`, a connection is gone; `unanswered`, a commit has been carried out, and the connection is gone
 * before the answer; `dies`, an actor's process is gone; `terminated`, its session is ended by an administrator; `cancelled`, `statement-timeout`,
 * `lock-timeout`, the statement for which it waits is given up; `crash`, the server's; `cache-down`, the cache stops answering.
 */
export type Happening =
  | 'tick'
  | 'lost'
  | 'unanswered'
  | 'dies'
  | 'terminated'
  | 'cancelled'
  | 'statement-timeout'
  | 'lock-timeout'
  | 'crash'
  | 'cache-down';

/** What an actor does, or what happens; `start`: its operation begins, where it matters when. */
export type StepKind = 'statement' | 'commit' | 'resume' | 'deadlock' | 'store' | 'cache' | 'connect' | 'start' | Happening;

export interface StepRecord {
  /** Index of the actor in the plan, and its name; -1 and `clock` for a tick, `server` for a crash, `cache` where it goes down. */
  readonly actor: number;
  readonly name: string;
  readonly kind: StepKind;
  /** BEGIN and its like that went with this step. */
  readonly prelude: readonly string[];
  readonly text: string;
  readonly values: readonly unknown[];
  /** `file:line` of the call in the actor's code, where known. */
  readonly site: string | null;
  /** `executed`: outside a transaction, the commit follows as a step of its own. */
  readonly outcome: 'done' | 'executed' | 'blocked' | 'failed';
  readonly fields: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly unknown[])[];
  readonly rowCount: number | null;
  readonly error: { readonly code: string; readonly message: string; readonly constraint: string | null } | null;
  /** What a store or cache call answered, shortened. */
  readonly value: string | null;
  /** After a `blocked` step: whom the actor waits for. */
  readonly waitsFor: readonly string[];
  /** Actors that this step let go on. */
  readonly freed: readonly string[];
  /** Committed rows that the step changed, by table: rows before and after. */
  readonly changes: readonly RowChange[];
  /** Usage after the step, where committed rows changed. */
  readonly usage: readonly UsageRecord[] | null;
  readonly finished: { readonly value?: unknown; readonly error?: string } | null;
  readonly events: readonly unknown[];
  readonly clockMs: number;
}

export interface RowChange {
  readonly table: string;
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
}
