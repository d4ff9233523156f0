import { replaceContents } from '../../shared/backup/replace-contents.js';
import { restoreWith, underLock } from '../../shared/backup/restore.js';
import { restored } from '../../shared/monitors/cycle-witnesses.js';
import { backup, rentalCycleMonitors } from '../backup.js';
import { rentalBackup } from '../backup-format.js';
import { seedWithPending } from '../schema.js';
import { recoveryDuringBackup } from '../workloads.js';
import { defineRental } from './define.js';
import { backupWithBooking } from './earlier-backup.js';

/** TRUNCATE is quick, and not transactional for those who look on: it empties tables for older snapshots, too. In the order in which a backup reads. */
const restore = restoreWith(
  rentalBackup,
  underLock(async (client, format, document) => {
    await client.query('TRUNCATE bookings, equipment_availability');
    return replaceContents(client, format, document);
  }, 'LOCK TABLE packages IN EXCLUSIVE MODE'),
  { attempts: 1 },
);

export const restoreTruncate = defineRental({
  name: 'rental/restore-truncate',
  description:
    'Restore empties bookings and ledger by TRUNCATE: a backup that has its snapshot and has not read them yet finds them empty.',
  seed: seedWithPending,
  files: backupWithBooking(1),
  operations: { backup: backup(), restore },
  workloads: [recoveryDuringBackup],
  monitors: rentalCycleMonitors,
  witnesses: [restored],
  requires: ['overlap', 'lock-wait', restored.name],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'TRUNCATE beside a running backup',
    anomaly: 'a state in the backup that was never committed',
    leastActors: 2,
    seenIn: 'PostgreSQL, Caveats of MVCC',
    fix: 'rental/backup-restore',
  },
});
