import type { Occupancy } from './capacity.js';

/** An event's row as far as a booking needs it, in the schema that counts free seats. */
export interface EventSeats {
  readonly starts_at: Date | string;
  readonly total_seats: number;
  readonly available_seats: number;
}

export function occupancyOf({ starts_at, total_seats, available_seats }: EventSeats): Occupancy {
  return { startsAt: new Date(starts_at).toISOString(), usage: total_seats - available_seats, capacity: total_seats };
}
