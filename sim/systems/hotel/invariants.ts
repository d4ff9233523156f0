import type { CommittedState, Invariant, Usage, Violation } from '../../../src/index.js';
import { type HoldRow, hasExpired, holdOf } from './holds.js';
import { type Night as Counts, nightsOf } from './nights.js';

interface Night extends Counts {
  readonly room_type_id: number;
}

interface Booking {
  readonly booking_id: number;
  readonly hold_id: number;
  readonly status: string;
}

interface Detail {
  readonly booking_id: number;
  readonly date: string;
  readonly rooms: number;
}

const nightsIn = ({ tables }: CommittedState) => (tables.room_inventory ?? []) as unknown as readonly Night[];
const holdsIn = ({ tables }: CommittedState) => (tables.booking_holds ?? []) as unknown as readonly HoldRow[];
const bookingsIn = ({ tables }: CommittedState) => (tables.bookings ?? []) as unknown as readonly Booking[];
const detailsIn = ({ tables }: CommittedState) => (tables.booking_details ?? []) as unknown as readonly Detail[];
const confirmedBookings = (state: CommittedState) => bookingsIn(state).filter(({ status }) => status === 'confirmed');

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
const nameOf = ({ room_type_id, date }: Night): string => `room type ${room_type_id} on ${date}`;

/** Rooms that active holds have in a night; with a time, only those that have not expired by then. */
function heldIn(state: CommittedState, { room_type_id, date }: Night, now?: Date): number {
  const active = holdsIn(state).filter((hold) => hold.status === 'active' && !(now && hasExpired(hold, now)));
  const holds = active.filter((hold) => hold.room_type_id === room_type_id);
  return sum(holds.filter((hold) => nightsOf(holdOf(hold)).includes(date)).map(({ rooms }) => rooms));
}

/** Rooms that the details of confirmed bookings have in a night. */
function bookedIn(state: CommittedState, { room_type_id, date }: Night): number {
  const holds = new Map(holdsIn(state).map((hold) => [hold.id, hold.room_type_id]));
  const bookings = confirmedBookings(state).filter(({ hold_id }) => holds.get(hold_id) === room_type_id);
  const ids = new Set(bookings.map(({ booking_id }) => booking_id));
  return sum(
    detailsIn(state)
      .filter((detail) => detail.date === date && ids.has(detail.booking_id))
      .map(({ rooms }) => rooms),
  );
}

export function usageByNight(state: CommittedState, now?: Date): readonly Usage[] {
  return nightsIn(state).map((night) => ({
    resource: nameOf(night),
    used: heldIn(state, night, now) + bookedIn(state, night),
    capacity: night.allotment,
  }));
}

/** What holds and bookings take of each room type in its fullest night: the counts have no say in it, since they may be what is wrong. */
export function usage(state: CommittedState): readonly Usage[] {
  const byNight = usageByNight(state);
  const roomTypes = new Set(nightsIn(state).map(({ room_type_id }) => room_type_id));
  return [...roomTypes].map((roomType) => {
    const nights = byNight.filter((_night, index) => nightsIn(state)[index]!.room_type_id === roomType);
    const fullest = nights.reduce((most, night) => (night.used - night.capacity > most.used - most.capacity ? night : most));
    return { ...fullest, resource: `room type ${roomType}` };
  });
}

/** In no night are more rooms held and booked than there are. */
export const capacity: Invariant = {
  name: 'capacity',
  check: (state) =>
    usageByNight(state)
      .filter(({ used, capacity }) => used > capacity)
      .map(({ resource, used, capacity }) => ({ resource, message: `usage ${used} > capacity ${capacity}`, usage: used, capacity })),
};

/** The same by the counts: booked_count + tentative_count <= allotment. */
export const allotment: Invariant = {
  name: 'allotment',
  check: (state) =>
    nightsIn(state).flatMap((night): readonly Violation[] => {
      const counted = night.booked_count + night.tentative_count;
      if (counted <= night.allotment) return [];
      const message = `booked_count ${night.booked_count} + tentative_count ${night.tentative_count} > allotment ${night.allotment}`;
      return [{ resource: nameOf(night), message, usage: counted, capacity: night.allotment }];
    }),
};

/** A count says what the rows say of which it is the count. */
function counts(
  name: string,
  count: (night: Night) => number,
  rows: (state: CommittedState, night: Night) => number,
  what: string,
): Invariant {
  return {
    name,
    check: (state) =>
      nightsIn(state)
        .filter((night) => count(night) !== rows(state, night))
        .map((night) => ({ resource: nameOf(night), message: `${name}_count is ${count(night)}, ${what} make ${rows(state, night)}` })),
  };
}

export const tentative = counts('tentative', (night) => night.tentative_count, heldIn, 'the active holds');
export const booked = counts('booked', (night) => night.booked_count, bookedIn, 'the details of confirmed bookings');

/** A hold becomes one booking at the most, and is marked as confirmed then. */
export const oneBooking: Invariant = {
  name: 'one-booking',
  check: (state) =>
    holdsIn(state).flatMap(({ id, status }): readonly Violation[] => {
      const bookings = bookingsIn(state).filter(({ hold_id }) => hold_id === id);
      if (bookings.length > 1) return [{ resource: `hold ${id}`, message: `became ${bookings.length} bookings` }];
      const wanted = status === 'confirmed' ? 1 : 0;
      return bookings.length === wanted ? [] : [{ resource: `hold ${id}`, message: `is ${status}, and has ${bookings.length} bookings` }];
    }),
};

/** A confirmed booking has a detail for each night of its hold, of as many rooms, and no other. */
export const details: Invariant = {
  name: 'details',
  check: (state) =>
    confirmedBookings(state).flatMap(({ booking_id, hold_id }): readonly Violation[] => {
      const resource = `booking ${booking_id}`;
      const hold = holdsIn(state).find(({ id }) => id === hold_id);
      if (hold === undefined) return [{ resource, message: `is of hold ${hold_id}, which does not exist` }];
      const wanted = nightsOf(holdOf(hold)).map((date) => `${hold.rooms} on ${date}`);
      const there = detailsIn(state)
        .filter((detail) => detail.booking_id === booking_id)
        .map(({ date, rooms }) => `${rooms} on ${date}`);
      if (there.toSorted().join() === wanted.join()) return [];
      return [{ resource, message: `has rooms ${there.join(', ') || 'for no night'}, its hold was for ${wanted.join(', ')}` }];
    }),
};

/** For schemas without counts, where holds that have expired are nobody's, and which those are is a matter of time: see `withinAllotment`. */
export const countedInvariants: readonly Invariant[] = [oneBooking, details];

/** What must hold in every committed state. */
export const invariants: readonly Invariant[] = [capacity, allotment, tentative, booked, oneBooking, details];
