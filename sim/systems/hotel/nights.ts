import type { Client } from '../../../src/index.js';
import { dayNumber, daysOf } from '../shared/days.js';
import type { Stay } from './requests.js';

/** One night's inventory. */
export interface Night {
  readonly date: string;
  readonly allotment: number;
  readonly booked_count: number;
  readonly tentative_count: number;
}

/** The nights of a stay: that of the last day is not one of them. */
export function nightsOf({ checkIn, checkOut }: Pick<Stay, 'checkIn' | 'checkOut'>): readonly string[] {
  return daysOf(checkIn, checkOut).slice(0, dayNumber(checkOut) - dayNumber(checkIn));
}

const nightsQuery =
  'SELECT date, allotment, booked_count, tentative_count FROM room_inventory WHERE room_type_id = $1 AND date >= $2 AND date < $3 ORDER BY date';

/** Reads the nights and locks nothing: for variants that show what the locks are for. */
export async function nightsWithoutLock(client: Client, { roomTypeId, checkIn, checkOut }: Stay): Promise<readonly Night[]> {
  return (await client.query<Night>(nightsQuery, [roomTypeId, checkIn, checkOut])).rows;
}

/**
 * Locks the nights in the order of their dates: of two stays that have several nights in common, one waits for the other at the first
 * of them, and never both for each other.
 *
 * Whoever changes holds or bookings comes by here first. So tables are locked in one order, which is also that of a restore:
 * inventory, holds, bookings, details.
 */
export async function lockNights(client: Client, { roomTypeId, checkIn, checkOut }: Stay): Promise<readonly Night[]> {
  return (await client.query<Night>(`${nightsQuery} FOR UPDATE`, [roomTypeId, checkIn, checkOut])).rows;
}

export interface CountsBy {
  readonly tentative?: number;
  readonly booked?: number;
}

/** Changes the counts of every night of a stay by so many. */
export async function changeCounts(
  client: Client,
  { roomTypeId, checkIn, checkOut }: Omit<Stay, 'rooms'>,
  { tentative = 0, booked = 0 }: CountsBy,
): Promise<void> {
  await client.query(
    'UPDATE room_inventory SET tentative_count = tentative_count + $4, booked_count = booked_count + $5 WHERE room_type_id = $1 AND date >= $2 AND date < $3',
    [roomTypeId, checkIn, checkOut, tentative, booked],
  );
}
