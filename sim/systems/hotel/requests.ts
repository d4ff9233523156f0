import type { Clock, Rejection } from '../../../src/index.js';
import { dayNumber, dayOf, isDay } from '../shared/days.js';
import { reject } from '../shared/rejections.js';
import { readRequest, refuseId, refuseUser, refuseWholeNumber } from '../shared/request.js';

/** More rooms in one hold are a mistake or an attack. */
export const maxRooms = 50;
/** A booking writes a row for each of its nights. */
export const maxNights = 60;

/** Rooms of one type, from the night of `checkIn` to that before `checkOut`. */
export interface Stay {
  readonly roomTypeId: number;
  /** The first night, such as 2026-03-01. */
  readonly checkIn: string;
  /** The day on which the guests leave: its night is not theirs. */
  readonly checkOut: string;
  readonly rooms: number;
}

export interface CreateHold extends Stay {
  readonly userId: number;
}

/** What names a hold of somebody's: `confirmHold` and `releaseHold` need no more. */
export interface NamedHold {
  readonly userId: number;
  readonly holdId: number;
}

export interface NamedBooking {
  readonly userId: number;
  readonly bookingId: number;
}

export function readCreateHold(clock: Clock, input: unknown): CreateHold | Rejection {
  return readRequest<CreateHold>(input, ({ userId, roomTypeId, checkIn, checkOut, rooms }) => {
    const refused =
      refuseUser(userId) ??
      refuseId('roomTypeId', roomTypeId) ??
      refuseNights(clock, checkIn, checkOut) ??
      refuseWholeNumber('rooms', rooms, 1, maxRooms);
    return refused ?? ({ userId, roomTypeId, checkIn, checkOut, rooms } as CreateHold);
  });
}

export function readNamedHold(input: unknown): NamedHold | Rejection {
  return readRequest<NamedHold>(
    input,
    ({ userId, holdId }) => refuseUser(userId) ?? refuseId('holdId', holdId) ?? ({ userId, holdId } as NamedHold),
  );
}

export function readNamedBooking(input: unknown): NamedBooking | Rejection {
  return readRequest<NamedBooking>(
    input,
    ({ userId, bookingId }) => refuseUser(userId) ?? refuseId('bookingId', bookingId) ?? ({ userId, bookingId } as NamedBooking),
  );
}

function refuseNights(clock: Clock, checkIn: unknown, checkOut: unknown): Rejection | undefined {
  if (!isDay(checkIn) || !isDay(checkOut)) return reject('INVALID_INPUT', 'checkIn and checkOut must be days such as 2026-03-01');
  const nights = dayNumber(checkOut) - dayNumber(checkIn);
  if (nights < 1) return reject('INVALID_INPUT', 'checkOut must lie after checkIn');
  if (nights > maxNights) return reject('INVALID_INPUT', `a stay may last ${maxNights} nights, not ${nights}`);
  return checkIn < dayOf(clock.now()) ? reject('INVALID_INPUT', 'checkIn must not lie in the past') : undefined;
}
