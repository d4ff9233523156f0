import { backupWith } from '../../shared/backup/backup.js';
import { readContents } from '../../shared/backup/read-contents.js';
import { hotelCycleMonitors } from '../backup.js';
import { hotelBackup } from '../backup-format.js';
import { createHold } from '../create-hold.js';
import { holdBesideBackup } from '../workloads.js';
import { defineHotel } from './define.js';

/** Each SELECT has a snapshot of its own: a hold between two of them is among the holds of the backup and not in its counts. */
const backup = backupWith(hotelBackup, readContents);

export const tornBackup = defineHotel({
  name: 'hotel/torn-backup',
  description: 'Backup table by table, without a snapshot.',
  operations: { createHold: createHold({ attempts: 2 }), backup },
  workloads: [holdBesideBackup],
  monitors: hotelCycleMonitors,
  // Nobody overlaps with a transaction of the backup's: it has none.
  requires: [],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'torn backup',
    anomaly: 'a state in the backup that was never committed',
    leastActors: 2,
    seenIn: '(general knowledge)',
    fix: 'hotel/backup-restore',
  },
});
