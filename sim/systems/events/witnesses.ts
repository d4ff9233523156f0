import * as cycle from '../shared/monitors/cycle-witnesses.js';

export const bookingDuringBackup = cycle.bookingDuringBackup('bookSeats');
export const bookerWaitsDuringRestore = cycle.bookerWaitsDuringRestore('bookSeats');
