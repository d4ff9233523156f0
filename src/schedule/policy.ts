import type { Choice } from './choice.js';

/** What a policy may look at. */
export interface PolicyView {
  /** How many steps each actor has taken. */
  readonly taken: readonly number[];
  /** The actor of the step before; -1 at the start. */
  readonly last: number;
}

/**
 * Decides what happens next. `choices` is never empty and comes in the machine's order; the answer is one of them. A policy is good for one
 * run, and the same policy made again from the same seed decides alike.
 */
export interface Policy {
  choose(choices: readonly Choice[], view: PolicyView): Choice;
  /** Where all is known beforehand: whether the wait that the last choice may begin is to end as a deadlock's victim. */
  endsAsVictim?(): boolean;
  /** Whether the last choice is likely to begin a wait; null where that is not known. It only saves the server a question. */
  likelyWaits?(): boolean | null;
}

/** A policy that may give a run up, by choosing nothing. */
export interface GivingUp extends Omit<Policy, 'choose'> {
  choose(choices: readonly Choice[], view: PolicyView): Choice | null;
}
