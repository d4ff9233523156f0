import type { Rejection } from '../../../src/index.js';
import { reject } from './rejections.js';

/** What a constraint's refusal means to the caller, by the constraint's name. */
export type ConstraintMeanings = Readonly<Record<string, () => Rejection>>;

/** Serialization failure and deadlock: the same transaction may well succeed when it is run again from its start. */
const transient: ReadonlySet<string> = new Set(['40001', '40P01']);

/** The server is going down, starting up, full, or gave up on a statement that took too long; or nobody answers at all. */
const unavailable: ReadonlySet<string> = new Set([
  '53300',
  '55P03',
  '57014',
  '57P01',
  '57P02',
  '57P03',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENOTFOUND',
]);

/** `pg` reports a connection that broke between two statements by message alone. */
const brokenConnection = /connection terminated|connection error|not queryable/i;

interface DatabaseError {
  readonly code?: unknown;
  readonly constraint?: unknown;
  readonly message?: unknown;
}

function fieldsOf(error: unknown): DatabaseError {
  return typeof error === 'object' && error !== null ? error : {};
}

export function isTransient(error: unknown): boolean {
  return transient.has(String(fieldsOf(error).code));
}

/** The constraint that refused, if that is what went wrong: a unique key (23505), a CHECK (23514), a foreign key (23503). */
export function violatedConstraint(error: unknown): string | undefined {
  const { constraint } = fieldsOf(error);
  return typeof constraint === 'string' ? constraint : undefined;
}

function isUnavailable({ code, message }: DatabaseError): boolean {
  if (typeof code === 'string') return unavailable.has(code) || code.startsWith('08');
  return brokenConnection.test(String(message));
}

/**
 * The typed form of a database error, or undefined where the error is nobody's expected outcome: a mistake in our own SQL must
 * surface as what it is, not as a polite refusal.
 */
export function rejectionFor(error: unknown, constraints: ConstraintMeanings = {}): Rejection | undefined {
  const fields = fieldsOf(error);
  if (isUnavailable(fields)) {
    return reject(
      'DATABASE_UNAVAILABLE',
      'the database is unavailable; a request that was just being committed may or may not have taken effect',
    );
  }
  return constraints[violatedConstraint(error) ?? '']?.();
}
