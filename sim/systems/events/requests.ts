import type { Clock, Rejection } from '../../../src/index.js';
import { reject } from '../shared/rejections.js';
import { maxInteger, readRequest, refuseId, refuseUser, refuseWholeNumber } from '../shared/request.js';

/** More seats in one booking are a mistake or an attack. */
export const maxSeatsPerBooking = 500;
export const maxTotalSeats = 1_000_000;
export const maxNameLength = 200;

export interface BookSeats {
  readonly userId: number;
  readonly eventId: number;
  readonly seats: number;
}

export interface CancelBooking {
  readonly userId: number;
  readonly eventId: number;
  readonly bookingId: number;
}

export interface CreateEvent {
  readonly userId: number;
  readonly name: string;
  /** ISO 8601 in UTC. */
  readonly startsAt: string;
  readonly totalSeats: number;
}

export interface Browse {
  /** The last event of the page before; 0 for the first page. */
  readonly afterId: number;
}

export interface ViewEvent {
  readonly eventId: number;
}

export function readBookSeats(input: unknown): BookSeats | Rejection {
  return readRequest<BookSeats>(
    input,
    ({ userId, eventId, seats }) =>
      refuseUser(userId) ??
      refuseId('eventId', eventId) ??
      refuseWholeNumber('seats', seats, 1, maxSeatsPerBooking) ??
      ({ userId, eventId, seats } as BookSeats),
  );
}

export function readCancelBooking(input: unknown): CancelBooking | Rejection {
  return readRequest<CancelBooking>(
    input,
    ({ userId, eventId, bookingId }) =>
      refuseUser(userId) ??
      refuseId('eventId', eventId) ??
      refuseId('bookingId', bookingId) ??
      ({ userId, eventId, bookingId } as CancelBooking),
  );
}

export function readCreateEvent(clock: Clock, input: unknown): CreateEvent | Rejection {
  return readRequest<CreateEvent>(
    input,
    ({ userId, name, startsAt, totalSeats }) =>
      refuseUser(userId) ??
      refuseName(name) ??
      refuseStart(clock, startsAt) ??
      refuseWholeNumber('totalSeats', totalSeats, 1, maxTotalSeats) ??
      ({ userId, name, startsAt, totalSeats } as CreateEvent),
  );
}

export function readBrowse(input: unknown): Browse | Rejection {
  return readRequest<Browse>(input, ({ afterId = 0 }) => refuseWholeNumber('afterId', afterId, 0, maxInteger) ?? ({ afterId } as Browse));
}

export function readViewEvent(input: unknown): ViewEvent | Rejection {
  return readRequest<ViewEvent>(input, ({ eventId }) => refuseId('eventId', eventId) ?? ({ eventId } as ViewEvent));
}

/** Control characters and lone surrogates cannot be stored as they are; PostgreSQL's `text` refuses NUL outright. */
function refuseName(name: unknown): Rejection | undefined {
  if (typeof name === 'string' && name.trim() !== '' && name.length <= maxNameLength && !/[\p{Cc}\p{Cs}]/u.test(name)) return undefined;
  return reject('INVALID_INPUT', `name must be printable text of 1 to ${maxNameLength} characters`);
}

function refuseStart(clock: Clock, startsAt: unknown): Rejection | undefined {
  if (typeof startsAt !== 'string' || !isUtcInstant(startsAt)) {
    return reject('INVALID_INPUT', 'startsAt must be an instant in UTC such as 2026-03-01T18:00:00.000Z');
  }
  return Date.parse(startsAt) > clock.now().getTime() ? undefined : reject('INVALID_INPUT', 'startsAt must lie in the future');
}

/** The round trip refuses what Date.parse mends in silence, such as February 30. */
function isUtcInstant(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text) && !Number.isNaN(Date.parse(text)) && new Date(text).toISOString() === text;
}
