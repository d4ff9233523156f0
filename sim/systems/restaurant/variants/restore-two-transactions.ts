import { type Client, defineScenario } from '../../../../src/index.js';
import type { BackupFormat } from '../../shared/backup/format.js';
import { deleteContents, droppedFrom, insertContents } from '../../shared/backup/replace-contents.js';
import { restoreWith } from '../../shared/backup/restore.js';
import { restored } from '../../shared/monitors/cycle-witnesses.js';
import { inTransaction } from '../../shared/transaction.js';
import { lockTables } from '../backup.js';
import { restaurantBackup } from '../backup-format.js';
import { serializable } from '../book-serializable.js';
import { bookTable } from '../book-table.js';
import { cycleMonitors } from '../cycle-monitor.js';
import { bookingInvariants, usage } from '../invariants.js';
import { savedBackup } from '../saved-backup.js';
import { schema, seedWithBooking } from '../schema.js';
import { restoring } from '../workloads.js';

const underLock = <T>(client: Client, work: () => Promise<T>): Promise<T> =>
  inTransaction(
    client,
    async () => {
      await client.query(lockTables);
      return work();
    },
    'BEGIN ISOLATION LEVEL SERIALIZABLE',
  );

/** Bookings only; rules and overrides stay. Each half is locked and SERIALIZABLE, and between them the restaurant looks empty. */
const bookingsOnly: BackupFormat = { ...restaurantBackup, tables: restaurantBackup.tables.slice(3) };

const restore = restoreWith(
  restaurantBackup,
  async (client, _format, document) => {
    const replaced = await underLock(client, () => deleteContents(client, bookingsOnly));
    await underLock(client, () => insertContents(client, bookingsOnly, document, replaced));
    return droppedFrom(bookingsOnly, document, replaced);
  },
  { attempts: 1 },
);

export const restoreTwoTransactions = defineScenario({
  name: 'restaurant/restore-two-transactions',
  description: 'Restore that deletes in one transaction and inserts in the next.',
  schema,
  seed: seedWithBooking,
  files: savedBackup(1),
  operations: { bookTable: bookTable(serializable, { attempts: 2 }), restore },
  workloads: [restoring],
  invariants: bookingInvariants,
  monitors: cycleMonitors,
  witnesses: [restored],
  requires: ['overlap', restored.name],
  usage,
  zoo: {
    class: 'restore that is not atomic',
    anomaly: 'a state that was never committed by anybody, open to bookings',
    leastActors: 1,
    seenIn: 'ClickHouse/ClickHouse#104464; PGClockMG#105',
    fix: 'restaurant/backup-restore',
  },
  expect: { 'READ COMMITTED': 'violated' },
});
