import { always, integer, oneOf, type Role, record, type Workload } from '../../../src/index.js';

interface BookerOptions {
  readonly user?: number;
  readonly startDate?: string;
  readonly endDate?: string;
  readonly min?: number;
  readonly max?: number;
  readonly operation?: string;
}

/** Bookers of one package, by default for March 1. All are one user where no code looks: a difference would only multiply the plans. */
export function bookers(options: BookerOptions = {}): Role {
  const { user = 1, startDate = '2026-03-01', endDate = startDate, min = 1, max = min, operation = 'createBooking' } = options;
  return { operation, input: always({ userId: user, packageId: 1, startDate, endDate, quantity: 1 }), min, max };
}

/** Somebody who acts on booking 1, which is user 9's where it was there before, and the first booker's else. */
export function onBooking(operation: string, { user = 9, min = 1 }: { readonly user?: number; readonly min?: number } = {}): Role {
  return { operation, input: always({ userId: user, packageId: 1, bookingId: 1 }), min, max: min };
}

/** Two bookers of one day for the last one. */
export const pair: Workload = { name: 'pair', capacity: always(1), roles: [bookers({ min: 2 })] };

/** Two bookers whose windows have one day in common, of one or two of them, where there are one to three. */
export const overlapping: Workload = {
  name: 'overlapping',
  capacity: integer(1, 3),
  roles: [
    {
      operation: 'createBooking',
      input: record({
        userId: always(1),
        packageId: always(1),
        startDate: oneOf('2026-03-02', '2026-03-01'),
        endDate: always('2026-03-02'),
        quantity: integer(1, 2),
      }),
      min: 2,
      max: 2,
    },
  ],
};

/** Two bookers whose windows meet on March 2: the last day of one, the first of the other. */
export const meeting: Workload = {
  name: 'meeting',
  capacity: always(1),
  roles: [
    { ...bookers({ startDate: '2026-03-01', endDate: '2026-03-02' }), name: 'alice' },
    { ...bookers({ startDate: '2026-03-02', endDate: '2026-03-03' }), name: 'bob' },
  ],
};

/** One booker, and one who cancels that booking or finds none. */
export const cancellation: Workload = {
  name: 'cancellation',
  capacity: always(1),
  roles: [bookers(), onBooking('cancelBooking', { user: 1 })],
};

/** A pending booking is cancelled while its payment comes in, and somebody else would like to have its place. */
export const latePayment: Workload = {
  name: 'late-payment',
  capacity: always(1),
  roles: [bookers(), onBooking('cancelBooking'), onBooking('confirmBooking')],
};

/** Two cancel the same booking. */
export const doubleCancellation: Workload = {
  name: 'double-cancellation',
  capacity: always(1),
  roles: [onBooking('cancelBooking', { min: 2 })],
};

/** The only one is to be sold while somebody books it. */
export const sale: Workload = {
  name: 'sale',
  capacity: always(1),
  roles: [bookers(), { operation: 'changeCapacity', input: always({ userId: 1, packageId: 1, capacity: 0 }) }],
};

/** Two users who want the same. */
export const twoUsers: Workload = { name: 'two-users', capacity: always(1), roles: [bookers({ user: 1 }), bookers({ user: 2 })] };

/** One books on the web while another is booked at the desk. */
export const atTheDesk: Workload = { name: 'at-the-desk', capacity: always(1), roles: [bookers(), bookers({ operation: 'bookAtDesk' })] };

/** Two bookers where one of two is booked already. */
export const besideLegacyBooking: Workload = { name: 'beside-legacy-booking', capacity: always(2), roles: [bookers({ min: 2 })] };

const backup: Role = { operation: 'backup', input: always({}), name: 'backup' };
const restore: Role = { operation: 'restore', input: always({}), name: 'restore' };

/** A booking before, during and after a backup and a restore. */
export const cycle: Workload = { name: 'cycle', capacity: always(1), roles: [bookers(), backup, restore] };

/** A booking while a backup is made. */
export const bookingBesideBackup: Workload = { name: 'booking-beside-backup', capacity: always(1), roles: [bookers(), backup] };

/** A restore of a backup that was there before, beside a booker. */
export const recovery: Workload = { name: 'recovery', capacity: always(1), roles: [bookers(), restore] };

/** The same where there is room for two. */
export const roomyRecovery: Workload = { ...recovery, name: 'roomy-recovery', capacity: always(2) };

/** A restore of a backup that was there before, between two bookers. */
export const recoveryBetween: Workload = { name: 'recovery-between', capacity: always(2), roles: [bookers({ min: 2 }), restore] };

/** A restore of a backup that was there before, beside a backup. */
export const recoveryDuringBackup: Workload = { name: 'recovery-during-backup', capacity: always(1), roles: [backup, restore] };
