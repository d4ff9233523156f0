import { isRejection } from '../../../../src/index.js';
import { openNewest } from '../../shared/backup/restore.js';
import { restored } from '../../shared/monitors/cycle-witnesses.js';
import { backup, hotelCycleMonitors, restore } from '../backup.js';
import { seedWithHold } from '../first-rows.js';
import { recoveryDuringBackup } from '../workloads.js';
import { defineHotel } from './define.js';
import { backupOfEmptyHouse } from './earlier-backup.js';

/** Looks for the newest backup once for the inventory and once for the rest: each is whole, and a new one may be there the second time. */
const fromTwo = restore({ attempts: 1 }, async (store, format) => {
  const forInventory = await openNewest(store, format);
  const forHolds = await openNewest(store, format);
  if (isRejection(forInventory) || isRejection(forHolds)) return forInventory;
  const tables = { ...forHolds.document.tables, room_inventory: forInventory.document.tables.room_inventory! };
  return { name: forHolds.name, document: { ...forHolds.document, tables } };
});

export const mixedBackups = defineHotel({
  name: 'hotel/mixed-backups',
  description: 'Restores the inventory and the holds from the newest backup each, which need not be the same.',
  seed: seedWithHold,
  files: backupOfEmptyHouse,
  operations: { backup: backup(), restore: fromTwo },
  workloads: [recoveryDuringBackup],
  monitors: hotelCycleMonitors,
  witnesses: [restored],
  requires: ['overlap', restored.name],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'ledger and bookings restored from different backups',
    anomaly: 'counts and holds of different moments',
    leastActors: 2,
    seenIn: 'PGClockMG#105',
    fix: 'hotel/backup-restore',
  },
});
