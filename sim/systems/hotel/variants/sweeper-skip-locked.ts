import type { Operation } from '../../../../src/index.js';
import { withRetry } from '../../shared/retry.js';
import { inTransaction } from '../../shared/transaction.js';
import { confirmHold } from '../confirm-hold.js';
import { seedWithHold } from '../first-rows.js';
import { endHold, type HoldRow, holdColumns, holdOf } from '../holds.js';
import { sweptClean } from '../monitors.js';
import { changeCounts } from '../nights.js';
import { expiry } from '../workloads.js';
import { defineHotel } from './define.js';

/** Waits for nobody, and so says that it is done where somebody has locked a hold, be it only to be told that he is too late. */
const expireHolds: Operation = ({ client, clock }) =>
  withRetry(2, () =>
    inTransaction(client, async () => {
      const { rows } = await client.query<HoldRow>(
        `SELECT ${holdColumns} FROM booking_holds WHERE status = 'active' AND hold_expiry <= $1 ORDER BY id FOR UPDATE SKIP LOCKED`,
        [clock.now().toISOString()],
      );
      for (const hold of rows.map(holdOf)) {
        await endHold(client, hold.id, 'expired');
        await changeCounts(client, hold, { tentative: -hold.rooms });
      }
      return { expired: rows.map(({ id }) => id) };
    }),
  );

export const sweeperSkipLocked = defineHotel({
  name: 'hotel/sweeper-skip-locked',
  description: 'The sweeper passes over holds that somebody has locked (SKIP LOCKED) and reports success: their rooms stay held by nobody.',
  seed: seedWithHold,
  operations: { confirmHold: confirmHold({ attempts: 2 }), expireHolds },
  workloads: [expiry],
  monitors: [sweptClean],
  requires: ['overlap', 'tick'],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'stale holds keep counting',
    anomaly: 'undersell: a room that nobody can book',
    leastActors: 2,
    seenIn: 'InternHack#2719',
    fix: 'hotel/holds',
  },
});
