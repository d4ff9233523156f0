import { checkedHold, createHoldWith } from '../create-hold.js';
import { nightsWithoutLock } from '../nights.js';
import { schemaWithAllotmentCheck } from '../schema.js';
import { pair, staggered } from '../workloads.js';
import { defineHotel } from './define.js';

export const checkedCounts = defineHotel({
  name: 'hotel/checked-counts',
  description:
    'Reads the nights without a lock, and leaves it to CHECK (booked_count + tentative_count <= allotment) to refuse a room too many.',
  schema: schemaWithAllotmentCheck,
  operations: { createHold: createHoldWith(checkedHold(nightsWithoutLock), { attempts: 2 }) },
  workloads: [pair, staggered],
  requires: ['overlap', 'lock-wait', 'sold-out'],
  expect: { 'READ COMMITTED': 'holds', 'REPEATABLE READ': 'holds' },
});
