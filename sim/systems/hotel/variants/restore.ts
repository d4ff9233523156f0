import { droppedBooking, restored } from '../../shared/monitors/cycle-witnesses.js';
import { guestWaitsDuringRestore, hotelCycleMonitors, restore as restoreOperation } from '../backup.js';
import { confirmHold } from '../confirm-hold.js';
import { seedWithTwoHolds } from '../first-rows.js';
import { recovery } from '../workloads.js';
import { defineHotel } from './define.js';
import { backupOfTwoHolds } from './earlier-backup.js';

export const restore = defineHotel({
  name: 'hotel/restore',
  description: 'Restore under table locks, beside a guest who confirms a hold that the backup has, too.',
  seed: seedWithTwoHolds,
  files: backupOfTwoHolds,
  operations: { confirmHold: confirmHold({ attempts: 2 }), restore: restoreOperation({ attempts: 1 }) },
  workloads: [recovery],
  monitors: hotelCycleMonitors,
  witnesses: [guestWaitsDuringRestore, restored, droppedBooking],
  requires: ['overlap', 'lock-wait', guestWaitsDuringRestore.name, restored.name, droppedBooking.name],
  // At REPEATABLE READ the restore has replaced the nights that a guest with an older snapshot would lock: 40001, and he starts again.
  expect: { 'READ COMMITTED': 'holds', 'REPEATABLE READ': 'holds' },
});
