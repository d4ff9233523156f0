import { replaceContents } from '../../shared/backup/replace-contents.js';
import { restoreWith } from '../../shared/backup/restore.js';
import { restored } from '../../shared/monitors/cycle-witnesses.js';
import { inTransaction } from '../../shared/transaction.js';
import { rentalCycleMonitors } from '../backup.js';
import { rentalBackup } from '../backup-format.js';
import { createBooking } from '../create-booking.js';
import { schemaWithoutForeignKeys, seedWithCancelled } from '../schema.js';
import { ledger } from '../strategies.js';
import { recovery } from '../workloads.js';
import { defineRental } from './define.js';
import { backupWithBooking } from './earlier-backup.js';

/** One transaction, so all or nothing, yet a booking that commits between its DELETEs stays, beside the one that comes back. */
const restore = restoreWith(
  rentalBackup,
  (client, format, document) =>
    inTransaction(client, () => replaceContents(client, format, document), 'BEGIN ISOLATION LEVEL READ COMMITTED'),
  { attempts: 1 },
);

export const restoreUnlocked = defineRental({
  name: 'rental/restore-unlocked',
  description: 'Restore without a lock: bookings are not kept out. No foreign keys, which would refuse to delete a package just booked.',
  schema: schemaWithoutForeignKeys,
  seed: seedWithCancelled,
  files: backupWithBooking(1),
  operations: { createBooking: createBooking(ledger, { attempts: 2 }), restore },
  workloads: [recovery],
  monitors: rentalCycleMonitors,
  witnesses: [restored],
  requires: ['overlap', restored.name],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'restore without a lock',
    anomaly: 'newer rows beside restored ones',
    leastActors: 2,
    seenIn: '(general knowledge)',
    fix: 'rental/backup-restore',
  },
});
