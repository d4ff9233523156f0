import { type EmittedEvent, isRejection, type Rejection } from '../../../src/index.js';
import { reject } from '../shared/rejections.js';
import type { CreateHold } from './requests.js';

/** How full a night was when somebody looked. Null where the database refused without telling. */
export interface Occupancy {
  readonly date: string | null;
  readonly usage: number | null;
  readonly capacity: number | null;
}

/** Too few rooms are left in some night. Carries what was seen, so that the caller can offer what remains. */
export interface CapacityConflict extends Rejection, Occupancy {
  readonly code: 'AVAILABILITY_CONFLICT';
}

export function capacityConflict({ roomTypeId, rooms, checkIn, checkOut }: CreateHold, occupancy: Occupancy): CapacityConflict {
  const when = occupancy.date === null ? `in some night from ${checkIn} to ${checkOut}` : `in the night of ${occupancy.date}`;
  const message = `room type ${roomTypeId} has fewer than ${rooms} left ${when}`;
  return { ...reject('AVAILABILITY_CONFLICT', message), code: 'AVAILABILITY_CONFLICT', ...occupancy };
}

export function isCapacityConflict(value: unknown): value is CapacityConflict {
  return isRejection(value) && value.code === 'AVAILABILITY_CONFLICT';
}

/** The structured event that dashboards read. Flat. */
export function capacityExceeded(request: CreateHold, { usage, capacity }: Occupancy): EmittedEvent {
  return {
    type: 'booking.capacity_exceeded',
    resourceId: `room type ${request.roomTypeId}`,
    windowStart: request.checkIn,
    windowEnd: request.checkOut,
    userId: request.userId,
    requested: request.rooms,
    usage,
    capacity,
  };
}
