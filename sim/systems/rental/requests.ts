import type { Clock, Rejection } from '../../../src/index.js';
import { dayNumber, dayOf, isDay } from '../shared/days.js';
import { reject } from '../shared/rejections.js';
import { type Fields, readRequest, refuseId, refuseUser, refuseWholeNumber } from '../shared/request.js';

/** More of a package in one booking are a mistake or an attack. */
export const maxQuantity = 100;
/** A booking writes a ledger row for each of its days. */
export const maxDays = 90;
export const maxCapacity = 100_000;

export interface CreateBooking {
  readonly userId: number;
  readonly packageId: number;
  /** Such as 2026-03-01. */
  readonly startDate: string;
  /** The last day, which is part of the booking. */
  readonly endDate: string;
  readonly quantity: number;
}

/** What names a booking of somebody's: `confirmBooking` and `cancelBooking` need no more. */
export interface NamedBooking {
  readonly userId: number;
  readonly packageId: number;
  readonly bookingId: number;
}

export interface ChangeCapacity {
  readonly userId: number;
  readonly packageId: number;
  readonly capacity: number;
}

export function readCreateBooking(clock: Clock, input: unknown): CreateBooking | Rejection {
  return readRequest<CreateBooking>(input, ({ userId, packageId, startDate, endDate, quantity }) => {
    const refused =
      refuseUserAndPackage({ userId, packageId }) ??
      refuseWindow(clock, startDate, endDate) ??
      refuseWholeNumber('quantity', quantity, 1, maxQuantity);
    return refused ?? ({ userId, packageId, startDate, endDate, quantity } as CreateBooking);
  });
}

export function readNamedBooking(input: unknown): NamedBooking | Rejection {
  return readRequest<NamedBooking>(
    input,
    ({ userId, packageId, bookingId }) =>
      refuseUserAndPackage({ userId, packageId }) ?? refuseId('bookingId', bookingId) ?? ({ userId, packageId, bookingId } as NamedBooking),
  );
}

export function readChangeCapacity(input: unknown): ChangeCapacity | Rejection {
  return readRequest<ChangeCapacity>(
    input,
    ({ userId, packageId, capacity }) =>
      refuseUserAndPackage({ userId, packageId }) ??
      refuseWholeNumber('capacity', capacity, 0, maxCapacity) ??
      ({ userId, packageId, capacity } as ChangeCapacity),
  );
}

function refuseUserAndPackage({ userId, packageId }: Fields): Rejection | undefined {
  return refuseUser(userId) ?? refuseId('packageId', packageId);
}

function refuseWindow(clock: Clock, startDate: unknown, endDate: unknown): Rejection | undefined {
  if (!isDay(startDate) || !isDay(endDate)) return reject('INVALID_INPUT', 'startDate and endDate must be days such as 2026-03-01');
  if (endDate < startDate) return reject('INVALID_INPUT', 'endDate must not lie before startDate');
  if (startDate < dayOf(clock.now())) return reject('INVALID_INPUT', 'startDate must not lie in the past');
  const days = dayNumber(endDate) - dayNumber(startDate) + 1;
  return days <= maxDays ? undefined : reject('INVALID_INPUT', `a booking may last ${maxDays} days, not ${days}`);
}
