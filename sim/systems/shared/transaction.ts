import { type Client, isRejection } from '../../../src/index.js';
import { stale } from './retry.js';

/**
 * Runs `work` in one transaction: committed when it succeeds, rolled back when it refuses, asks to be run again, or throws.
 *
 * COMMIT stands outside the `try`: once it has been sent the transaction is over, whatever the answer, and a ROLLBACK after it
 * would be noise.
 */
export async function inTransaction<T>(client: Client, work: () => Promise<T>, begin = 'BEGIN'): Promise<T> {
  await client.query(begin);
  const result = await orRollBack(client, work);
  await client.query(isRejection(result) || result === stale ? 'ROLLBACK' : 'COMMIT');
  return result;
}

async function orRollBack<T>(client: Client, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await rollBack(client);
    throw error;
  }
}

async function rollBack(client: Client): Promise<void> {
  try {
    await client.query('ROLLBACK');
  } catch {
    // The connection is gone, and with it the transaction. The first error is the one that tells why.
  }
}
