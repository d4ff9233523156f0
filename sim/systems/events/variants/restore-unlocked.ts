import { defineScenario } from '../../../../src/index.js';
import { replaceContents } from '../../shared/backup/replace-contents.js';
import { restoreWith } from '../../shared/backup/restore.js';
import { restored } from '../../shared/monitors/cycle-witnesses.js';
import { inTransaction } from '../../shared/transaction.js';
import { backup } from '../backup.js';
import { eventsBackup } from '../backup-format.js';
import { conditional } from '../book-conditional.js';
import { bookSeats } from '../book-seats.js';
import { cycleMonitors } from '../cycle-monitor.js';
import { counterInvariants, noOrphans, usage } from '../invariants.js';
import { schemaWithoutForeignKey, seed } from '../schema.js';
import { cycle } from '../workloads.js';

/** One transaction, so all or nothing, yet a booking that commits between its DELETEs stays, beside seats that were given back. */
const unlockedRestore = restoreWith(
  eventsBackup,
  (client, format, document) =>
    inTransaction(client, () => replaceContents(client, format, document), 'BEGIN ISOLATION LEVEL READ COMMITTED'),
  { attempts: 1 },
);

export const restoreUnlocked = defineScenario({
  name: 'events/restore-unlocked',
  description: 'Restore without a lock: bookings are not kept out. No foreign key, which would refuse to delete an event just booked.',
  schema: schemaWithoutForeignKey,
  seed,
  operations: { bookSeats: bookSeats(conditional, { attempts: 2 }), backup: backup(), restore: unlockedRestore },
  workloads: [cycle],
  invariants: [...counterInvariants, noOrphans],
  monitors: cycleMonitors,
  witnesses: [restored],
  requires: ['overlap', restored.name],
  usage,
  zoo: {
    class: 'restore without a lock',
    anomaly: 'newer rows beside restored ones',
    leastActors: 3,
    seenIn: '(general knowledge)',
    fix: 'events/backup-restore',
  },
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
});
