import type { StepEvent, Witness } from '../../../src/index.js';
import { succeeded } from '../shared/monitors/cycle.js';

const isBooker = ({ operation }: StepEvent): boolean => operation === 'bookSeats';

/** A booking was committed between a backup's first read and its end. */
export const bookingDuringBackup: Witness = {
  name: 'booking-during-backup',
  seen: (event) => isBooker(event) && event.kind === 'commit' && event.changed && event.openTransactions.includes('backup'),
};

/** A booker had to wait while a restore was under way. */
export const bookerWaitsDuringRestore: Witness = {
  name: 'booker-waits-during-restore',
  seen: (event) => isBooker(event) && event.outcome === 'blocked' && event.openTransactions.includes('restore'),
};

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
