import { sealDocument } from '../../shared/backup/document.js';
import type { BackupContents, BackupFormat } from '../../shared/backup/format.js';
import { rentalBackup } from '../backup-format.js';

const createdAt = new Date('2025-12-31T00:00:00.000Z');

/** The booking of the seeds, as it was when it was pending. */
const booking = { id: 1, package_id: 1, user_id: 9, start_date: '2026-03-01', end_date: '2026-03-01', quantity: 1, status: 'pending' };
const ledgerRow = { package_id: 1, day: '2026-03-01', booking_id: 1, quantity: 1 };

/** A backup of the day before, whose rows are these. */
export const earlierBackup = (format: BackupFormat, tables: BackupContents['tables']): Readonly<Record<string, string>> => ({
  [`backup-${createdAt.toISOString()}-00000000.json`]: sealDocument(format, createdAt, {
    tables,
    sequences: { packages_id_seq: 1, bookings_id_seq: tables.bookings!.length },
  }),
});

const packages = (capacity: number) => [{ id: 1, name: 'Camera kit', capacity }];

/** In which booking 1 is pending. */
export const backupWithBooking = (capacity: number) =>
  earlierBackup(rentalBackup, { packages: packages(capacity), bookings: [booking], equipment_availability: [ledgerRow] });

/** In which nothing is booked. */
export const backupWithoutBooking = (capacity: number) =>
  earlierBackup(rentalBackup, { packages: packages(capacity), bookings: [], equipment_availability: [] });
