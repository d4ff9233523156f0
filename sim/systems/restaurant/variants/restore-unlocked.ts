import { defineScenario } from '../../../../src/index.js';
import { replaceContents } from '../../shared/backup/replace-contents.js';
import { restoreWith } from '../../shared/backup/restore.js';
import { restored } from '../../shared/monitors/cycle-witnesses.js';
import { inTransaction } from '../../shared/transaction.js';
import { restaurantBackup } from '../backup-format.js';
import { serializable } from '../book-serializable.js';
import { bookTable } from '../book-table.js';
import { cycleMonitors } from '../cycle-monitor.js';
import { bookingInvariants, usage } from '../invariants.js';
import { savedBackup } from '../saved-backup.js';
import { schemaWithoutRuleKey, seedWithCancelledBooking } from '../schema.js';
import { restoring } from '../workloads.js';

/** One transaction, so all or nothing, yet a booking that commits after its DELETE stays, beside what is brought back. */
const restoreUnlockedOperation = restoreWith(
  restaurantBackup,
  (client, format, document) =>
    inTransaction(client, () => replaceContents(client, format, document), 'BEGIN ISOLATION LEVEL READ COMMITTED'),
  { attempts: 1 },
);

export const restoreUnlocked = defineScenario({
  name: 'restaurant/restore-unlocked',
  description: 'Restore without a lock: bookings are not kept out. No foreign key on bookings, which would tell some of them.',
  schema: schemaWithoutRuleKey,
  seed: seedWithCancelledBooking,
  files: savedBackup(1),
  operations: { bookTable: bookTable(serializable, { attempts: 2 }), restore: restoreUnlockedOperation },
  workloads: [restoring],
  invariants: bookingInvariants,
  monitors: cycleMonitors,
  witnesses: [restored],
  requires: ['overlap', restored.name],
  usage,
  zoo: {
    class: 'restore without a lock',
    anomaly: 'restored and new rows side by side',
    leastActors: 2,
    seenIn: '(general knowledge)',
    fix: 'restaurant/backup-restore',
  },
  expect: { 'READ COMMITTED': 'violated' },
});
