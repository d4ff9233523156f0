import type { Client } from '../../../src/index.js';

/** One slot of a restaurant's day: how many covers there may be, null for as many as may come, and how many are booked. */
export interface SlotState {
  readonly slot: string;
  readonly capacity: number | null;
  readonly covers: number;
}

interface DayRow {
  readonly slot: string;
  readonly rule: number | null;
  readonly overrides: number;
  readonly override: number | null;
  readonly covers: number;
}

/**
 * Every slot of a restaurant on a date, by one statement and so from one snapshot. A slot has one rule and at most one override, so the joins
 * repeat neither; MAX picks the one value, and COUNT tells an override without a limit from none.
 */
export async function readDay(client: Client, restaurantId: number, date: string): Promise<readonly SlotState[]> {
  const { rows } = await client.query<DayRow>(
    "SELECT r.slot, MAX(r.max_covers) AS rule, COUNT(o.slot)::int AS overrides, MAX(o.max_covers) AS override, COALESCE(SUM(b.party_size), 0)::int AS covers FROM capacity_rules r LEFT JOIN capacity_overrides o ON o.restaurant_id = r.restaurant_id AND o.slot = r.slot AND o.date = $2 LEFT JOIN bookings b ON b.restaurant_id = r.restaurant_id AND b.slot = r.slot AND b.date = $2 AND b.status = 'active' WHERE r.restaurant_id = $1 GROUP BY r.slot ORDER BY r.slot",
    [restaurantId, date],
  );
  return rows.map(({ slot, rule, overrides, override, covers }) => ({ slot, capacity: overrides > 0 ? override : rule, covers }));
}

/** Covers that are still to be had: never negative, not even where more are booked than may be. */
export function freeCovers({ capacity, covers }: Pick<SlotState, 'capacity' | 'covers'>): number {
  return capacity === null ? Number.POSITIVE_INFINITY : Math.max(0, capacity - covers);
}

/** How many other slots are offered. */
const maxAlternatives = 3;

/** The slots nearest in time that have room, the nearest first, of two equally near the earlier. */
export function alternatives(day: readonly SlotState[], wanted: string, partySize: number): string[] {
  const distance = (slot: string) => Math.abs(minutes(slot) - minutes(wanted));
  return day
    .filter((state) => state.slot !== wanted && freeCovers(state) >= partySize)
    .map(({ slot }) => slot)
    .sort((left, right) => distance(left) - distance(right) || minutes(left) - minutes(right))
    .slice(0, maxAlternatives);
}

function minutes(slot: string): number {
  return Number(slot.slice(0, 2)) * 60 + Number(slot.slice(3));
}
