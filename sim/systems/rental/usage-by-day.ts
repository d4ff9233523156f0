import type { Client } from '../../../src/index.js';
import { daysOf } from '../shared/days.js';

interface LedgerRow {
  readonly start_date: string;
  readonly end_date: string;
  readonly booked: number;
  /** Null where the booking has no ledger rows. */
  readonly day: string | null;
  readonly quantity: number | null;
}

export interface Window {
  readonly startDate: string;
  readonly endDate: string;
}

export const allDays: Window = { startDate: '0001-01-01', endDate: '9999-12-31' };

/**
 * How many of a package are taken on each day of a window, by the ledger, and by the booking itself where it has no ledger rows. One
 * statement, and so one snapshot: between two, a booking could be missing from both parts, or be counted in both.
 */
export async function usageByDay(client: Client, packageId: number, window: Window): Promise<ReadonlyMap<string, number>> {
  const { rows } = await client.query<LedgerRow>(
    "SELECT b.start_date, b.end_date, b.quantity AS booked, e.day, e.quantity FROM bookings b LEFT JOIN equipment_availability e ON e.booking_id = b.id WHERE b.package_id = $1 AND b.status <> 'cancelled' AND b.start_date <= $3 AND b.end_date >= $2",
    [packageId, window.startDate, window.endDate],
  );
  const usage = new Map<string, number>();
  for (const row of rows) {
    const days = row.day === null ? daysOf(row.start_date, row.end_date) : [row.day];
    for (const day of days.filter((each) => each >= window.startDate && each <= window.endDate))
      usage.set(day, (usage.get(day) ?? 0) + (row.quantity ?? row.booked));
  }
  return usage;
}

/** The day on which most are taken, and how many; the first of several. */
export function fullestDay(usage: ReadonlyMap<string, number>): { readonly day: string; readonly usage: number } | undefined {
  const [first] = [...usage].sort(([dayA, usageA], [dayB, usageB]) => usageB - usageA || (dayA < dayB ? -1 : 1));
  return first === undefined ? undefined : { day: first[0], usage: first[1] };
}
