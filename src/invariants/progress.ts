import type { FoundViolation } from './check.js';

/** Where an actor stands, as far as `progress` asks. */
export interface Standing {
  readonly name: string;
  readonly operation: string;
  readonly phase: 'idle' | 'uncommitted' | 'waiting' | 'freed' | 'finished' | 'endless';
  readonly inTransaction: boolean;
  /** Its operation has ended while this call of its was under way. */
  readonly leftBehind: string | null;
  /** How its operation goes on for ever. */
  readonly endless: string | null;
}

/**
 * The invariant that needs no declaration: nobody waits for ever or goes on for ever, nobody leaves a transaction open, and nobody ends before its
 * calls do. `isDeadlock`: somebody's wait will be ended by the server.
 */
export function brokenProgress(actors: readonly Standing[], isDeadlock: () => boolean): FoundViolation[] {
  const found: FoundViolation[] = [];
  const say = (resource: string, message: string) => found.push({ invariant: 'progress', resource, message });
  for (const { name, operation, phase, inTransaction, leftBehind, endless } of actors) {
    if (leftBehind !== null)
      say(name, `${name} has ended "${operation}" while a call of its was under way, since nobody awaits it: ${leftBehind}`);
    if (endless !== null) say(name, `"${operation}" of ${name} does not end: ${endless}`);
    if (phase === 'finished' && inTransaction) say(name, `${name} has finished inside a transaction: its locks are never given back`);
  }
  const stuck = actors.filter(({ phase }) => phase === 'waiting').map(({ name }) => name);
  const somebodyGoesOn = actors.some(({ phase }) => phase === 'idle' || phase === 'uncommitted' || phase === 'freed');
  if (stuck.length > 0 && !somebodyGoesOn && !isDeadlock()) say(stuck.join(', '), `${stuck.join(' and ')} waits for ever`);
  return found;
}
