import type { Client } from '../../../../src/index.js';
import { type BackupRow, primaryKey, type TableFormat } from '../../shared/backup/format.js';
import { insertRows } from '../../shared/backup/insert-rows.js';
import { moveSequences } from '../../shared/backup/replace-contents.js';
import { restoreWith, underLock } from '../../shared/backup/restore.js';
import { restored } from '../../shared/monitors/cycle-witnesses.js';
import { rentalCycleMonitors } from '../backup.js';
import { rentalBackup } from '../backup-format.js';
import { createBooking } from '../create-booking.js';
import { seedWithCancelled } from '../schema.js';
import { ledger } from '../strategies.js';
import { recovery } from '../workloads.js';
import { defineRental } from './define.js';
import { backupWithBooking } from './earlier-backup.js';

/** Updates the rows that are there, inserts those that are not, and lets alone what the backup does not know. */
const restore = restoreWith(
  rentalBackup,
  underLock(async (client, format, document) => {
    for (const table of format.tables) for (const row of document.tables[table.name]!) await upsert(client, table, row);
    await moveSequences(client, format, document);
    return { bookingCount: 0 };
  }),
  { attempts: 1 },
);

async function upsert(client: Client, table: TableFormat, row: BackupRow): Promise<void> {
  const columns = Object.keys(table.columns);
  const key = primaryKey(table);
  const others = columns.filter((column) => !key.includes(column));
  const equal = (names: readonly string[], glue: string) => names.map((name) => `${name} = $${columns.indexOf(name) + 1}`).join(glue);
  const { rowCount } = await client.query(
    `UPDATE ${table.name} SET ${equal(others, ', ')} WHERE ${equal(key, ' AND ')}`,
    columns.map((column) => row[column]),
  );
  if (rowCount === 0) await insertRows(client, table, [row]);
}

export const restoreUpsert = defineRental({
  name: 'rental/restore-upsert',
  description: 'Restore updates and inserts what the backup holds, and leaves newer bookings where they are.',
  seed: seedWithCancelled,
  files: backupWithBooking(1),
  operations: { createBooking: createBooking(ledger, { attempts: 2 }), restore },
  workloads: [recovery],
  monitors: rentalCycleMonitors,
  witnesses: [restored],
  requires: ['overlap', 'lock-wait', restored.name],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'restore by upsert that leaves newer rows',
    anomaly: 'newer rows beside restored ones',
    leastActors: 2,
    seenIn: '(general knowledge)',
    fix: 'rental/backup-restore',
  },
});
