import { backupWith } from '../../shared/backup/backup.js';
import { readContents } from '../../shared/backup/read-contents.js';
import { rentalCycleMonitors } from '../backup.js';
import { rentalBackup } from '../backup-format.js';
import { createBooking } from '../create-booking.js';
import { ledger } from '../strategies.js';
import { bookingBesideBackup } from '../workloads.js';
import { defineRental } from './define.js';

/** Each SELECT has a snapshot of its own: a booking between two of them is in the ledger of the backup and not among its bookings. */
const backup = backupWith(rentalBackup, readContents);

export const tornBackup = defineRental({
  name: 'rental/torn-backup',
  description: 'Backup table by table, without a snapshot.',
  operations: { createBooking: createBooking(ledger, { attempts: 2 }), backup },
  workloads: [bookingBesideBackup],
  monitors: rentalCycleMonitors,
  // Nobody overlaps with a transaction of the backup's: it has none.
  requires: [],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'torn backup',
    anomaly: 'a state in the backup that was never committed',
    leastActors: 2,
    seenIn: '(general knowledge)',
    fix: 'rental/backup-restore',
  },
});
