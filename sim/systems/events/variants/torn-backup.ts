import { defineScenario } from '../../../../src/index.js';
import { backupWith } from '../../shared/backup/backup.js';
import { readContents } from '../../shared/backup/read-contents.js';
import { restored } from '../../shared/monitors/cycle-witnesses.js';
import { restore } from '../backup.js';
import { eventsBackup } from '../backup-format.js';
import { conditional } from '../book-conditional.js';
import { bookSeats } from '../book-seats.js';
import { cycleMonitors } from '../cycle-monitor.js';
import { counterInvariants, noOrphans, usage } from '../invariants.js';
import { schema, seed } from '../schema.js';
import { cycle } from '../workloads.js';

/** Each SELECT has a snapshot of its own: a booking between two of them is in one table of the backup and not in the other. */
const tornBackupOperation = backupWith(eventsBackup, readContents);

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
  zoo: {
    class: 'torn backup',
    anomaly: 'a state in the backup that was never committed',
    leastActors: 2,
    seenIn: '(general knowledge)',
    fix: 'events/backup-restore',
  },
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
});
