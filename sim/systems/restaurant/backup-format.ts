import type { BackupFormat } from '../shared/backup/format.js';

/** Idempotency keys are a column of the bookings, so no backup of these can be without them. */
export const restaurantBackup = {
  name: 'lastseat.restaurant.backup',
  version: 1,
  tables: [
    { name: 'restaurants', columns: { id: 'integer', name: 'text' } },
    {
      name: 'capacity_rules',
      columns: { restaurant_id: 'integer', slot: 'text', max_covers: 'integer?' },
      key: ['restaurant_id', 'slot'],
      references: { restaurant_id: 'restaurants' },
    },
    {
      name: 'capacity_overrides',
      columns: { restaurant_id: 'integer', date: 'text', slot: 'text', max_covers: 'integer?' },
      key: ['restaurant_id', 'date', 'slot'],
      references: { 'restaurant_id, slot': 'capacity_rules' },
    },
    {
      name: 'bookings',
      columns: {
        id: 'integer',
        restaurant_id: 'integer',
        date: 'text',
        slot: 'text',
        party_size: 'integer',
        idempotency_key: 'text',
        status: 'text',
        source: 'text',
      },
      references: { 'restaurant_id, slot': 'capacity_rules' },
    },
  ],
  sequences: { restaurants_id_seq: 'restaurants', bookings_id_seq: 'bookings' },
} as const satisfies BackupFormat;
