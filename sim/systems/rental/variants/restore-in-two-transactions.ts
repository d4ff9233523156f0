import { deleteContents, droppedFrom, insertContents, moveSequences } from '../../shared/backup/replace-contents.js';
import { restoreWith, underLock } from '../../shared/backup/restore.js';
import { restored } from '../../shared/monitors/cycle-witnesses.js';
import { rentalCycleMonitors } from '../backup.js';
import { rentalBackup } from '../backup-format.js';
import { createBooking } from '../create-booking.js';
import { seedWithPending } from '../schema.js';
import { ledger } from '../strategies.js';
import { recovery } from '../workloads.js';
import { defineRental } from './define.js';
import { backupWithBooking } from './earlier-backup.js';

/** What changes daily: the packages stay as they are. */
const [, ...daily] = rentalBackup.tables;
const dailyTables = { ...rentalBackup, tables: daily, sequences: { bookings_id_seq: 'bookings' } };

/** Both under the lock, and between them nobody holds it: a booker finds everything free. */
const restore = restoreWith(
  rentalBackup,
  async (client, format, document) => {
    const replaced = await underLock(() => deleteContents(client, dailyTables))(client, format, document);
    return underLock(async () => {
      await insertContents(client, dailyTables, document, replaced);
      await moveSequences(client, dailyTables, document);
      return droppedFrom(dailyTables, document, replaced);
    })(client, format, document);
  },
  { attempts: 1 },
);

export const restoreInTwoTransactions = defineRental({
  name: 'rental/restore-in-two-transactions',
  description: 'Restore deletes in one transaction and inserts in the next.',
  seed: seedWithPending,
  files: backupWithBooking(1),
  operations: { createBooking: createBooking(ledger, { attempts: 2 }), restore },
  workloads: [recovery],
  monitors: rentalCycleMonitors,
  witnesses: [restored],
  requires: ['overlap', restored.name],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'restore that is not atomic',
    anomaly: 'overbooking between them',
    leastActors: 2,
    seenIn: 'ClickHouse/ClickHouse#104464',
    fix: 'rental/backup-restore',
  },
});
