/** An event as visitors see it. */
export interface EventView {
  readonly id: number;
  readonly name: string;
  readonly startsAt: string;
  readonly totalSeats: number;
  readonly availableSeats: number;
}

export interface EventRow {
  readonly id: number;
  readonly name: string;
  readonly starts_at: Date | string;
  readonly total_seats: number;
  readonly available_seats: number;
}

export function eventView({ id, name, starts_at, total_seats, available_seats }: EventRow): EventView {
  return { id, name, startsAt: new Date(starts_at).toISOString(), totalSeats: total_seats, availableSeats: available_seats };
}
