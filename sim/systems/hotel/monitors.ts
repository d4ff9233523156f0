import type { CommittedState, Monitor, StepEvent } from '../../../src/index.js';
import { succeeded, withElement, withEntry, withoutEntry } from '../shared/monitors/cycle.js';
import { type HoldRow, hasExpired } from './holds.js';
import { usageByNight } from './invariants.js';

const holdsIn = ({ tables }: CommittedState) => (tables.booking_holds ?? []) as unknown as readonly HoldRow[];

interface Sweeps {
  /** By actor: the time at which it began. */
  readonly begun: Readonly<Record<string, number>>;
  readonly missed: readonly number[];
}

/** After a sweep, and after a restore, no hold still has rooms that had expired when it began. */
export const sweptClean: Monitor = {
  name: 'swept-clean',
  initial: (): Sweeps => ({ begun: {}, missed: [] }),
  observe: (state: Sweeps, event: StepEvent): Sweeps => {
    if (event.operation !== 'expireHolds' && event.operation !== 'restore') return state;
    const begun = event.first ? withEntry(state.begun, event.actor, event.clockMs) : state.begun;
    if (event.finished === null) return { ...state, begun };
    const since = new Date(begun[event.actor]!);
    const still =
      succeeded(event) === null ? [] : holdsIn(event.committed).filter((hold) => hold.status === 'active' && hasExpired(hold, since));
    return { begun: withoutEntry(begun, event.actor), missed: still.map(({ id }) => id).reduce(withElement<number>, state.missed) };
  },
  violations: ({ missed }: Sweeps) =>
    missed.map((id) => ({ resource: `hold ${id}`, message: 'had expired, and still has its rooms after the sweep' })),
};

/** In no night are more rooms booked and held than there are, where holds end with their time and nobody sweeps them. */
export const withinAllotment: Monitor = {
  name: 'within-allotment',
  initial: (): readonly string[] => [],
  observe: (exceeded: readonly string[], { changed, committed, clockMs }: StepEvent): readonly string[] => {
    if (!changed) return exceeded;
    const over = usageByNight(committed, new Date(clockMs)).filter(({ used, capacity }) => used > capacity);
    return over.map(({ resource }) => resource).reduce(withElement<string>, exceeded);
  },
  violations: (exceeded: readonly string[]) =>
    exceeded.map((resource) => ({ resource, message: 'more rooms are booked, and held by those whose time is not over, than there are' })),
};

/** Whoever was told that rooms are held for him has a hold. For workloads without a restore, which may take it away again. */
export const acknowledgedHolds: Monitor = {
  name: 'acknowledged-holds',
  initial: (): readonly number[] => [],
  observe: (missing: readonly number[], event: StepEvent): readonly number[] => {
    const value = succeeded(event)?.value as { readonly holdId?: number } | undefined;
    if (value?.holdId === undefined) return missing;
    const { holdId } = value;
    return holdsIn(event.committed).some(({ id }) => id === holdId) ? missing : withElement(missing, holdId);
  },
  violations: (missing: readonly number[]) =>
    missing.map((id) => ({ resource: `hold ${id}`, message: 'was acknowledged, and is not there' })),
};

interface Ended {
  readonly once: readonly string[];
  readonly again: readonly string[];
}

/** Nobody is told twice that a hold is released or a booking cancelled: each time money goes back. */
export const givenBackOnce: Monitor = {
  name: 'given-back-once',
  initial: (): Ended => ({ once: [], again: [] }),
  observe: (state: Ended, event: StepEvent): Ended => {
    const value = succeeded(event)?.value as { readonly releasedHoldId?: number; readonly cancelledBookingId?: number } | undefined;
    const what =
      value?.releasedHoldId !== undefined
        ? `hold ${value.releasedHoldId}`
        : value?.cancelledBookingId !== undefined
          ? `booking ${value.cancelledBookingId}`
          : undefined;
    if (what === undefined) return state;
    if (state.once.includes(what)) return { ...state, again: withElement(state.again, what) };
    return { ...state, once: withElement(state.once, what) };
  },
  violations: ({ again }: Ended) => again.map((resource) => ({ resource, message: 'was given back twice, and both were told so' })),
};
