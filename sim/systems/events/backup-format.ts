import type { BackupFormat } from '../shared/backup/format.js';

export const eventsBackup = {
  name: 'lastseat.events.backup',
  version: 1,
  tables: [
    {
      name: 'events',
      columns: {
        id: 'integer',
        name: 'text',
        starts_at: 'timestamp',
        total_seats: 'integer',
        available_seats: 'integer',
        version: 'integer',
      },
      version: 'version',
    },
    {
      name: 'bookings',
      columns: { id: 'integer', event_id: 'integer', user_id: 'integer', seats: 'integer', status: 'text' },
      references: { event_id: 'events' },
    },
  ],
  sequences: { events_id_seq: 'events', bookings_id_seq: 'bookings' },
} as const satisfies BackupFormat;
