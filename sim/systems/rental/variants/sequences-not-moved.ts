import { deleteContents, droppedFrom, insertContents } from '../../shared/backup/replace-contents.js';
import { restoreWith, underLock } from '../../shared/backup/restore.js';
import { restored } from '../../shared/monitors/cycle-witnesses.js';
import { rentalCycleMonitors } from '../backup.js';
import { rentalBackup } from '../backup-format.js';
import { createBooking } from '../create-booking.js';
import { ledger } from '../strategies.js';
import { roomyRecovery } from '../workloads.js';
import { defineRental } from './define.js';
import { backupWithBooking } from './earlier-backup.js';

/** Into a new database, whose sequences have given out nothing yet. */
const restore = restoreWith(
  rentalBackup,
  underLock(async (client, format, document) => {
    const replaced = await deleteContents(client, format);
    await insertContents(client, format, document, replaced);
    return droppedFrom(format, document, replaced);
  }),
  { attempts: 1 },
);

export const sequencesNotMoved = defineRental({
  name: 'rental/sequences-not-moved',
  description: 'Restore leaves the sequences where they are, behind the rows that it inserts: the next booking is refused.',
  files: backupWithBooking(2),
  operations: { createBooking: createBooking(ledger, { attempts: 2 }), restore },
  workloads: [roomyRecovery],
  monitors: rentalCycleMonitors,
  witnesses: [restored],
  requires: ['overlap', 'lock-wait', restored.name],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'sequences not moved by a restore',
    anomaly: 'duplicate key (23505) for the next booking',
    leastActors: 2,
    seenIn: 'vectorize-io/hindsight#3841; cockroachdb/cockroach#39345',
    fix: 'rental/backup-restore',
  },
});
