import { checkedHold, createHoldWith } from '../create-hold.js';
import { nightsWithoutLock } from '../nights.js';
import { staggered } from '../workloads.js';
import { defineHotel } from './define.js';

/** Good for two guests who arrive together. Those who arrive one after the other have nights in common, and no lock. */
const strategy = checkedHold(async (client, request) => {
  await client.query('SELECT date FROM room_inventory WHERE room_type_id = $1 AND date = $2 FOR UPDATE', [
    request.roomTypeId,
    request.checkIn,
  ]);
  return nightsWithoutLock(client, request);
});

export const lockFirstNight = defineHotel({
  name: 'hotel/lock-first-night',
  description: 'Locks the inventory of the first night only, as if the others could not be full.',
  operations: { createHold: createHoldWith(strategy, { attempts: 2 }) },
  workloads: [staggered],
  // At REPEATABLE READ the second UPDATE finds the common night changed since its snapshot: 40001.
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'holds' },
  zoo: {
    class: 'lock on the wrong row',
    anomaly: 'overbooking of a night in the middle',
    leastActors: 2,
    seenIn: 'hoangdaochuz/booking#27',
    fix: 'hotel/nights',
  },
});
