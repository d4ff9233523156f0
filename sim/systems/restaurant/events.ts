import type { EmittedEvent } from '../../../src/index.js';
import type { CapacityConflict } from './capacity.js';
import type { BookTable, Sitting } from './requests.js';

/** The structured events that dashboards and counters read. Flat; every one names restaurant, date and slot. */

type BookingEvent = 'booking.success' | 'booking.retry_exhausted' | 'booking.overbook_prevented';

export function bookingEvent(type: BookingEvent, { restaurantId, date, slot }: Sitting, attempts: number): EmittedEvent {
  return { type, restaurant: restaurantId, date, slot, attempts };
}

/** A sitting takes place on one date, so its window begins and ends with it. */
export function capacityExceeded(request: BookTable, { usage, capacity }: CapacityConflict, attempts: number): EmittedEvent {
  const { restaurantId, date, slot, userId, partySize } = request;
  return {
    type: 'booking.capacity_exceeded',
    restaurant: restaurantId,
    date,
    slot,
    attempts,
    resourceId: sittingName(request),
    windowStart: date,
    windowEnd: date,
    userId,
    requested: partySize,
    usage,
    capacity,
  };
}

/** What must never be: more covers are booked than the sitting has. */
export function overbooked(sitting: Sitting, usage: number, capacity: number): EmittedEvent {
  const { restaurantId, date, slot } = sitting;
  return { type: 'booking.overbooked', restaurant: restaurantId, date, slot, resourceId: sittingName(sitting), usage, capacity };
}

export function sittingName({ restaurantId, date, slot }: Sitting): string {
  return `restaurant ${restaurantId}, ${date} ${slot}`;
}
