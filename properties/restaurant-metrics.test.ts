import { describe, expect, test } from 'vitest';
import { evaluateAlerts, maxConflictRate } from '../sim/systems/restaurant/alerts.js';
import { BookingMetrics, type CountedEvent } from '../sim/systems/restaurant/metrics.js';

const SIX = new Date('2026-03-01T18:59:59.999Z');
const SEVEN = new Date('2026-03-01T19:00:00.000Z');

async function counted(events: readonly (readonly [CountedEvent, number, number, Date?])[]): Promise<BookingMetrics> {
  const metrics = new BookingMetrics();
  for (const [type, restaurant, times, at = SIX] of events)
    for (let time = 0; time < times; time += 1) await metrics.record({ type, restaurant }, at);
  return metrics;
}

const alertsOf = async (metrics: BookingMetrics) =>
  evaluateAlerts(await metrics.counts()).map(({ rule, restaurant, hour }) => `${rule} ${restaurant} ${hour}`);

describe('counters', () => {
  test('are OpenMetrics text, per restaurant and hour', async () => {
    const metrics = await counted([
      ['booking.success', 1, 2],
      ['booking.success', 1, 1, SEVEN],
      ['booking.capacity_exceeded', 2, 1],
    ]);
    const { contentType, text } = await metrics.openMetrics();
    expect(contentType).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(text).toBe(
      [
        '# HELP restaurant_booking_events Booking events per restaurant and hour.',
        '# TYPE restaurant_booking_events counter',
        'restaurant_booking_events_total{restaurant="1",hour="2026-03-01T18:00Z",event="booking.success"} 2',
        'restaurant_booking_events_total{restaurant="1",hour="2026-03-01T19:00Z",event="booking.success"} 1',
        'restaurant_booking_events_total{restaurant="2",hour="2026-03-01T18:00Z",event="booking.capacity_exceeded"} 1',
        '# EOF',
        '',
      ].join('\n'),
    );
  });

  test('are of one object each, and let other events pass', async () => {
    const metrics = await counted([['booking.success', 1, 1]]);
    await metrics.record({ type: 'backup.written' }, SIX);
    expect(await metrics.counts()).toEqual([{ restaurant: '1', hour: '2026-03-01T18:00Z', event: 'booking.success', count: 1 }]);
    expect(await new BookingMetrics().counts()).toEqual([]);
  });

  test('forget hours that are long over, and only those', async () => {
    const metrics = new BookingMetrics({ keepHours: 2 });
    for (const hour of [15, 16, 17, 18])
      await metrics.record({ type: 'booking.success', restaurant: 1 }, new Date(Date.UTC(2026, 2, 1, hour)));
    expect((await metrics.counts()).map(({ hour }) => hour)).toEqual(['2026-03-01T16:00Z', '2026-03-01T17:00Z', '2026-03-01T18:00Z']);
  });
});

describe('alerts', () => {
  test('one sitting found overbooked is one too many, in that restaurant alone', async () => {
    const healthy = await counted([
      ['booking.success', 1, 100],
      ['booking.overbook_prevented', 1, 100],
    ]);
    expect(await alertsOf(healthy)).toEqual([]);
    const overbooked = await counted([
      ['booking.success', 1, 100],
      ['booking.success', 2, 1],
      ['booking.overbooked', 2, 1],
    ]);
    expect(await alertsOf(overbooked)).toEqual(['overbooking 2 2026-03-01T18:00Z']);
  });

  test('a conflict rate of 5 % is none, and one conflict more is one', async () => {
    expect(maxConflictRate).toBe(0.05);
    const at = await counted([
      ['booking.success', 1, 95],
      ['booking.capacity_exceeded', 1, 5],
    ]);
    expect(await alertsOf(at)).toEqual([]);
    const above = await counted([
      ['booking.success', 1, 95],
      ['booking.capacity_exceeded', 1, 6],
    ]);
    expect(await alertsOf(above)).toEqual(['conflict-rate 1 2026-03-01T18:00Z']);
  });

  test('an order that gave up is an order', async () => {
    const metrics = await counted([
      ['booking.success', 1, 18],
      ['booking.capacity_exceeded', 1, 1],
    ]);
    expect(await alertsOf(metrics)).toEqual(['conflict-rate 1 2026-03-01T18:00Z']);
    await metrics.record({ type: 'booking.retry_exhausted', restaurant: 1 }, SIX);
    expect(await alertsOf(metrics)).toEqual([]);
  });

  test('neither another restaurant nor another hour makes up for it', async () => {
    const metrics = await counted([
      ['booking.success', 1, 10],
      ['booking.capacity_exceeded', 1, 1],
      ['booking.success', 2, 1_000],
      ['booking.success', 1, 1_000, SEVEN],
    ]);
    expect(await alertsOf(metrics)).toEqual(['conflict-rate 1 2026-03-01T18:00Z']);
  });
});
