import type { Rejection } from '../../../src/index.js';

const statuses = {
  AVAILABILITY_CONFLICT: 409,
  NOT_FOUND: 404,
  INVALID_INPUT: 422,
  UNAUTHENTICATED: 401,
  PAYLOAD_TOO_LARGE: 413,
  HOLD_EXPIRED: 410,
  RETRY_EXHAUSTED: 503,
  DATABASE_UNAVAILABLE: 503,
} as const;

export type RejectionCode = keyof typeof statuses;

/** A refusal with the status that belongs to its code. Codes are an interface: clients switch on them, messages are for people. */
export function reject(code: RejectionCode, message: string): Rejection {
  return { rejected: true, code, status: statuses[code], message };
}
