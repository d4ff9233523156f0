import type { Clock, Rejection } from '../../../src/index.js';
import { reject } from '../shared/rejections.js';
import { type Fields, readRequest, refuseId, refuseUser, refuseWholeNumber } from '../shared/request.js';

/** A larger party rings up. */
export const maxPartySize = 100;
export const maxCovers = 10_000;
export const maxKeyLength = 100;

/** Where a booking came from. `load` is made-up traffic, which is removed afterwards. */
export const sources = ['guest', 'phone', 'load'] as const;
export type Source = (typeof sources)[number];

/** One sitting of one restaurant. */
export interface Sitting {
  readonly restaurantId: number;
  /** The restaurant's own calendar day, such as `2026-03-01`. */
  readonly date: string;
  /** The restaurant's own time of day, such as `18:00`. */
  readonly slot: string;
}

export interface BookTable extends Sitting {
  readonly userId: number;
  readonly partySize: number;
  /** The guest's name for this order, the same however often it is sent. */
  readonly idempotencyKey: string;
  readonly source: Source;
}

export interface CancelBooking {
  readonly userId: number;
  readonly restaurantId: number;
  readonly bookingId: number;
}

export interface MoveBooking extends CancelBooking, Sitting {}

export interface SetOverride extends Sitting {
  readonly userId: number;
  /** Null for as many as may come. */
  readonly maxCovers: number | null;
}

export interface RemoveLoadData {
  readonly userId: number;
}

/** What every request about a sitting must name. */
const refuseSitting = (clock: Clock, { userId, restaurantId, date, slot }: Fields): Rejection | undefined =>
  refuseUser(userId) ?? refuseId('restaurantId', restaurantId) ?? refuseDate(clock, date) ?? refuseSlot(slot);

export function readBookTable(clock: Clock, input: unknown): BookTable | Rejection {
  return readRequest<BookTable>(input, (fields) => {
    const { userId, restaurantId, date, slot, partySize, idempotencyKey, source = 'guest' } = fields;
    return (
      refuseSitting(clock, fields) ??
      refuseWholeNumber('partySize', partySize, 1, maxPartySize) ??
      refuseKey(idempotencyKey) ??
      refuseSource(source) ??
      ({ userId, restaurantId, date, slot, partySize, idempotencyKey, source } as BookTable)
    );
  });
}

export function readCancelBooking(input: unknown): CancelBooking | Rejection {
  return readRequest<CancelBooking>(
    input,
    ({ userId, restaurantId, bookingId }) =>
      refuseUser(userId) ??
      refuseId('restaurantId', restaurantId) ??
      refuseId('bookingId', bookingId) ??
      ({ userId, restaurantId, bookingId } as CancelBooking),
  );
}

export function readMoveBooking(clock: Clock, input: unknown): MoveBooking | Rejection {
  return readRequest<MoveBooking>(input, (fields) => {
    const { userId, restaurantId, date, slot, bookingId } = fields;
    return (
      refuseSitting(clock, fields) ?? refuseId('bookingId', bookingId) ?? ({ userId, restaurantId, date, slot, bookingId } as MoveBooking)
    );
  });
}

export function readSetOverride(clock: Clock, input: unknown): SetOverride | Rejection {
  return readRequest<SetOverride>(input, (fields) => {
    const { userId, restaurantId, date, slot, maxCovers: covers } = fields;
    return (
      refuseSitting(clock, fields) ??
      (covers === null ? undefined : refuseWholeNumber('maxCovers', covers, 0, maxCovers)) ??
      ({ userId, restaurantId, date, slot, maxCovers: covers } as SetOverride)
    );
  });
}

export function readRemoveLoadData(input: unknown): RemoveLoadData | Rejection {
  return readRequest<RemoveLoadData>(input, ({ userId }) => refuseUser(userId) ?? ({ userId } as RemoveLoadData));
}

/** Twelve hours behind UTC the day lasts longest; only what is over there too is past. */
const hoursBehindUtc = 12;

function refuseDate(clock: Clock, date: unknown): Rejection | undefined {
  if (typeof date !== 'string' || !isCalendarDay(date)) return reject('INVALID_INPUT', 'date must be a day such as 2026-03-01');
  const oldest = new Date(clock.now().getTime() - hoursBehindUtc * 3_600_000).toISOString().slice(0, 10);
  return date >= oldest ? undefined : reject('INVALID_INPUT', 'date must not be past');
}

/** The round trip refuses what Date.parse mends in silence, such as February 30. */
function isCalendarDay(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00.000Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

function refuseSlot(slot: unknown): Rejection | undefined {
  if (typeof slot === 'string' && /^([01]\d|2[0-3]):[0-5]\d$/.test(slot)) return undefined;
  return reject('INVALID_INPUT', 'slot must be a time of day such as 18:00');
}

function refuseKey(key: unknown): Rejection | undefined {
  if (typeof key === 'string' && key.length <= maxKeyLength && /^[\x21-\x7e]+$/.test(key)) return undefined;
  return reject('INVALID_INPUT', `idempotencyKey must be 1 to ${maxKeyLength} printable ASCII characters without a space`);
}

function refuseSource(source: unknown): Rejection | undefined {
  return (sources as readonly unknown[]).includes(source)
    ? undefined
    : reject('INVALID_INPUT', `source must be one of ${sources.join(', ')}`);
}
