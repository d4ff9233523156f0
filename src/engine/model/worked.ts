import type { Item, Wait } from './state.js';
import type { Value } from './types.js';

/** What came of the work at one row. */
export interface Worked {
  readonly wait: Wait | null;
  readonly output: readonly Value[] | null;
  readonly counts: boolean;
  /** Rows of a query that a trigger runs: they come before anything else. */
  readonly next: readonly Item[];
  /** Triggers that fire when the statement is through (trigger.c, AfterTriggerEndQuery). */
  readonly follow: readonly Item[];
}

export const waiting = (wait: Wait): Worked => ({ ...NOTHING, wait });
export const NOTHING: Worked = { wait: null, output: null, counts: false, next: [], follow: [] };
