import { type EmittedEvent, isRejection, type Rejection } from '../../../src/index.js';
import { reject } from '../shared/rejections.js';
import type { CreateBooking } from './requests.js';

/** How full a package is on its fullest day of a window. */
export interface Occupancy {
  readonly day: string;
  readonly usage: number;
  readonly capacity: number;
}

/** Too few are left on some day. Carries what was seen, so that the caller can offer what remains. */
export interface CapacityConflict extends Rejection, Occupancy {
  readonly code: 'AVAILABILITY_CONFLICT';
}

export function capacityConflict(packageId: number, wanted: string, occupancy: Occupancy): CapacityConflict {
  const message = `package ${packageId} has ${wanted} on ${occupancy.day}`;
  return { ...reject('AVAILABILITY_CONFLICT', message), code: 'AVAILABILITY_CONFLICT', ...occupancy };
}

export function isCapacityConflict(value: unknown): value is CapacityConflict {
  return isRejection(value) && value.code === 'AVAILABILITY_CONFLICT';
}

/** The structured event that dashboards read. Flat. */
export function capacityExceeded(request: CreateBooking, { usage, capacity }: Occupancy): EmittedEvent {
  return {
    type: 'booking.capacity_exceeded',
    resourceId: `package ${request.packageId}`,
    windowStart: request.startDate,
    windowEnd: request.endDate,
    userId: request.userId,
    requested: request.quantity,
    usage,
    capacity,
  };
}
