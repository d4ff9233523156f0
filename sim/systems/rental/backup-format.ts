import type { BackupFormat } from '../shared/backup/format.js';

const packages = { name: 'packages', columns: { id: 'integer', name: 'text', capacity: 'integer' } } as const;

const bookings = {
  name: 'bookings',
  columns: {
    id: 'integer',
    package_id: 'integer',
    user_id: 'integer',
    start_date: 'text',
    end_date: 'text',
    quantity: 'integer',
    status: 'text',
  },
  references: { package_id: 'packages' },
} as const;

const equipmentAvailability = {
  name: 'equipment_availability',
  columns: { package_id: 'integer', day: 'text', booking_id: 'integer', quantity: 'integer' },
  key: ['package_id', 'day', 'booking_id'],
  references: { package_id: 'packages', booking_id: 'bookings' },
} as const;

export const rentalBackup = {
  name: 'lastseat.rental.backup',
  version: 1,
  tables: [packages, bookings, equipmentAvailability],
  sequences: { packages_id_seq: 'packages', bookings_id_seq: 'bookings' },
} as const satisfies BackupFormat;
