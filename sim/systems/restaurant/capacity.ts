import { isRejection, type Rejection } from '../../../src/index.js';
import { reject } from '../shared/rejections.js';
import { alternatives, freeCovers, type SlotState } from './day.js';
import type { Sitting } from './requests.js';

/** Too few covers are left. Carries what was seen and which slots near it have room, so that the guest can be offered one. */
export interface CapacityConflict extends Rejection {
  readonly code: 'AVAILABILITY_CONFLICT';
  readonly usage: number;
  readonly capacity: number | null;
  readonly alternatives: readonly string[];
}

/** Why a party must be refused a sitting, judged by one look at the restaurant's day; undefined where there is room. */
export function refusal(day: readonly SlotState[], sitting: Sitting, partySize: number): Rejection | undefined {
  const wanted = day.find(({ slot }) => slot === sitting.slot);
  if (wanted === undefined) return unknownSlot(sitting);
  return partySize > freeCovers(wanted) ? capacityConflict(sitting, partySize, wanted, day) : undefined;
}

export function unknownSlot({ restaurantId, slot }: Sitting): Rejection {
  return reject('NOT_FOUND', `there is no restaurant ${restaurantId} with a slot at ${slot}`);
}

function capacityConflict(
  { restaurantId, date, slot }: Sitting,
  partySize: number,
  { covers, capacity }: SlotState,
  day: readonly SlotState[],
): CapacityConflict {
  const message = `restaurant ${restaurantId} has fewer than ${partySize} covers left on ${date} at ${slot}`;
  return {
    ...reject('AVAILABILITY_CONFLICT', message),
    code: 'AVAILABILITY_CONFLICT',
    usage: covers,
    capacity,
    alternatives: alternatives(day, slot, partySize),
  };
}

export function isCapacityConflict(value: unknown): value is CapacityConflict {
  return isRejection(value) && value.code === 'AVAILABILITY_CONFLICT';
}
