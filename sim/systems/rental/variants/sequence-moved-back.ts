import { replaceContents } from '../../shared/backup/replace-contents.js';
import { restoreWith, underLock } from '../../shared/backup/restore.js';
import { restored } from '../../shared/monitors/cycle-witnesses.js';
import { rentalCycleMonitors } from '../backup.js';
import { rentalBackup } from '../backup-format.js';
import { createBooking } from '../create-booking.js';
import { seedWithPending } from '../schema.js';
import { ledger } from '../strategies.js';
import { recoveryBetween } from '../workloads.js';
import { defineRental } from './define.js';
import { backupWithBooking } from './earlier-backup.js';

/** The highest id that is there now, and not the highest that somebody was told. */
const restore = restoreWith(
  rentalBackup,
  underLock(async (client, format, document) => {
    const dropped = await replaceContents(client, format, document);
    await client.query("SELECT setval('bookings_id_seq', $1)", [document.sequences.bookings_id_seq]);
    return dropped;
  }),
  { attempts: 1 },
);

export const sequenceMovedBack = defineRental({
  name: 'rental/sequence-moved-back',
  description: "Restore sets the sequence to the backup's highest id: ids of bookings made since are given out again.",
  seed: seedWithPending,
  files: backupWithBooking(2),
  operations: { createBooking: createBooking(ledger, { attempts: 2 }), restore },
  workloads: [recoveryBetween],
  monitors: rentalCycleMonitors,
  witnesses: [restored],
  requires: ['overlap', restored.name],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'sequences moved backward by a restore',
    anomaly: 'an acknowledged id given out again',
    leastActors: 3,
    seenIn: 'cockroachdb/cockroach#39345',
    fix: 'rental/backup-restore',
  },
});
