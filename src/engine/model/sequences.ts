/** What nextval and setval do to a sequence (src/backend/commands/sequence.c). Neither is undone by a rollback. */
import { type ActorIndex, UnmodelledError } from '../contract.js';
import type { Sequence } from './catalog.js';
import type { Draft } from './draft.js';
import { SqlError } from './sql-error.js';
import type { SequenceState } from './visible.js';

/** How many values of a sequence are logged ahead (SEQ_LOG_VALS). */
const LOG_VALUES = 32;

/** The next value (nextval_internal). It is gone for good, whatever becomes of the transaction. */
export function nextValue(draft: Draft, actor: ActorIndex, sequence: Sequence): number {
  if (sequence.cache !== 1) throw new UnmodelledError(`sequence ${sequence.name}, of which each session caches ${sequence.cache} values`);
  const { lastValue, isCalled, logged } = draft.sequences[sequence.index]!;
  const value = isCalled ? following(sequence, lastValue) : lastValue;
  if (value === null) throw exhausted(sequence);
  const logs = !isCalled || logged === 0;
  if (logs) draft.takeTopXid(actor);
  draft.setSequence(sequence.index, { lastValue: value, isCalled: true, logged: logs ? loggedAhead(sequence, value) : logged - 1 });
  return value;
}

/** The value behind another; null where there is none. */
function following(sequence: Sequence, value: number): number | null {
  const { increment, min, max, cycles } = sequence;
  const next = BigInt(value) + BigInt(increment);
  if (min <= next && next <= max) return exact(next, sequence);
  return cycles ? exact(increment > 0 ? min : max, sequence) : null;
}

function exact(value: bigint, { name }: Sequence): number {
  if (value < Number.MIN_SAFE_INTEGER || value > Number.MAX_SAFE_INTEGER)
    throw new UnmodelledError(`sequence ${name}, at an integer beyond 2^53`);
  return Number(value);
}

const exhausted = ({ name, increment, min, max }: Sequence): SqlError =>
  new SqlError(
    '2200H',
    increment > 0
      ? `nextval: reached maximum value of sequence "${name}" (${max})`
      : `nextval: reached minimum value of sequence "${name}" (${min})`,
  );

/** Values are logged ahead up to the last one: none from behind the turn of a cycle. */
function loggedAhead({ increment, min, max }: Sequence, value: number): number {
  const room = increment > 0 ? (max - BigInt(value)) / BigInt(increment) : (BigInt(value) - min) / BigInt(-increment);
  return room < LOG_VALUES ? Number(room) : LOG_VALUES;
}

/** setval (do_setval). */
export function setValue(draft: Draft, actor: ActorIndex, sequence: Sequence, value: number, isCalled: boolean): number {
  const { index, name, min, max } = sequence;
  if (value < min || value > max)
    throw new SqlError('22003', `setval: value ${value} is out of bounds for sequence "${name}" (${min}..${max})`);
  draft.takeTopXid(actor);
  draft.setSequence(index, { lastValue: value, isCalled, logged: 0 });
  return value;
}

/** How often one statement may draw from one sequence inside its expressions. */
const MOST_DRAWS = 1000;

/** What a statement has drawn inside its expressions: sequences go on from where they stood to where PostgreSQL has left them. */
export function followSequences(draft: Draft, actor: ActorIndex, after: readonly SequenceState[], sequences: readonly Sequence[]): void {
  if (after === draft.sequences) return;
  after.forEach((state, index) => {
    for (let drawn = 0; drawn <= MOST_DRAWS; drawn += 1) {
      const { lastValue, isCalled } = draft.sequences[index]!;
      if (lastValue === state.lastValue && isCalled === state.isCalled) return;
      nextValue(draft, actor, sequences[index]!);
    }
    throw new UnmodelledError(`sequence ${sequences[index]!.name}, which is set, or drawn from very often, inside a statement`);
  });
}
