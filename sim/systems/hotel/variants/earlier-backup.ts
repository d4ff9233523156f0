import { sealDocument } from '../../shared/backup/document.js';
import type { BackupRow } from '../../shared/backup/format.js';
import { hotelBackup } from '../backup-format.js';
import { later, soon } from '../first-rows.js';

const createdAt = new Date('2025-12-31T00:00:00.000Z');

const nights = (held: number) =>
  ['2026-03-01', '2026-03-02', '2026-03-03'].map((date, index) => ({
    room_type_id: 1,
    date,
    allotment: 2,
    booked_count: 0,
    tentative_count: index === 0 ? held : 0,
  }));

/** A backup of the day before, of two rooms in each night and these holds of the first of them. */
const earlierBackup = (holds: readonly BackupRow[]): Readonly<Record<string, string>> => ({
  [`backup-${createdAt.toISOString()}-00000000.json`]: sealDocument(hotelBackup, createdAt, {
    tables: { room_inventory: nights(holds.length), booking_holds: holds, bookings: [], booking_details: [] },
    sequences: { booking_holds_id_seq: holds.length, bookings_booking_id_seq: 0, booking_details_booking_detail_id_seq: 0 },
  }),
});

const hold = (id: number, expiry: string) => ({
  id,
  room_type_id: 1,
  check_in: '2026-03-01',
  check_out: '2026-03-02',
  rooms: 1,
  user_id: id,
  hold_expiry: expiry,
  status: 'active',
});

/** Nobody held or had booked any. */
export const backupOfEmptyHouse = earlierBackup([]);

/** The two holds of the seeds. */
export const backupOfTwoHolds = earlierBackup([hold(1, soon), hold(2, later)]);
