import type { Rejection } from '../../../src/index.js';
import { type ConstraintMeanings, isTransient, rejectionFor } from './database-errors.js';
import { reject } from './rejections.js';

/** What a transaction returns when what it read was changed under its feet and it should be run again. */
export const stale: unique symbol = Symbol('stale');

export interface RetryOptions {
  /** How often a transaction is tried in all. Default 3. */
  readonly attempts?: number;
}

/**
 * Runs a whole transaction, its checks included, until it settles, at most `attempts` times. Repeating only the write would act
 * on a check that no longer holds.
 */
export async function withRetry<T>(
  attempts: number,
  transaction: () => Promise<T>,
  constraints: ConstraintMeanings = {},
): Promise<Exclude<T, typeof stale> | Rejection> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    try {
      const result = await transaction();
      if (result !== stale) return result as Exclude<T, typeof stale>;
    } catch (error) {
      if (isTransient(error)) continue;
      const rejection = rejectionFor(error, constraints);
      if (rejection === undefined) throw error;
      return rejection;
    }
  }
  return reject('RETRY_EXHAUSTED', `gave up after ${attempts} attempts against concurrent changes`);
}
