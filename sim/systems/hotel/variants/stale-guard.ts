import { checkedHold, createHoldWith } from '../create-hold.js';
import { nightsWithoutLock } from '../nights.js';
import { pair } from '../workloads.js';
import { defineHotel } from './define.js';

export const staleGuard = defineHotel({
  name: 'hotel/stale-guard',
  description:
    'Checks the counts of the nights as they were read without a lock, and then raises them by so many whatever they have become.',
  operations: { createHold: createHoldWith(checkedHold(nightsWithoutLock), { attempts: 2 }) },
  workloads: [pair],
  requires: ['overlap', 'lock-wait'],
  // At REPEATABLE READ the second UPDATE finds the counts changed since its snapshot: 40001, and it looks again.
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'holds' },
  zoo: {
    class: 'relative write with a stale guard',
    anomaly: 'overbooking, with counts that are right',
    leastActors: 2,
    seenIn: 'Shelf-nu/shelf.nu#2820',
    fix: 'hotel/nights',
  },
});
