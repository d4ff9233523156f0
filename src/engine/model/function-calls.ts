import type { ActorIndex } from '../contract.js';
import { type AdvisoryFunction, advisoryResource, type PlacedCall } from './advisory.js';
import type { Draft } from './draft.js';
import { PATIENT } from './heavy-locks.js';
import { impatient, type Machinery, viewOf } from './machinery.js';
import type { Query } from './query.js';
import { nextValue, setValue } from './sequences.js';
import type { Wait } from './state.js';
import type { Call } from './statements.js';
import type { Value } from './types.js';

/** Calls the functions one after the other; one of them may have to wait. */
export function callFunctions(draft: Draft, actor: ActorIndex, calls: readonly Call[], machinery: Machinery): Wait | null {
  for (;;) {
    const { cursor, asked, outputs } = draft.execution(actor);
    const call = calls[cursor];
    if (call === undefined) {
      draft.updateExecution(actor, { affected: 1 });
      return null;
    }
    const result = callFunction(draft, actor, call, asked, machinery);
    if (typeof result === 'object' && result !== null) {
      draft.updateExecution(actor, { asked: true });
      return result;
    }
    draft.updateExecution(actor, { cursor: cursor + 1, asked: false, outputs: [[...(outputs[0] ?? []), result]] });
  }
}

function callFunction(draft: Draft, actor: ActorIndex, call: Call, asked: boolean, machinery: Machinery): Value | Wait {
  const valuesOf = (query: Query) => machinery.evaluator.evaluate(query, viewOf(draft, actor, machinery))[0]!.values;
  switch (call.function) {
    case 'value':
      return valuesOf(call.value)[0]!;
    case 'nextval':
      return nextValue(draft, actor, machinery.catalog.sequences[call.sequence]!);
    case 'setval':
      return setTo(draft, actor, call, valuesOf(call.value)[0] as number | null, machinery);
    case 'advisory':
      return advise(draft, actor, call, call.key === null ? [] : valuesOf(call.key), asked, machinery);
  }
}

/** Calls an advisory-lock function. `asked`: it has been called before and had to wait, and has the lock now. */
export function advise(
  draft: Draft,
  actor: ActorIndex,
  call: AdvisoryFunction & Pick<PlacedCall, 'countIsOpen'>,
  key: readonly Value[],
  asked: boolean,
  machinery: Machinery,
): Value | Wait {
  if (call.does === 'unlock all') {
    draft.unlockAll(actor);
    return '';
  }
  if (key.includes(null)) return null;
  const resource = advisoryResource(key);
  if (call.does === 'unlock') return draft.unlock(actor, resource, call.mode);
  if (asked) return '';
  const owner = call.owner === 'transaction' ? undefined : call.countIsOpen ? 'session, several times' : 'session';
  const patience = call.does === 'try' ? impatient(machinery) : PATIENT;
  const result = draft.acquireHeavy(actor, resource, call.mode, patience, owner);
  if (call.does === 'try') return result === 'granted';
  return result === 'waiting' ? { on: 'heavy', resource } : '';
}

function setTo(
  draft: Draft,
  actor: ActorIndex,
  { sequence, isCalled }: Extract<Call, { function: 'setval' }>,
  value: number | null,
  { catalog }: Machinery,
): number | null {
  return value === null ? null : setValue(draft, actor, catalog.sequences[sequence]!, value, isCalled);
}
