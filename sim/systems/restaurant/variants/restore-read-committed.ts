import { defineScenario } from '../../../../src/index.js';
import { restoreWith } from '../../shared/backup/restore.js';
import { restored } from '../../shared/monitors/cycle-witnesses.js';
import { replaceUnderLock } from '../backup.js';
import { restaurantBackup } from '../backup-format.js';
import { serializable } from '../book-serializable.js';
import { bookTable } from '../book-table.js';
import { cycleMonitors } from '../cycle-monitor.js';
import { bookingInvariants, usage } from '../invariants.js';
import { savedBackup } from '../saved-backup.js';
import { schemaWithoutRuleKey, seedWithCancelledBooking } from '../schema.js';
import { bookerWaitsDuringRestore } from '../witnesses.js';
import { restoring } from '../workloads.js';

/**
 * A booker that has counted waits for the lock with its INSERT, and goes on with a count that the restore has made wrong. Its level would have
 * told it, had the restore been SERIALIZABLE, too.
 */
const restore = restoreWith(restaurantBackup, replaceUnderLock('BEGIN ISOLATION LEVEL READ COMMITTED'), { attempts: 1 });

export const restoreReadCommitted = defineScenario({
  name: 'restaurant/restore-read-committed',
  description: 'Restore under table locks at READ COMMITTED, while bookers rely on SERIALIZABLE. No foreign key on bookings.',
  schema: schemaWithoutRuleKey,
  seed: seedWithCancelledBooking,
  files: savedBackup(1),
  operations: { bookTable: bookTable(serializable, { attempts: 2 }), restore },
  workloads: [restoring],
  invariants: bookingInvariants,
  monitors: cycleMonitors,
  witnesses: [restored, bookerWaitsDuringRestore],
  requires: ['overlap', 'lock-wait', restored.name, bookerWaitsDuringRestore.name],
  usage,
  zoo: {
    class: 'one path SERIALIZABLE and one not',
    anomaly: 'write skew with a restore',
    leastActors: 2,
    seenIn: 'PostgreSQL, src/backend/storage/lmgr/README-SSI',
    fix: 'restaurant/backup-restore',
  },
  expect: { 'READ COMMITTED': 'violated' },
});
