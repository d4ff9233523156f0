import { Counter, type OpenMetricsContentType, Registry } from 'prom-client';
import type { EmittedEvent } from '../../../src/index.js';

/** The events that are counted. Others pass by. */
export const countedEvents = [
  'booking.success',
  'booking.capacity_exceeded',
  'booking.retry_exhausted',
  'booking.overbook_prevented',
  'booking.overbooked',
] as const;
export type CountedEvent = (typeof countedEvents)[number];

/** How often something happened in one restaurant within one hour. */
export interface HourlyCount {
  readonly restaurant: string;
  /** The hour's beginning in UTC, such as `2026-03-01T18:00Z`. */
  readonly hour: string;
  readonly event: CountedEvent;
  readonly count: number;
}

const labels = ['restaurant', 'hour', 'event'] as const;

/**
 * Counts booking events per restaurant and hour, for a scraper to fetch as OpenMetrics text. An hour is a label, so that what is asked about an
 * hour does not depend on when the scraper came; hours that are over are forgotten after `keepHours`, or there would be ever more of them.
 */
export class BookingMetrics {
  readonly #registry = new Registry<OpenMetricsContentType>();
  readonly #counter = new Counter({
    name: 'restaurant_booking_events',
    help: 'Booking events per restaurant and hour.',
    labelNames: labels,
    registers: [this.#registry],
  });
  readonly #keepHours: number;

  constructor({ keepHours = 48 }: { readonly keepHours?: number } = {}) {
    this.#registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    this.#keepHours = keepHours;
  }

  /** For an operation's `emit`: `emit: (event) => metrics.record(event, clock.now())`. */
  async record(event: EmittedEvent, at: Date): Promise<void> {
    if (!isCounted(event.type)) return;
    this.#counter.inc({ restaurant: String(event.restaurant), hour: hourOf(at), event: event.type });
    await this.#forgetBefore(hourOf(new Date(at.getTime() - this.#keepHours * 3_600_000)));
  }

  /** What a scraper is answered, and the content type to answer it with. */
  async openMetrics(): Promise<{ readonly contentType: string; readonly text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  async counts(): Promise<readonly HourlyCount[]> {
    const { values } = await this.#counter.get();
    return values.map(({ labels: { restaurant, hour, event }, value }) => ({
      restaurant: String(restaurant),
      hour: String(hour),
      event: event as CountedEvent,
      count: value,
    }));
  }

  async #forgetBefore(oldest: string): Promise<void> {
    for (const { restaurant, hour, event } of await this.counts()) if (hour < oldest) this.#counter.remove({ restaurant, hour, event });
  }
}

function isCounted(type: string): type is CountedEvent {
  return (countedEvents as readonly string[]).includes(type);
}

function hourOf(at: Date): string {
  return `${at.toISOString().slice(0, 13)}:00Z`;
}
