import { isRejection, type Operation } from '../../../src/index.js';
import { type RetryOptions, withRetry } from '../shared/retry.js';
import { readRemoveLoadData } from './requests.js';

/** Takes away what a load test has booked, in all restaurants, and nothing else. */
export function removeLoadData({ attempts = 3 }: RetryOptions = {}): Operation {
  return async ({ client }, input: unknown) => {
    const request = readRemoveLoadData(input);
    if (isRejection(request)) return request;
    return withRetry(attempts, async () => {
      const { rowCount } = await client.query("DELETE FROM bookings WHERE source = 'load'");
      return { removed: rowCount };
    });
  };
}
