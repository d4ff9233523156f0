import { defineScenario } from '../../../../src/index.js';
import type { BackupFormat } from '../../shared/backup/format.js';
import { restoreWith } from '../../shared/backup/restore.js';
import { restored } from '../../shared/monitors/cycle-witnesses.js';
import { replaceUnderLock } from '../backup.js';
import { restaurantBackup } from '../backup-format.js';
import { serializable } from '../book-serializable.js';
import { bookTable } from '../book-table.js';
import { bookingInvariants, usage } from '../invariants.js';
import { bookingMonitors } from '../monitors.js';
import { savedBackup } from '../saved-backup.js';
import { schemaWithOptionalKey, seedWithBooking } from '../schema.js';
import { sentAgainDuringRestore } from '../workloads.js';

const [restaurants, rules, overrides, bookings] = restaurantBackup.tables;
const { idempotency_key: _key, ...columns } = bookings.columns;

/** Written before bookings had keys, and never looked at again. */
const withoutKeys: BackupFormat = { ...restaurantBackup, tables: [restaurants, rules, overrides, { ...bookings, columns }] };

const restore = restoreWith(withoutKeys, replaceUnderLock('BEGIN ISOLATION LEVEL SERIALIZABLE'), { attempts: 1 });

export const keysNotInBackup = defineScenario({
  name: 'restaurant/keys-not-in-backup',
  description: 'The backup leaves out the idempotency keys, which bookings may be without.',
  schema: schemaWithOptionalKey,
  seed: seedWithBooking,
  files: savedBackup(2, withoutKeys),
  operations: { bookTable: bookTable(serializable, { attempts: 2 }), restore },
  workloads: [sentAgainDuringRestore],
  invariants: bookingInvariants,
  monitors: bookingMonitors,
  witnesses: [restored],
  requires: ['overlap', restored.name],
  usage,
  zoo: {
    class: 'idempotency keys not in the backup',
    anomaly: 'one order booked twice, across a restore',
    leastActors: 2,
    seenIn: '(general knowledge)',
    fix: 'restaurant/backup-restore',
  },
  expect: { 'READ COMMITTED': 'violated' },
});
