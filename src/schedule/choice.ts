import type { ActorIndex } from '../engine/contract.js';
import type { Happening } from '../history/history.js';

/**
 * One entry of a schedule: an actor takes its next step, or that step comes to a serialization failure where it may, or a waiting one is made a
 * deadlock's victim; or something happens, to an actor or to nobody ({@link NOBODY}).
 */
export interface Choice {
  readonly actor: ActorIndex;
  readonly kind: 'step' | 'fail' | 'victim' | Happening;
}

/** In the place of an actor, where something happens to none in particular. */
export const NOBODY = -1;

/** How a choice's kind is written in a token. */
export const MARKS: Readonly<Record<Choice['kind'], string>> = {
  step: '',
  fail: '?',
  victim: '!',
  tick: '+',
  lost: '-',
  unanswered: '~',
  dies: '*',
  terminated: '/',
  cancelled: '^',
  'statement-timeout': '%',
  'lock-timeout': '=',
  crash: '#',
  'cache-down': '&',
};

/** What an actor does itself; everything else happens to it, or to nobody. */
export const isOwn = ({ kind }: Choice): boolean => kind === 'step' || kind === 'fail' || kind === 'victim';

/** The other of two outcomes that are the server's to choose, where a step may come to a serialization failure. */
export const alternativeTo = ({ actor, kind }: Choice): Choice | null =>
  kind === 'step'
    ? { actor, kind: 'fail' }
    : kind === 'fail'
      ? { actor, kind: 'step' }
      : // A COMMIT that nobody hears of any more, and that failed.
        kind === 'unanswered'
        ? { actor, kind: 'lost' }
        : null;

export const sameChoice = (left: Choice, right: Choice): boolean => left.actor === right.actor && left.kind === right.kind;

/**
 * `alice`, `alice!` for a deadlock's victim, `alice?` for a serialization failure that could have been spared, `clock+` for a tick, `alice-` for a
 * connection lost, `alice~` for one that was lost behind a COMMIT, `alice*` for a process that dies, `alice/` for a session that is terminated, `alice^` for a
 * statement that is cancelled, `alice%` and `alice=` for one that its own timeout or that for locks ends, `server#` for a crash, `cache&` for a cache
 * that is down.
 */
export const showChoice = (choice: Choice, names: readonly string[]): string => `${nameIn(names, choice)}${MARKS[choice.kind]}`;

/** Who does something, or to whom it happens. */
export const nameIn = (names: readonly string[], { actor, kind }: Choice): string => names[actor] ?? nobodyIn(kind);

/** What something happens to that happens to no actor. */
export const nobodyIn = (kind: Choice['kind']): string => (kind === 'crash' ? 'server' : kind === 'cache-down' ? 'cache' : 'clock');
