import type { BackupFormat } from '../shared/backup/format.js';

const roomInventory = {
  name: 'room_inventory',
  columns: { room_type_id: 'integer', date: 'text', allotment: 'integer', booked_count: 'integer', tentative_count: 'integer' },
  key: ['room_type_id', 'date'],
} as const;

const bookingHolds = {
  name: 'booking_holds',
  columns: {
    id: 'integer',
    room_type_id: 'integer',
    check_in: 'text',
    check_out: 'text',
    rooms: 'integer',
    user_id: 'integer',
    hold_expiry: 'timestamp',
    status: 'text',
  },
} as const;

const bookings = {
  name: 'bookings',
  columns: { booking_id: 'integer', hold_id: 'integer', status: 'text' },
  references: { hold_id: 'booking_holds' },
} as const;

const bookingDetails = {
  name: 'booking_details',
  columns: { booking_detail_id: 'integer', booking_id: 'integer', date: 'text', rooms: 'integer' },
  references: { booking_id: 'bookings' },
} as const;

/** Tables in the order in which everybody locks them. */
export const hotelBackup = {
  name: 'lastseat.hotel.backup',
  version: 1,
  tables: [roomInventory, bookingHolds, bookings, bookingDetails],
  sequences: {
    booking_holds_id_seq: 'booking_holds',
    bookings_booking_id_seq: 'bookings',
    booking_details_booking_detail_id_seq: 'booking_details',
  },
} as const satisfies BackupFormat;
