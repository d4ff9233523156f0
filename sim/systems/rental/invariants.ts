import type { CommittedState, Invariant, Monitor, StepEvent, Usage, Violation } from '../../../src/index.js';
import { daysOf } from '../shared/days.js';
import { succeeded, withElement } from '../shared/monitors/cycle.js';

interface Package {
  readonly id: number;
  readonly capacity: number;
}

interface Booking {
  readonly id: number;
  readonly package_id: number;
  readonly start_date: string;
  readonly end_date: string;
  readonly quantity: number;
  readonly status: string;
}

interface LedgerRow {
  readonly package_id: number;
  readonly day: string;
  readonly booking_id: number;
  readonly quantity: number;
}

const packagesOf = ({ tables }: CommittedState) => (tables.packages ?? []) as unknown as readonly Package[];
const bookingsOf = ({ tables }: CommittedState) => (tables.bookings ?? []) as unknown as readonly Booking[];
const ledgerOf = ({ tables }: CommittedState) => (tables.equipment_availability ?? []) as unknown as readonly LedgerRow[];
const activeBookings = (state: CommittedState) => bookingsOf(state).filter(({ status }) => status !== 'cancelled');

/** What the active bookings take, package by package and day by day: the ledger has no say in it, since it may be what is wrong. */
function usageByPackageAndDay(state: CommittedState): readonly (Usage & { readonly packageId: number })[] {
  return packagesOf(state).flatMap(({ id, capacity }) =>
    [...takenByDay(activeBookings(state).filter(({ package_id }) => package_id === id))].map(([day, used]) => ({
      packageId: id,
      resource: `package ${id} on ${day}`,
      used,
      capacity,
    })),
  );
}

/** How full each package is on its fullest day. */
export function usage(state: CommittedState): readonly Usage[] {
  const byDay = usageByPackageAndDay(state);
  return packagesOf(state).map(({ id, capacity }) => ({
    resource: `package ${id}`,
    used: Math.max(0, ...byDay.filter(({ packageId }) => packageId === id).map(({ used }) => used)),
    capacity,
  }));
}

function takenByDay(bookings: readonly Booking[]): ReadonlyMap<string, number> {
  const taken = new Map<string, number>();
  for (const { start_date, end_date, quantity } of bookings)
    for (const day of daysOf(start_date, end_date)) taken.set(day, (taken.get(day) ?? 0) + quantity);
  return taken;
}

/** On no day is more of a package booked than there is. */
export const capacity: Invariant = {
  name: 'capacity',
  check: (state) =>
    usageByPackageAndDay(state)
      .filter(({ used, capacity }) => used > capacity)
      .map(({ resource, used, capacity }) => ({ resource, message: `usage ${used} > capacity ${capacity}`, usage: used, capacity })),
};

/** The ledger's rows are those of the active bookings, day by day: none too few, none too many, none of another quantity. */
export const ledger: Invariant = {
  name: 'ledger',
  check: (state) => differences(entriesOf(activeBookings(state)), new Map(ledgerOf(state).map(entryOf))),
};

/** The same, but for bookings without any ledger rows: those from before there was a ledger. */
export const ledgerWhereThereIsOne: Invariant = {
  name: 'ledger',
  check: (state) => {
    const inLedger = new Set(ledgerOf(state).map(({ booking_id }) => booking_id));
    const bookings = activeBookings(state).filter(({ id }) => inLedger.has(id));
    return differences(entriesOf(bookings), new Map(ledgerOf(state).map(entryOf)));
  },
};

const entryOf = ({ package_id, day, booking_id, quantity }: LedgerRow) =>
  [`booking ${booking_id}, package ${package_id} on ${day}`, quantity] as const;

function entriesOf(bookings: readonly Booking[]): ReadonlyMap<string, number> {
  return new Map(
    bookings.flatMap(({ id, package_id, start_date, end_date, quantity }) =>
      daysOf(start_date, end_date).map((day) => entryOf({ package_id, day, booking_id: id, quantity })),
    ),
  );
}

function differences(booked: ReadonlyMap<string, number>, ledger: ReadonlyMap<string, number>): readonly Violation[] {
  return [...new Set([...booked.keys(), ...ledger.keys()])]
    .filter((resource) => booked.get(resource) !== ledger.get(resource))
    .map((resource) => ({
      resource,
      message: `the ledger has ${ledger.get(resource) ?? 'no row'}, the active bookings make ${booked.get(resource) ?? 'none'}`,
    }));
}

/** No ledger row without its booking, no booking without its package: the others would not see what belongs to nothing. */
export const noOrphans: Invariant = {
  name: 'no-orphans',
  check: (state) => {
    const packages = new Set(packagesOf(state).map(({ id }) => id));
    const bookings = new Set(bookingsOf(state).map(({ id }) => id));
    return [
      ...bookingsOf(state)
        .filter(({ package_id }) => !packages.has(package_id))
        .map(({ id, package_id }) => ({ resource: `booking ${id}`, message: `is of package ${package_id}, which does not exist` })),
      ...ledgerOf(state)
        .filter(({ booking_id }) => !bookings.has(booking_id))
        .map(({ booking_id, day }) => ({ resource: `booking ${booking_id}`, message: `is in the ledger on ${day}, and does not exist` })),
    ];
  },
};

/** What must hold in every committed state. */
export const invariants: readonly Invariant[] = [capacity, ledger, noOrphans];

interface Cancelled {
  readonly once: readonly number[];
  readonly again: readonly number[];
}

/** Nobody is told twice that a booking is cancelled: each time money goes back. */
export const cancelledOnce: Monitor = {
  name: 'cancelled-once',
  initial: (): Cancelled => ({ once: [], again: [] }),
  observe: (state: Cancelled, event: StepEvent): Cancelled => {
    const id = (succeeded(event)?.value as { readonly cancelledBookingId?: number } | undefined)?.cancelledBookingId;
    if (id === undefined) return state;
    if (state.once.includes(id)) return { ...state, again: withElement(state.again, id) };
    return { ...state, once: withElement(state.once, id) };
  },
  violations: ({ again }: Cancelled) =>
    again.map((id) => ({ resource: `booking ${id}`, message: 'was cancelled twice, and both were told so' })),
};
