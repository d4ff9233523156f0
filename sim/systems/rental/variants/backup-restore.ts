import { droppedBooking, restored } from '../../shared/monitors/cycle-witnesses.js';
import { backup, bookerWaitsDuringRestore, bookingDuringBackup, rentalCycleMonitors, restore } from '../backup.js';
import { createBooking } from '../create-booking.js';
import { ledger } from '../strategies.js';
import { cycle } from '../workloads.js';
import { defineRental } from './define.js';

export const backupRestore = defineRental({
  name: 'rental/backup-restore',
  description: 'Backup of packages, bookings and ledger in one snapshot, and restore of all three under table locks, between bookings.',
  operations: { createBooking: createBooking(ledger, { attempts: 2 }), backup: backup(), restore: restore({ attempts: 1 }) },
  workloads: [cycle],
  monitors: rentalCycleMonitors,
  witnesses: [bookingDuringBackup, bookerWaitsDuringRestore, restored, droppedBooking],
  requires: ['overlap', 'lock-wait', bookingDuringBackup.name, bookerWaitsDuringRestore.name, restored.name, droppedBooking.name],
  // At REPEATABLE READ the restore has replaced the row that the booker would lock: 40001, and it starts again. Two bookers overbook
  // there without any restore: rental/ledger.
  expect: { 'READ COMMITTED': 'holds', 'REPEATABLE READ': 'holds' },
});
