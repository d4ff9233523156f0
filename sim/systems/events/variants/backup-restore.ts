import { defineScenario } from '../../../../src/index.js';
import { droppedBooking, restored } from '../../shared/monitors/cycle-witnesses.js';
import { backup, restore } from '../backup.js';
import { conditional } from '../book-conditional.js';
import { bookSeats } from '../book-seats.js';
import { cycleMonitors } from '../cycle-monitor.js';
import { counterInvariants, noOrphans, usage } from '../invariants.js';
import { schema, seed } from '../schema.js';
import { bookerWaitsDuringRestore, bookingDuringBackup } from '../witnesses.js';
import { cycle } from '../workloads.js';

export const backupRestore = defineScenario({
  name: 'events/backup-restore',
  description: 'Backup in one snapshot and restore under table locks, between bookings.',
  schema,
  seed,
  operations: { bookSeats: bookSeats(conditional, { attempts: 2 }), backup: backup(), restore: restore({ attempts: 1 }) },
  workloads: [cycle],
  invariants: [...counterInvariants, noOrphans],
  monitors: cycleMonitors,
  witnesses: [bookingDuringBackup, bookerWaitsDuringRestore, restored, droppedBooking],
  requires: ['overlap', 'lock-wait', bookingDuringBackup.name, bookerWaitsDuringRestore.name, restored.name, droppedBooking.name],
  usage,
  // No lock protects a booker at REPEATABLE READ whose snapshot is older than the restore. This one is safe because it begins by
  // changing the event's row, which the restore has replaced: 40001, and it starts again.
  expect: { 'READ COMMITTED': 'holds', 'REPEATABLE READ': 'holds' },
});
