import type { History, StepRecord } from '../history/history.js';
import { sqlBlock } from './sql-block.js';

/** A step that a session sends. */
export interface SentStep {
  readonly actor: number;
  readonly sql: readonly string[];
  /** Index of the step of the history. */
  readonly at: number;
}

/**
 * What of a history is sent, in its order. A statement outside a transaction has its commit as a step of its own there; where something else is sent
 * between the two, they are written as a transaction, and else as the one statement that they are. Resumptions and calls that are no SQL are not sent.
 */
export function sentSteps(history: History): SentStep[] {
  const { steps } = history;
  return steps.flatMap((step, at): SentStep[] => {
    const sent = (...sql: string[]) => [{ actor: step.actor, sql, at }];
    const own = ownCommit(steps, at);
    if (step.kind === 'deadlock') return isAwaited(steps, at) ? [] : sent('SELECT 1');
    if (own === 'is it') return isApart(steps, at) ? sent('COMMIT') : [];
    if (step.kind !== 'statement' && step.kind !== 'commit') return [];
    const begin = own !== null && isApart(steps, own) ? ['BEGIN'] : [];
    return sent(...begin, ...step.prelude.map((text) => sqlBlock(text)), sqlBlock(step.text, step.values));
  });
}

/** isolationtester lets a freed waiter go on whatever we want: true where nothing else is sent before it has. */
export function goesOnAtOnce({ steps }: History): boolean {
  const freed = new Set<string>();
  for (const [at, step] of steps.entries()) {
    if (step.kind === 'resume') freed.delete(step.name);
    else if (freed.size > 0 && isSent(steps, at)) return false;
    for (const name of step.freed) freed.add(name);
  }
  return true;
}

/** For a statement outside a transaction, the index of its commit; `is it` for such a commit; null for all others. */
function ownCommit(steps: readonly StepRecord[], at: number): number | 'is it' | null {
  const { actor } = steps[at]!;
  const before = steps.slice(0, at).findLast((step) => step.actor === actor);
  if (before?.outcome === 'executed') return 'is it';
  const executed = steps.findIndex((step, index) => index >= at && step.actor === actor && step.outcome !== 'blocked');
  if (steps[executed]?.outcome !== 'executed') return null;
  const commit = steps.findIndex((step, index) => index > executed && step.actor === actor);
  return commit < 0 ? null : commit;
}

/** Something is sent between a statement's end and this, its commit. */
function isApart(steps: readonly StepRecord[], commit: number): boolean {
  const { actor } = steps[commit]!;
  const executed = steps.slice(0, commit).findLastIndex((step) => step.actor === actor);
  return steps.some((_, index) => index > executed && index < commit && isSent(steps, index));
}

function isSent(steps: readonly StepRecord[], at: number): boolean {
  const { kind } = steps[at]!;
  if (kind !== 'statement' && kind !== 'commit') return false;
  return ownCommit(steps, at) !== 'is it' || isApart(steps, at);
}

/** What is sent after a deadlock finds it broken: it is the victim's own. Else the victim is asked for something first. */
function isAwaited(steps: readonly StepRecord[], at: number): boolean {
  const next = steps.find((_, index) => index > at && isSent(steps, index));
  return next === undefined || next.actor === steps[at]!.actor;
}
