import type { ActorIndex } from '../engine/contract.js';

/** One entry of a schedule: an actor takes its next step, or that step comes to a serialization failure where it may, or a waiting one is made a deadlock's victim. */
export interface Choice {
  readonly actor: ActorIndex;
  readonly kind: 'step' | 'fail' | 'victim';
}

/** How a choice's kind is written. */
export const MARKS: Readonly<Record<Choice['kind'], string>> = { step: '', fail: '?', victim: '!' };

export const sameChoice = (left: Choice, right: Choice): boolean => left.actor === right.actor && left.kind === right.kind;

/** `alice`, `alice!` for a deadlock's victim, `alice?` for a serialization failure that could have been spared. */
export const showChoice = (choice: Choice, names: readonly string[]): string => `${names[choice.actor]}${MARKS[choice.kind]}`;
