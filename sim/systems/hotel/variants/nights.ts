import { createHold } from '../create-hold.js';
import { acknowledgedHolds } from '../monitors.js';
import { overlapping, staggered } from '../workloads.js';
import { defineHotel } from './define.js';

export const nights = defineHotel({
  name: 'hotel/nights',
  description: "Locks the nights' inventory in the order of dates, checks each night, then holds the rooms.",
  operations: { createHold: createHold({ attempts: 2 }) },
  workloads: [overlapping, staggered],
  monitors: [acknowledgedHolds],
  requires: ['overlap', 'lock-wait', 'sold-out'],
  // At REPEATABLE READ whoever waited for a night finds its counts changed since his snapshot: 40001, and he starts again.
  expect: { 'READ COMMITTED': 'holds', 'REPEATABLE READ': 'holds' },
});
