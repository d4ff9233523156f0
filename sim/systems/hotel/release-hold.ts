import { type Client, isRejection, type Operation, type Rejection } from '../../../src/index.js';
import { type RetryOptions, withRetry } from '../shared/retry.js';
import { inTransaction } from '../shared/transaction.js';
import { endHold, findHold, type Hold, holdOf, noActiveHold } from './holds.js';
import { changeCounts, lockNights } from './nights.js';
import { type NamedHold, readNamedHold } from './requests.js';

export interface Released {
  readonly releasedHoldId: number;
}

/** One attempt at a release, its transaction included. */
export type Release = (client: Client, request: NamedHold) => Promise<Released | Rejection>;

/** The end of a hold that is active under the locks of its nights, with its rooms given back; false where it is not. */
export async function giveBack(client: Client, hold: Hold, status: 'released' | 'expired'): Promise<boolean> {
  await lockNights(client, hold);
  if (!(await endHold(client, hold.id, status))) return false;
  await changeCounts(client, hold, { tentative: -hold.rooms });
  return true;
}

const underLock: Release = (client, request) =>
  inTransaction(client, async () => {
    const found = await findHold(client, request);
    if (found === undefined || !(await giveBack(client, holdOf(found), 'released'))) return noActiveHold(request);
    return { releasedHoldId: found.id };
  });

/** Gives a hold's rooms back, once: its own status decides. One that has expired and is not swept yet may still be released. */
export const releaseHold = (options: RetryOptions = {}): Operation => releaseHoldWith(underLock, options);

export function releaseHoldWith(release: Release, { attempts = 3 }: RetryOptions = {}): Operation {
  return async ({ client }, input: unknown) => {
    const request = readNamedHold(input);
    if (isRejection(request)) return request;
    return withRetry(attempts, () => release(client, request));
  };
}
