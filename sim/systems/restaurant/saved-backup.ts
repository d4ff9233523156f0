import { sealDocument } from '../shared/backup/document.js';
import type { BackupFormat, BackupRow } from '../shared/backup/format.js';
import { restaurantBackup } from './backup-format.js';
import { date, slot } from './workloads.js';

/** The booking of `seedWithBooking`. */
const first: BackupRow = {
  id: 1,
  restaurant_id: 1,
  date,
  slot,
  party_size: 1,
  idempotency_key: 'first',
  status: 'active',
  source: 'guest',
};

/** A store that holds last night's backup, of a restaurant with one slot of so many covers and one booking. */
export function savedBackup(maxCovers: number, format: BackupFormat = restaurantBackup): Readonly<Record<string, string>> {
  const rows: Readonly<Record<string, readonly BackupRow[]>> = {
    restaurants: [{ id: 1, name: 'Zum Anker' }],
    capacity_rules: [{ restaurant_id: 1, slot, max_covers: maxCovers }],
    capacity_overrides: [],
    bookings: [first],
  };
  const tables = format.tables.map(({ name, columns }): [string, BackupRow[]] => [
    name,
    rows[name]!.map((row) => Object.fromEntries(Object.keys(columns).map((column) => [column, row[column]!]))),
  ]);
  const contents = { tables: Object.fromEntries(tables), sequences: { restaurants_id_seq: 1, bookings_id_seq: 1 } };
  return { 'backup-2025-12-31T23:00:00.000Z-5eed5eed.json': sealDocument(format, new Date('2025-12-31T23:00:00.000Z'), contents) };
}
