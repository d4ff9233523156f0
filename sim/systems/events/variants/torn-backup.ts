import { defineScenario } from '../../../../src/index.js';
import { readContents } from '../../shared/backup/read-contents.js';
import { backupWith } from '../backup.js';
import { eventsBackup } from '../backup-format.js';
import { conditional } from '../book-conditional.js';
import { bookSeats } from '../book-seats.js';
import { cycleMonitors } from '../cycle-monitor.js';
import { counterInvariants, noOrphans, usage } from '../invariants.js';
import { restore } from '../restore.js';
import { schema, seed } from '../schema.js';
import { restored } from '../witnesses.js';
import { cycle } from '../workloads.js';

/** Each SELECT has a snapshot of its own: a booking between two of them is in one table of the backup and not in the other. */
const tornBackupOperation = backupWith((client) => readContents(client, eventsBackup));

export const tornBackup = defineScenario({
  name: 'events/torn-backup',
  description: 'Backup table by table, without a snapshot.',
  schema,
  seed,
  operations: { bookSeats: bookSeats(conditional, { attempts: 2 }), backup: tornBackupOperation, restore: restore({ attempts: 1 }) },
  workloads: [cycle],
  invariants: [...counterInvariants, noOrphans],
  monitors: cycleMonitors,
  witnesses: [restored],
  requires: ['overlap', restored.name],
  usage,
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
});
