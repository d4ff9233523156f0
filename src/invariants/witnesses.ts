import { isRejection } from '../context.js';
import { type Fault, isTick } from '../plan/fault.js';
import type { StepEvent, Witness } from '../scenario.js';

const failedWith = (code: string) => (event: StepEvent) => event.outcome === 'failed' && event.code === code;

/** Witnesses that every scenario has. */
export const SHIPPED_WITNESSES: readonly Witness[] = [
  { name: 'overlap', seen: (event) => event.openTransactions.length > 1 },
  { name: 'lock-wait', seen: (event) => event.outcome === 'blocked' },
  {
    name: 'sold-out',
    seen: ({ finished }) =>
      finished !== null && 'value' in finished && isRejection(finished.value) && finished.value.code === 'AVAILABILITY_CONFLICT',
  },
  { name: 'deadlock', seen: failedWith('40P01') },
  { name: 'serialization-failure', seen: failedWith('40001') },
];

const FAULTS: ReadonlySet<StepEvent['kind']> = new Set([
  'lost',
  'unanswered',
  'dies',
  'terminated',
  'cancelled',
  'statement-timeout',
  'lock-timeout',
  'crash',
  'cache-down',
]);

/** What a plan with faults has besides. */
export const witnessesOf = (faults: readonly Fault[]): readonly Witness[] => [
  ...(faults.some(isTick) ? [{ name: 'tick', seen: ({ kind }: StepEvent) => kind === 'tick' }] : []),
  ...(faults.every(isTick) ? [] : [{ name: 'fault', seen: ({ kind }: StepEvent) => FAULTS.has(kind) }]),
];
