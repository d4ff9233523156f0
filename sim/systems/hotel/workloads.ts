import { always, type Fault, integer, oneOf, type Role, record, type Workload } from '../../../src/index.js';

const quarter: Fault = { kind: 'tick', advanceMs: 15 * 60_000 };

interface GuestOptions {
  readonly user?: number;
  readonly checkIn?: string;
  readonly checkOut?: string;
  readonly count?: number;
}

/** Guests who want a room, by default for the night of March 1. All are one user where no code looks: a difference would only multiply the plans. */
export function guests(options: GuestOptions = {}): Role {
  const { user = 3, checkIn = '2026-03-01', checkOut = '2026-03-02', count = 1 } = options;
  return { operation: 'createHold', input: always({ userId: user, roomTypeId: 1, checkIn, checkOut, rooms: 1 }), min: count, max: count };
}

/** User 1, who acts on hold 1. */
const onHold = (operation: string, count = 1): Role => ({ operation, input: always({ userId: 1, holdId: 1 }), min: count, max: count });

/** User 1, who cancels booking 1. */
const cancellers = (count: number): Role => ({
  operation: 'cancelBooking',
  input: always({ userId: 1, bookingId: 1 }),
  min: count,
  max: count,
});

const sweeper: Role = { operation: 'expireHolds', input: always({}), name: 'sweeper' };
const backup: Role = { operation: 'backup', input: always({}), name: 'backup' };
const restore: Role = { operation: 'restore', input: always({}), name: 'restore' };

/** Two guests for the last room. */
export const pair: Workload = { name: 'pair', capacity: always(1), roles: [guests({ count: 2 })] };

/** Two guests of one or two rooms, of one or two nights, who have a night in common. */
export const overlapping: Workload = {
  name: 'overlapping',
  capacity: integer(1, 3),
  roles: [
    {
      operation: 'createHold',
      input: record({
        userId: always(3),
        roomTypeId: always(1),
        checkIn: oneOf('2026-03-02', '2026-03-01'),
        checkOut: always('2026-03-03'),
        rooms: integer(1, 2),
      }),
      min: 2,
      max: 2,
    },
  ],
};

/** Two guests of two nights each, who have the second of the one and the first of the other in common. */
export const staggered: Workload = {
  name: 'staggered',
  capacity: always(1),
  roles: [
    { ...guests({ checkIn: '2026-03-01', checkOut: '2026-03-03' }), name: 'alice' },
    { ...guests({ checkIn: '2026-03-02', checkOut: '2026-03-04' }), name: 'bob' },
  ],
};

/** One confirms a hold that may expire any moment, and the sweeper comes by. */
export const expiry: Workload = { name: 'expiry', capacity: always(2), roles: [onHold('confirmHold'), sweeper], faults: [quarter] };

/** The sweeper comes by, and another guest for the last room, which is held and may expire. */
export const sweep: Workload = { name: 'sweep', capacity: always(1), roles: [sweeper, guests()], faults: [quarter] };

/** A hold may expire, and another guest comes for the last room: no sweeper, for whoever does without. */
export const lateConfirmation: Workload = {
  name: 'late-confirmation',
  capacity: always(1),
  roles: [onHold('confirmHold'), guests()],
  faults: [quarter],
};

/** One confirms a hold while another guest looks for a room; nothing expires. */
export const confirmation: Workload = { name: 'confirmation', capacity: always(1), roles: [onHold('confirmHold'), guests()] };

export const doubleConfirmation: Workload = { name: 'double-confirmation', capacity: always(2), roles: [onHold('confirmHold', 2)] };
export const doubleRelease: Workload = { name: 'double-release', capacity: always(2), roles: [onHold('releaseHold', 2)] };
export const doubleCancellation: Workload = { name: 'double-cancellation', capacity: always(2), roles: [cancellers(2)] };

/** One hold is confirmed and released at once, as by two windows of one browser. */
export const changeOfMind: Workload = {
  name: 'change-of-mind',
  capacity: always(2),
  roles: [onHold('confirmHold'), onHold('releaseHold')],
};

/** A hold for March 1 is released while somebody comes on March 2, when that guest would have left. */
export const sameDay: Workload = {
  name: 'same-day',
  capacity: always(1),
  roles: [onHold('releaseHold'), guests({ checkIn: '2026-03-02', checkOut: '2026-03-03' })],
};

/** Two guests of the same two nights, who name them in opposite orders. */
export const oppositeOrders: Workload = {
  name: 'opposite-orders',
  capacity: always(2),
  roles: [nightsInOrder('alice', '2026-03-01', '2026-03-02'), nightsInOrder('bob', '2026-03-02', '2026-03-01')],
};

function nightsInOrder(name: string, ...nights: readonly string[]): Role {
  const stay = { userId: 3, roomTypeId: 1, checkIn: '2026-03-01', checkOut: '2026-03-03', rooms: 1 };
  return { operation: 'createHold', input: always({ ...stay, nights }), name };
}

/** A backup and a restore, and a confirmation before, between and after them. */
export const cycle: Workload = { name: 'cycle', capacity: always(2), roles: [onHold('confirmHold'), backup, restore] };

/** A restore of a backup that was there before, beside a confirmation. */
export const recovery: Workload = { name: 'recovery', capacity: always(2), roles: [onHold('confirmHold'), restore] };

/** A hold may have expired by the time at which its backup is restored. */
export const lateRestore: Workload = { name: 'late-restore', capacity: always(2), roles: [backup, restore], faults: [quarter] };

/** A new hold while a backup is made. */
export const holdBesideBackup: Workload = { name: 'hold-beside-backup', capacity: always(1), roles: [guests(), backup] };

/** A restore of a backup that was there before, beside a backup. */
export const recoveryDuringBackup: Workload = { name: 'recovery-during-backup', capacity: always(2), roles: [backup, restore] };
