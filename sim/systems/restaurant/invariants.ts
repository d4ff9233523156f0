import type { CommittedState, Invariant, Usage } from '../../../src/index.js';
import { sittingName } from './events.js';
import type { Sitting } from './requests.js';

interface Rule {
  readonly restaurant_id: number;
  readonly slot: string;
  readonly max_covers: number | null;
}

interface Override extends Rule {
  readonly date: string;
}

export interface Booking {
  readonly id: number;
  readonly restaurant_id: number;
  readonly date: string;
  readonly slot: string;
  readonly party_size: number;
  readonly idempotency_key: string | null;
  readonly status: string;
}

interface Cover {
  readonly booking_id: number;
}

const rowsOf = <T>({ tables }: CommittedState, table: string) => (tables[table] ?? []) as unknown as readonly T[];

export const bookingsOf = (state: CommittedState): readonly Booking[] => rowsOf<Booking>(state, 'bookings');

export const sittingOf = ({ restaurant_id, date, slot }: Booking): Sitting => ({ restaurantId: restaurant_id, date, slot });

/** Covers of active bookings, by sitting. */
export function coversBySitting(state: CommittedState): ReadonlyMap<string, { readonly sitting: Sitting; readonly covers: number }> {
  const found = new Map<string, { sitting: Sitting; covers: number }>();
  for (const booking of bookingsOf(state)) {
    if (booking.status !== 'active') continue;
    const sitting = sittingOf(booking);
    const name = sittingName(sitting);
    found.set(name, { sitting, covers: (found.get(name)?.covers ?? 0) + booking.party_size });
  }
  return found;
}

/** What a sitting may hold: its override, else its slot's rule; null for as many as may come. No rule is no covers. */
export function capacityOf(state: CommittedState, { restaurantId, date, slot }: Sitting): number | null {
  const override = rowsOf<Override>(state, 'capacity_overrides').find(
    (row) => row.restaurant_id === restaurantId && row.date === date && row.slot === slot,
  );
  if (override !== undefined) return override.max_covers;
  const rule = rowsOf<Rule>(state, 'capacity_rules').find((row) => row.restaurant_id === restaurantId && row.slot === slot);
  return rule === undefined ? 0 : rule.max_covers;
}

/** Covers against capacity of every sitting that has bookings and a limit. */
export function usage(state: CommittedState): readonly Usage[] {
  return [...coversBySitting(state)].flatMap(([resource, { sitting, covers }]) => {
    const capacity = capacityOf(state, sitting);
    return capacity === null ? [] : [{ resource, used: covers, capacity }];
  });
}

/** No sitting has more covers booked than its override, or else its rule, allows. */
export const capacity: Invariant = {
  name: 'capacity',
  check: (state) =>
    usage(state)
      .filter(({ used, capacity }) => used > capacity)
      .map(({ resource, used, capacity }) => ({ resource, message: `usage ${used} > capacity ${capacity}`, usage: used, capacity })),
};

/** One booking per restaurant and key. The schema promises as much where it can; this holds those without that constraint to it. */
export const oneBookingPerKey: Invariant = {
  name: 'one-booking-per-key',
  check: (state) => {
    const bookings = bookingsOf(state);
    return bookings.flatMap((booking, index) => {
      const first = bookings.findIndex(
        (other) =>
          booking.idempotency_key !== null &&
          other.restaurant_id === booking.restaurant_id &&
          other.idempotency_key === booking.idempotency_key,
      );
      return first === -1 || first === index
        ? []
        : [
            {
              resource: `restaurant ${booking.restaurant_id}`,
              message: `key ${booking.idempotency_key} has bookings ${bookings[first]!.id} and ${booking.id}`,
            },
          ];
    });
  },
};

/** Where covers have numbers, every active booking has as many as it has guests. */
export const wholeBookings: Invariant = {
  name: 'whole-bookings',
  check: (state) => {
    const covers = rowsOf<Cover>(state, 'covers');
    return bookingsOf(state).flatMap(({ id, party_size, status }) => {
      const held = covers.filter(({ booking_id }) => booking_id === id).length;
      const due = status === 'active' ? party_size : 0;
      return held === due ? [] : [{ resource: `booking ${id}`, message: `holds ${held} covers, should hold ${due}` }];
    });
  },
};

/** What every variant is held to. */
export const bookingInvariants: readonly Invariant[] = [capacity, oneBookingPerKey];
