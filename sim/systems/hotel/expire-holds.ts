import { type Client, isRejection, type Operation } from '../../../src/index.js';
import { type RetryOptions, withRetry } from '../shared/retry.js';
import { inTransaction } from '../shared/transaction.js';
import { type Hold, type HoldRow, holdColumns, holdOf } from './holds.js';
import { giveBack } from './release-hold.js';

/** Ends one expired hold and gives its rooms back, in the sweeper's transaction; false where somebody else has ended it. */
export type Expiry = (client: Client, hold: Hold) => Promise<boolean>;

const ifActive: Expiry = (client, hold) => giveBack(client, hold, 'expired');

/**
 * The sweeper: gives back the rooms of all holds that have expired by now. Each hold has a transaction of its own, so that no night is
 * locked for long and one hold that cannot be swept does not keep the others from it. The list is only where to look: by the time that
 * a hold's turn comes it may have been confirmed.
 */
export const expireHolds = (options: RetryOptions = {}): Operation => expireHoldsWith(ifActive, options);

export function expireHoldsWith(expire: Expiry, { attempts = 3 }: RetryOptions = {}): Operation {
  return async ({ client, clock }) => {
    const due = await withRetry(1, () => expiredHolds(client, clock.now()));
    if (isRejection(due)) return due;
    const expired: number[] = [];
    for (const hold of due) {
      const done = await withRetry(attempts, () => inTransaction(client, () => expire(client, hold)));
      if (isRejection(done)) return done;
      if (done) expired.push(hold.id);
    }
    return { expired };
  };
}

async function expiredHolds(client: Client, now: Date): Promise<readonly Hold[]> {
  const { rows } = await client.query<HoldRow>(
    `SELECT ${holdColumns} FROM booking_holds WHERE status = 'active' AND hold_expiry <= $1 ORDER BY id`,
    [now.toISOString()],
  );
  return rows.map(holdOf);
}
