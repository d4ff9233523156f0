import type { Operation } from '../../../src/index.js';
import { withRetry } from '../shared/retry.js';
import { overbooked } from './events.js';

interface SittingRow {
  readonly restaurant_id: number;
  readonly date: string;
  readonly slot: string;
  readonly rule: number | null;
  readonly overrides: number;
  readonly override: number | null;
  readonly covers: number;
}

/** Looks at every sitting that has bookings, reports each that is overbooked, and repairs nothing. For a timer: it locks nobody out. */
export const auditCovers: Operation = ({ client, emit }) =>
  withRetry(1, async () => {
    const { rows } = await client.query<SittingRow>(
      "SELECT b.restaurant_id, b.date, b.slot, MAX(r.max_covers) AS rule, COUNT(o.slot)::int AS overrides, MAX(o.max_covers) AS override, SUM(b.party_size)::int AS covers FROM bookings b JOIN capacity_rules r ON r.restaurant_id = b.restaurant_id AND r.slot = b.slot LEFT JOIN capacity_overrides o ON o.restaurant_id = b.restaurant_id AND o.slot = b.slot AND o.date = b.date WHERE b.status = 'active' GROUP BY b.restaurant_id, b.date, b.slot ORDER BY b.restaurant_id, b.date, b.slot",
    );
    const found = rows.flatMap(({ restaurant_id, date, slot, rule, overrides, override, covers }) => {
      // COUNT counts an override once for each booking that it is joined to; none is none.
      const capacity = overrides > 0 ? override : rule;
      return capacity === null || covers <= capacity ? [] : [{ restaurantId: restaurant_id, date, slot, usage: covers, capacity }];
    });
    for (const sitting of found) emit(overbooked(sitting, sitting.usage, sitting.capacity));
    return { sittings: rows.length, overbooked: found };
  });
