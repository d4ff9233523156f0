import { defineScenario } from '../../../../src/index.js';
import { droppedBooking, restored } from '../../shared/monitors/cycle-witnesses.js';
import { backup, restore } from '../backup.js';
import { serializable } from '../book-serializable.js';
import { bookTable } from '../book-table.js';
import { cycleMonitors } from '../cycle-monitor.js';
import { bookingInvariants, usage } from '../invariants.js';
import { oneAnswerPerKey } from '../monitors.js';
import { schema, seed } from '../schema.js';
import { bookerWaitsDuringRestore } from '../witnesses.js';
import { cycle } from '../workloads.js';

export const backupRestore = defineScenario({
  name: 'restaurant/backup-restore',
  description: 'Backup in one snapshot and restore under table locks, both between bookings, all of them SERIALIZABLE.',
  schema,
  seed,
  operations: { bookTable: bookTable(serializable, { attempts: 2 }), backup: backup(), restore: restore({ attempts: 1 }) },
  workloads: [cycle],
  invariants: bookingInvariants,
  monitors: [...cycleMonitors, oneAnswerPerKey],
  witnesses: [bookerWaitsDuringRestore, restored, droppedBooking],
  requires: ['overlap', 'lock-wait', bookerWaitsDuringRestore.name, restored.name, droppedBooking.name],
  usage,
  expect: { 'READ COMMITTED': 'holds' },
});
