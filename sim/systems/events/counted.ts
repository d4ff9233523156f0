import type { Client, Rejection } from '../../../src/index.js';
import { unknownEvent } from './book-seats.js';
import { capacityConflict, type Occupancy } from './capacity.js';
import type { BookSeats } from './requests.js';

interface CountedEvent {
  readonly starts_at: Date | string;
  readonly total_seats: number;
  readonly booked: number;
}

/** Why a booking must be refused, judged by one look at capacity and bookings; undefined where the seats are there. */
export async function refusal(client: Client, request: BookSeats): Promise<Rejection | undefined> {
  const event = await countSeats(client, request.eventId);
  if (event === undefined) return unknownEvent(request.eventId);
  return event.booked + request.seats > event.total_seats ? capacityConflict(request, occupancy(event)) : undefined;
}

async function countSeats(client: Client, eventId: number): Promise<CountedEvent | undefined> {
  const { rows } = await client.query<CountedEvent>(
    "SELECT starts_at, total_seats, (SELECT COALESCE(SUM(seats), 0)::int FROM bookings WHERE event_id = $1 AND status = 'active') AS booked FROM events WHERE id = $1",
    [eventId],
  );
  return rows[0];
}

function occupancy({ starts_at, total_seats, booked }: CountedEvent): Occupancy {
  return { startsAt: new Date(starts_at).toISOString(), usage: booked, capacity: total_seats };
}
