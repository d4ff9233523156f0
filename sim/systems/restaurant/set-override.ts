import { type Client, isRejection, type Operation, type Rejection } from '../../../src/index.js';
import { reject } from '../shared/rejections.js';
import { type RetryOptions, withRetry } from '../shared/retry.js';
import { inTransaction } from '../shared/transaction.js';
import { unknownSlot } from './capacity.js';
import { readDay } from './day.js';
import { sittingName } from './events.js';
import { lockRule } from './locks.js';
import { readSetOverride, type SetOverride } from './requests.js';

export interface Overridden {
  readonly restaurantId: number;
  readonly date: string;
  readonly slot: string;
  readonly maxCovers: number | null;
}

/**
 * Sets a sitting's capacity for one date, never below what is booked. Bookers who lock the rule are kept out by that lock; beside bookers who
 * are SERIALIZABLE the host must be so too, which `begin` says.
 */
export function setOverride({ attempts = 3, begin = 'BEGIN' }: RetryOptions & { readonly begin?: string } = {}): Operation {
  return async ({ client, clock }, input: unknown) => {
    const request = readSetOverride(clock, input);
    if (isRejection(request)) return request;
    return withRetry(attempts, () => inTransaction(client, () => override(client, request), begin));
  };
}

async function override(client: Client, request: SetOverride): Promise<Overridden | Rejection> {
  const { restaurantId, date, slot, maxCovers } = request;
  if (!(await lockRule(client, restaurantId, slot))) return unknownSlot(request);
  const { covers } = (await readDay(client, restaurantId, date)).find((state) => state.slot === slot)!;
  if (maxCovers !== null && maxCovers < covers)
    return reject('AVAILABILITY_CONFLICT', `${sittingName(request)} has ${covers} covers booked, which is more than ${maxCovers}`);
  const values = [restaurantId, date, slot, maxCovers];
  const { rowCount } = await client.query(
    'UPDATE capacity_overrides SET max_covers = $4 WHERE restaurant_id = $1 AND date = $2 AND slot = $3',
    values,
  );
  // Nobody else can insert it meanwhile: the rule is locked.
  if (rowCount === 0)
    await client.query('INSERT INTO capacity_overrides (restaurant_id, date, slot, max_covers) VALUES ($1, $2, $3, $4)', values);
  return { restaurantId, date, slot, maxCovers };
}
