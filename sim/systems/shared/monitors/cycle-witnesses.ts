import type { StepEvent, Witness } from '../../../../src/index.js';
import { succeeded } from './cycle.js';

/** A restore brought something back. */
export const restored: Witness = {
  name: 'restored',
  seen: (event) => event.operation === 'restore' && succeeded(event) !== null,
};

/** A restore took away a booking that was made after the backup, and said so. */
export const droppedBooking: Witness = {
  name: 'dropped-booking',
  seen: (event) => {
    if (event.operation !== 'restore') return false;
    const value = succeeded(event)?.value as { readonly dropped: { readonly bookingCount: number } } | undefined;
    return value !== undefined && value.dropped.bookingCount > 0;
  },
};

/** A booking was committed between a backup's first read and its end. `book` is the name of the operation. */
export const bookingDuringBackup = (book: string): Witness => ({
  name: 'booking-during-backup',
  seen: (event) => event.operation === book && committed(event) && event.openTransactions.includes('backup'),
});

/** A booker had to wait while a restore was under way. */
export const bookerWaitsDuringRestore = (book: string): Witness => ({
  name: 'booker-waits-during-restore',
  seen: (event) => event.operation === book && event.outcome === 'blocked' && event.openTransactions.includes('restore'),
});

const committed = ({ kind, changed }: StepEvent): boolean => kind === 'commit' && changed;
