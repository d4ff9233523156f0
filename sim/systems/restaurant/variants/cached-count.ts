import { type Cache, type Client, defineScenario, type Operation } from '../../../../src/index.js';
import { inTransaction } from '../../shared/transaction.js';
import { type BookingStrategy, bookTable } from '../book-table.js';
import { unknownSlot } from '../capacity.js';
import { insertIfRoom } from '../check-and-insert.js';
import { readDay } from '../day.js';
import { sittingName } from '../events.js';
import { bookingInvariants, usage } from '../invariants.js';
import { lockRule } from '../locks.js';
import { bookingMonitors } from '../monitors.js';
import type { BookTable } from '../requests.js';
import { schema, seed } from '../schema.js';
import { lastCover } from '../workloads.js';

const ttlMs = 60_000;

/** The lock is right. What is counted under it comes from the cache, which is told of a booking after its commit, when the lock is gone. */
const strategy =
  (cache: Cache): BookingStrategy =>
  async (client, request, admitted) => {
    let covers = 0;
    const answer = await inTransaction(client, async () => {
      if (!(await lockRule(client, request.restaurantId, request.slot))) return unknownSlot(request);
      covers = await cachedCovers(cache, client, request);
      return insertIfRoom(client, request, admitted, (state) => ({ ...state, covers }));
    });
    if ('booking' in answer) await cache.set(sittingName(request), String(covers + request.partySize), ttlMs);
    return answer;
  };

async function cachedCovers(cache: Cache, client: Client, request: BookTable): Promise<number> {
  const cached = await cache.get(sittingName(request));
  if (cached !== null) return Number(cached);
  const day = await readDay(client, request.restaurantId, request.date);
  const covers = day.find(({ slot }) => slot === request.slot)?.covers ?? 0;
  await cache.set(sittingName(request), String(covers), ttlMs);
  return covers;
}

const book: Operation = (context, input: unknown) => bookTable(strategy(context.cache), { attempts: 2 })(context, input);

export const cachedCount = defineScenario({
  name: 'restaurant/cached-count',
  description: 'Locks the rule, takes the number of covers from the cache, and tells the cache after the commit.',
  schema,
  seed,
  operations: { bookTable: book },
  workloads: [lastCover],
  invariants: bookingInvariants,
  monitors: bookingMonitors,
  requires: ['overlap', 'lock-wait'],
  usage,
  zoo: {
    class: 'trusting a cached count',
    anomaly: 'a stale read from outside the database',
    leastActors: 2,
    seenIn: '(general knowledge)',
    fix: 'restaurant/locked-rule',
  },
  expect: { 'READ COMMITTED': 'violated' },
});
