import type { ActorIndex } from '../engine/contract.js';

/** One entry of a schedule: an actor takes its next step, or a waiting one is made a deadlock's victim. */
export interface Choice {
  readonly actor: ActorIndex;
  readonly kind: 'step' | 'victim';
}

export const sameChoice = (left: Choice, right: Choice): boolean => left.actor === right.actor && left.kind === right.kind;

/** `alice`, or `alice!` for a deadlock's victim. */
export const showChoice = (choice: Choice, names: readonly string[]): string =>
  `${names[choice.actor]}${choice.kind === 'victim' ? '!' : ''}`;
