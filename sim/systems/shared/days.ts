/** Days of the calendar as text, such as 2026-03-01: no time of day, and so no time zone. */
const millisecondsPerDay = 86_400_000;

/** The round trip refuses what Date.parse mends in silence, such as February 30. */
export function isDay(value: unknown): value is string {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\d$/.test(value)) return false;
  const time = Date.parse(value);
  return !Number.isNaN(time) && dayOf(new Date(time)) === value;
}

/** The day in UTC. */
export function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10);
}

/** Days since 1970-01-01. */
export function dayNumber(day: string): number {
  return Date.parse(day) / millisecondsPerDay;
}

/** Every day from the first to the last, both included. */
export function daysOf(first: string, last: string): readonly string[] {
  const start = dayNumber(first);
  return Array.from({ length: dayNumber(last) - start + 1 }, (_, index) => dayOf(new Date((start + index) * millisecondsPerDay)));
}
