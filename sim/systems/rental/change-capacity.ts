import { type Client, isRejection, type Operation, type Rejection } from '../../../src/index.js';
import { type RetryOptions, withRetry } from '../shared/retry.js';
import { inTransaction } from '../shared/transaction.js';
import { capacityConflict } from './capacity.js';
import { unknownPackage } from './create-booking.js';
import { type ChangeCapacity, readChangeCapacity } from './requests.js';
import { allDays, fullestDay, usageByDay } from './usage-by-day.js';

/**
 * Some of the equipment was sold, or more of it bought. Capacity never falls below what is booked on any day. The package's row is
 * locked before usage is read, as bookers do, so that nobody books what is about to go. `lock` is the locking clause.
 */
export function changeCapacity({ attempts = 3, lock = ' FOR UPDATE' }: RetryOptions & { readonly lock?: string } = {}): Operation {
  return async ({ client }, input: unknown) => {
    const request = readChangeCapacity(input);
    if (isRejection(request)) return request;
    const { packageId, capacity } = request;
    return withRetry(attempts, () =>
      inTransaction(client, async () => {
        const { rows } = await client.query(`SELECT id FROM packages WHERE id = $1${lock}`, [packageId]);
        if (rows.length === 0) return unknownPackage(packageId);
        const refused = await refuseBelowUsage(client, request);
        if (refused !== undefined) return refused;
        await client.query('UPDATE packages SET capacity = $2 WHERE id = $1', [packageId, capacity]);
        return { packageId, capacity };
      }),
    );
  };
}

async function refuseBelowUsage(client: Client, { packageId, capacity }: ChangeCapacity): Promise<Rejection | undefined> {
  const fullest = fullestDay(await usageByDay(client, packageId, allDays));
  if (fullest === undefined || fullest.usage <= capacity) return undefined;
  return capacityConflict(packageId, `${fullest.usage} booked`, { ...fullest, capacity });
}
