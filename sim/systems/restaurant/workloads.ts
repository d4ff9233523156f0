import { always, type Generator, integer, type Role, record, type Workload } from '../../../src/index.js';
import type { BookTable } from './requests.js';

export const date = '2026-03-01';
export const slot = '18:00';

/** An order of one guest for six o'clock in the first restaurant. */
export const order = (idempotencyKey: string, more: Partial<BookTable> = {}): BookTable => ({
  userId: 1,
  restaurantId: 1,
  date,
  slot,
  partySize: 1,
  idempotencyKey,
  source: 'guest',
  ...more,
});

export interface BookerOptions {
  readonly operation?: string;
  readonly key?: string;
  readonly partySize?: Generator<number>;
  readonly more?: Partial<BookTable>;
}

/** One who books; the name is the order's key, too, unless another is given. */
export function booker(name: string, { operation = 'bookTable', key = name, partySize = always(1), more = {} }: BookerOptions = {}): Role {
  const shape = Object.entries(order(key, more)).map(([field, value]) => [field, always<unknown>(value)]);
  return { operation, input: record({ ...Object.fromEntries(shape), partySize }), name };
}

export const operator = (name: string, input: object = { userId: 1 }): Role => ({ operation: name, input: always(input), name });

/** Two bookers at once, one of them for one guest or two. */
export const pair: Workload = {
  name: 'pair',
  capacity: integer(1, 2),
  roles: [booker('alice', { partySize: integer(1, 2) }), booker('bob')],
};

/** The last cover, and two who want it. */
export const lastCover: Workload = { name: 'last-cover', capacity: always(1), roles: [booker('alice'), booker('bob')] };

/** One order that is delivered twice at once, where there is room for both. */
export const twice: Workload = {
  name: 'twice',
  capacity: always(2),
  roles: [booker('alice', { key: 'order' }), booker('again', { key: 'order' })],
};

/** A cover comes back while somebody looks for one. */
export const cancellation: Workload = {
  name: 'cancellation',
  capacity: always(1),
  roles: [booker('alice'), operator('cancelBooking', { userId: 1, restaurantId: 1, bookingId: 1 })],
};

/** The host takes covers away for one evening while somebody books them. */
export const overriding: Workload = {
  name: 'overriding',
  capacity: always(1),
  roles: [booker('alice'), operator('setOverride', { userId: 1, restaurantId: 1, date, slot, maxCovers: 0 })],
};

/** Two guests of two restaurants, each of whom has the last cover. */
export const tenants: Workload = {
  name: 'tenants',
  capacity: always(1),
  roles: [booker('alice'), booker('bob', { more: { restaurantId: 2 } })],
};

/** A booking before, during and after a backup and a restore. */
export const cycle: Workload = {
  name: 'cycle',
  capacity: always(1),
  roles: [booker('alice'), operator('backup'), operator('restore')],
};

/** A restore of the backup that is there, and a booker. */
export const restoring: Workload = { name: 'restoring', capacity: always(1), roles: [booker('alice'), operator('restore')] };

/** A guest on the web and one on the phone, for the last cover. */
export const webAndPhone: Workload = {
  name: 'web-and-phone',
  capacity: always(1),
  roles: [booker('web'), booker('phone', { operation: 'bookByPhone', more: { source: 'phone' } })],
};

/** Two guests for a slot that takes as many as may come. */
export const unlimited: Workload = {
  name: 'unlimited',
  capacity: always(1),
  roles: [booker('alice', { more: { slot: '20:00' } }), booker('bob', { more: { slot: '20:00' } })],
};

/** A guest who finds the slot full, and a host who looks at the booking that fills it. */
export const bookerAndHost: Workload = {
  name: 'booker-and-host',
  capacity: always(1),
  roles: [booker('alice'), operator('openBooking', { userId: 1, restaurantId: 1, bookingId: 1 })],
};

/** The order of the booking that is there comes again, while the backup is restored; there would be room for a second. */
export const sentAgainDuringRestore: Workload = {
  name: 'sent-again-during-restore',
  capacity: always(2),
  roles: [booker('alice', { key: 'first' }), operator('restore')],
};

/** A backup, and a restore of what there is of it. */
export const backupAndRestore: Workload = {
  name: 'backup-and-restore',
  capacity: always(1),
  roles: [operator('backup'), operator('restore')],
};
