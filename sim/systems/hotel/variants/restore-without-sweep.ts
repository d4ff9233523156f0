import { restoreOf } from '../../shared/backup/restore.js';
import { restored } from '../../shared/monitors/cycle-witnesses.js';
import { backup, hotelCycleMonitors } from '../backup.js';
import { hotelBackup } from '../backup-format.js';
import { seedWithHold } from '../first-rows.js';
import { sweptClean } from '../monitors.js';
import { lateRestore } from '../workloads.js';
import { defineHotel } from './define.js';

export const restoreWithoutSweep = defineHotel({
  name: 'hotel/restore-without-sweep',
  description: 'Restore brings holds back as they were, those that have expired since among them.',
  seed: seedWithHold,
  operations: { backup: backup(), restore: restoreOf(hotelBackup, { attempts: 1 }) },
  workloads: [lateRestore],
  monitors: [...hotelCycleMonitors, sweptClean],
  witnesses: [restored],
  requires: ['tick', restored.name],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'restore without the sweep',
    anomaly: 'holds revived: rooms that nobody can book',
    leastActors: 2,
    seenIn: '(general knowledge)',
    fix: 'hotel/backup-restore',
  },
});
