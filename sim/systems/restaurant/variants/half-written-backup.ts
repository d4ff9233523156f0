import { type Client, defineScenario, type Operation } from '../../../../src/index.js';
import { newBackupName, newestBackup } from '../../shared/backup/files.js';
import type { BackupRow } from '../../shared/backup/format.js';
import { insertRows } from '../../shared/backup/insert-rows.js';
import { readContents } from '../../shared/backup/read-contents.js';
import { restored } from '../../shared/monitors/cycle-witnesses.js';
import { reject } from '../../shared/rejections.js';
import { inTransaction } from '../../shared/transaction.js';
import { lockTables } from '../backup.js';
import { restaurantBackup } from '../backup-format.js';
import { cycleMonitors } from '../cycle-monitor.js';
import { bookingInvariants, usage } from '../invariants.js';
import { schema, seedWithBooking } from '../schema.js';
import { backupAndRestore } from '../workloads.js';

const { tables } = restaurantBackup;

/** A line for each row, written under the backup's own name, the small tables first. Until the last line is there it is a backup to look at. */
const backup: Operation = async ({ client, clock, random, store }) => {
  const name = newBackupName(clock, random);
  const contents = await inTransaction(
    client,
    () => readContents(client, restaurantBackup),
    'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
  );
  const lines = tables.map((table) => contents.tables[table.name]!.map((row) => `${JSON.stringify([table.name, row])}\n`).join(''));
  await store.write(name, lines.slice(0, -1).join(''));
  await store.write(name, lines.join(''));
  return { backup: name };
};

/** Takes every line that it can read: no count to compare, no checksum, no last line to wait for. */
const restore: Operation = async ({ client, store }) => {
  const newest = await newestBackup(store);
  if (newest === null) return reject('NOT_FOUND', 'there is no backup to restore');
  const rows = newest.text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as [string, BackupRow]);
  await inTransaction(client, () => replace(client, rows), 'BEGIN ISOLATION LEVEL SERIALIZABLE');
  return { restored: newest.name };
};

async function replace(client: Client, rows: readonly (readonly [string, BackupRow])[]): Promise<void> {
  await client.query(lockTables);
  for (const { name } of [...tables].reverse()) await client.query(`DELETE FROM ${name}`);
  for (const table of tables) {
    const own = rows.filter(([name]) => name === table.name).map(([, row]) => row);
    await insertRows(client, table, own);
  }
}

export const halfWrittenBackup = defineScenario({
  name: 'restaurant/half-written-backup',
  description: 'Writes the backup under its final name, part by part, and restores what is there of it.',
  schema,
  seed: seedWithBooking,
  operations: { backup, restore },
  workloads: [backupAndRestore],
  invariants: bookingInvariants,
  // A file that is written in parts is no backup to `backup-content`, which would end the matter there.
  monitors: cycleMonitors.filter(({ name }) => name === 'acknowledged-bookings'),
  witnesses: [restored],
  requires: [restored.name],
  usage,
  zoo: {
    class: 'a half-written file accepted',
    anomaly: 'acknowledged bookings lost by a restore',
    leastActors: 2,
    seenIn: '(general knowledge)',
    fix: 'restaurant/backup-restore',
  },
  expect: { 'READ COMMITTED': 'violated' },
});
