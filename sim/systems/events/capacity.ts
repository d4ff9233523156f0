import { type EmittedEvent, isRejection, type Rejection } from '../../../src/index.js';
import { reject } from '../shared/rejections.js';
import type { BookSeats } from './requests.js';

/** How full an event was when a booking looked. Null where the database refused without telling. */
export interface Occupancy {
  readonly startsAt: string | null;
  readonly usage: number | null;
  readonly capacity: number | null;
}

/** Too few seats are left. Carries what was seen, so that the caller can offer what remains. */
export interface CapacityConflict extends Rejection, Occupancy {
  readonly code: 'AVAILABILITY_CONFLICT';
}

export function capacityConflict({ eventId, seats }: BookSeats, occupancy: Occupancy): CapacityConflict {
  const message = `event ${eventId} has fewer than ${seats} seats left`;
  return { ...reject('AVAILABILITY_CONFLICT', message), code: 'AVAILABILITY_CONFLICT', ...occupancy };
}

export function isCapacityConflict(value: unknown): value is CapacityConflict {
  return isRejection(value) && value.code === 'AVAILABILITY_CONFLICT';
}

/** The structured event that dashboards read. Flat; an event takes place on one date, so its window begins and ends with it. */
export function capacityExceeded(request: BookSeats, { startsAt, usage, capacity }: Occupancy): EmittedEvent {
  return {
    type: 'booking.capacity_exceeded',
    resourceId: `event ${request.eventId}`,
    windowStart: startsAt,
    windowEnd: startsAt,
    userId: request.userId,
    requested: request.seats,
    usage,
    capacity,
  };
}
