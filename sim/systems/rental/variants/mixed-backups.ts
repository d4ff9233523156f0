import { isRejection } from '../../../../src/index.js';
import { replaceContents } from '../../shared/backup/replace-contents.js';
import { openNewest, restoreWith, underLock } from '../../shared/backup/restore.js';
import { restored } from '../../shared/monitors/cycle-witnesses.js';
import { backup, rentalCycleMonitors } from '../backup.js';
import { rentalBackup } from '../backup-format.js';
import { seedWithPending } from '../schema.js';
import { recoveryDuringBackup } from '../workloads.js';
import { defineRental } from './define.js';
import { backupWithoutBooking } from './earlier-backup.js';

/** Looks for the newest backup once for the ledger and once for the rest: each is whole, and a new one may be there the second time. */
const restore = restoreWith(rentalBackup, underLock(replaceContents), { attempts: 1 }, async (store, format) => {
  const forLedger = await openNewest(store, format);
  const forBookings = await openNewest(store, format);
  if (isRejection(forLedger) || isRejection(forBookings)) return forLedger;
  const { equipment_availability } = forLedger.document.tables;
  const tables = { ...forBookings.document.tables, equipment_availability: equipment_availability! };
  return { name: forBookings.name, document: { ...forBookings.document, tables } };
});

export const mixedBackups = defineRental({
  name: 'rental/mixed-backups',
  description: 'Restores the ledger and the bookings from the newest backup each, which need not be the same.',
  seed: seedWithPending,
  files: backupWithoutBooking(1),
  operations: { backup: backup(), restore },
  workloads: [recoveryDuringBackup],
  monitors: rentalCycleMonitors,
  witnesses: [restored],
  requires: ['overlap', restored.name],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'ledger and bookings restored from different backups',
    anomaly: 'ledger and bookings of different moments',
    leastActors: 2,
    seenIn: 'PGClockMG#105',
    fix: 'rental/backup-restore',
  },
});
