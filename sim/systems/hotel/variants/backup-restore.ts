import { restored } from '../../shared/monitors/cycle-witnesses.js';
import { backup, hotelCycleMonitors, restore } from '../backup.js';
import { confirmHold } from '../confirm-hold.js';
import { seedWithTwoHolds } from '../first-rows.js';
import { sweptClean } from '../monitors.js';
import { sweptByRestore } from '../witnesses.js';
import { cycle, lateRestore } from '../workloads.js';
import { defineHotel } from './define.js';

export const backupRestore = defineHotel({
  name: 'hotel/backup-restore',
  description: 'Backup in one snapshot; restore under table locks, which ends the holds that have expired since in the same transaction.',
  seed: seedWithTwoHolds,
  operations: { confirmHold: confirmHold({ attempts: 2 }), backup: backup(), restore: restore({ attempts: 1 }) },
  workloads: [{ ...cycle, levels: ['READ COMMITTED'] }, lateRestore],
  monitors: [...hotelCycleMonitors, sweptClean],
  witnesses: [restored, sweptByRestore],
  requires: ['tick', restored.name, sweptByRestore.name],
  // At REPEATABLE READ restore beside a guest is a variant of its own: hotel/restore.
  expect: { 'READ COMMITTED': 'holds', 'REPEATABLE READ': 'holds' },
});
