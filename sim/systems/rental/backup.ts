import { backupOf } from '../shared/backup/backup.js';
import { restoreOf } from '../shared/backup/restore.js';
import { cycleMonitors } from '../shared/monitors/cycle-monitors.js';
import * as cycle from '../shared/monitors/cycle-witnesses.js';
import { rentalBackup } from './backup-format.js';

/** Writes packages, bookings and ledger to one file, in one snapshot. */
export const backup = backupOf.bind(null, rentalBackup);

/** Puts the whole system back to the newest backup, under table locks. */
export const restore = restoreOf.bind(null, rentalBackup);

export const rentalCycleMonitors = cycleMonitors(rentalBackup);
export const bookingDuringBackup = cycle.bookingDuringBackup('createBooking');
export const bookerWaitsDuringRestore = cycle.bookerWaitsDuringRestore('createBooking');
