import { inTransaction } from '../../shared/transaction.js';
import { createHold } from '../create-hold.js';
import { seedWithHold } from '../first-rows.js';
import { endHold, findHold, noActiveHold } from '../holds.js';
import { type Release, releaseHoldWith } from '../release-hold.js';
import { sameDay } from '../workloads.js';
import { defineHotel } from './define.js';

/**
 * BETWEEN has both ends in it, and the night of the departure was never held. Where nobody else is there that night
 * CHECK (tentative_count >= 0) refuses; where somebody is, his hold counts no more.
 */
const between: Release = (client, request) =>
  inTransaction(client, async () => {
    const found = await findHold(client, request);
    if (found === undefined) return noActiveHold(request);
    await client.query('SELECT date FROM room_inventory WHERE room_type_id = $1 AND date BETWEEN $2 AND $3 ORDER BY date FOR UPDATE', [
      found.room_type_id,
      found.check_in,
      found.check_out,
    ]);
    if (!(await endHold(client, found.id, 'released'))) return noActiveHold(request);
    await client.query(
      'UPDATE room_inventory SET tentative_count = tentative_count - $4 WHERE room_type_id = $1 AND date BETWEEN $2 AND $3',
      [found.room_type_id, found.check_in, found.check_out, found.rooms],
    );
    return { releasedHoldId: found.id };
  });

export const checkoutInclusive = defineHotel({
  name: 'hotel/checkout-inclusive',
  description: 'A release gives back the night of the departure, too: that of a guest who arrives on that day.',
  seed: seedWithHold,
  operations: { createHold: createHold({ attempts: 2 }), releaseHold: releaseHoldWith(between, { attempts: 2 }) },
  workloads: [sameDay],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'half-open versus closed date ranges',
    anomaly: "somebody else's hold counts no more, in one order without any overlap",
    leastActors: 2,
    seenIn: '3dem/emhub#119',
    fix: 'hotel/ends-of-holds',
  },
});
