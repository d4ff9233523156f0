import type { Rejection } from '../../../src/index.js';
import { reject } from './rejections.js';

/** The fields of a request, every one of them still to be checked. */
export type Fields = Readonly<Record<string, unknown>>;

/** Far above any honest request, and far below what would hurt. */
export const maxPayloadBytes = 16_384;

/** The largest value of PostgreSQL's `integer`. */
export const maxInteger = 2_147_483_647;

/**
 * Reads a request through its JSON form: what could not have come over the wire (cycles, throwing getters, functions) is refused,
 * and what is checked is a copy that nobody can change afterwards.
 */
export function readRequest<T extends object>(input: unknown, read: (fields: Fields) => T | Rejection): T | Rejection {
  const text = jsonOf(input);
  if (text === undefined) return reject('INVALID_INPUT', 'the request must be a JSON object');
  const bytes = Buffer.byteLength(text);
  if (bytes > maxPayloadBytes)
    return reject('PAYLOAD_TOO_LARGE', `the request has ${bytes} bytes, at most ${maxPayloadBytes} are accepted`);
  const fields: unknown = JSON.parse(text);
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
    return reject('INVALID_INPUT', 'the request must be a JSON object');
  return read(fields as Fields);
}

function jsonOf(input: unknown): string | undefined {
  try {
    return JSON.stringify(input);
  } catch {
    return undefined;
  }
}

export function isWholeNumber(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
}

export function refuseWholeNumber(name: string, value: unknown, min: number, max: number): Rejection | undefined {
  return isWholeNumber(value, min, max) ? undefined : reject('INVALID_INPUT', `${name} must be a whole number from ${min} to ${max}`);
}

export function refuseId(name: string, value: unknown): Rejection | undefined {
  return refuseWholeNumber(name, value, 1, maxInteger);
}

/** Nobody is a missing user (401); a user of the wrong form is bad input (422). */
export function refuseUser(userId: unknown): Rejection | undefined {
  if (userId === undefined || userId === null || userId === '') return reject('UNAUTHENTICATED', 'a user is required');
  return refuseId('userId', userId);
}
