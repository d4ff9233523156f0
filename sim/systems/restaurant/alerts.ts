import type { CountedEvent, HourlyCount } from './metrics.js';

/** Something that a person should look at, in one restaurant and one hour. */
export interface Alert {
  readonly rule: string;
  readonly restaurant: string;
  readonly hour: string;
  readonly message: string;
}

type Counts = (event: CountedEvent) => number;

/** A condition on the counters of one restaurant and hour. */
export interface AlertRule {
  readonly name: string;
  /** What is wrong, or undefined where nothing is. */
  readonly judge: (count: Counts) => string | undefined;
}

/** There is no number of overbookings that is normal. */
const overbooking: AlertRule = {
  name: 'overbooking',
  judge: (count) => {
    const found = count('booking.overbooked');
    return found > 0 ? `${found} sittings were found overbooked` : undefined;
  },
};

/** Above this share of conflicts guests are turned away more often than a restaurant should leave to chance. */
export const maxConflictRate = 0.05;

/** Of the orders that were decided; an order that gave up counts as one, and as no conflict. */
const conflictRate: AlertRule = {
  name: 'conflict-rate',
  judge: (count) => {
    const conflicts = count('booking.capacity_exceeded');
    const orders = count('booking.success') + conflicts + count('booking.retry_exhausted');
    return conflicts > maxConflictRate * orders ? `${conflicts} of ${orders} orders met a full slot` : undefined;
  },
};

export const alertRules: readonly AlertRule[] = [overbooking, conflictRate];

/** Every rule for every restaurant and hour, each by its own counters alone. */
export function evaluateAlerts(counts: readonly HourlyCount[], rules: readonly AlertRule[] = alertRules): readonly Alert[] {
  const scopes = new Map<string, HourlyCount[]>();
  for (const count of counts) {
    const name = `${count.restaurant} ${count.hour}`;
    scopes.set(name, [...(scopes.get(name) ?? []), count]);
  }
  return [...scopes.values()].flatMap((scope) => {
    const { restaurant, hour } = scope[0]!;
    const count: Counts = (event) => scope.find((item) => item.event === event)?.count ?? 0;
    return rules.flatMap(({ name, judge }) => {
      const message = judge(count);
      return message === undefined ? [] : [{ rule: name, restaurant, hour, message }];
    });
  });
}
