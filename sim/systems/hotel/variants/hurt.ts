import { always } from '../../../../src/index.js';
import { hurtWorkloads } from '../../shared/hurt.js';
import { acknowledgedStands } from '../../shared/monitors/acknowledged-stands.js';
import { idIn } from '../../shared/monitors/cycle.js';
import { typedErrors } from '../../shared/monitors/typed-errors.js';
import { createHold } from '../create-hold.js';
import { guests } from '../workloads.js';
import { defineHotel } from './define.js';

export const hurt = defineHotel({
  name: 'hotel/hurt',
  description: 'Two guests for the last room while sessions end, statements are given up, processes die, and the server crashes.',
  operations: { createHold: createHold({ attempts: 2 }) },
  workloads: hurtWorkloads('pair', always(1), [guests({ count: 2 })]),
  monitors: [acknowledgedStands({ table: 'booking_holds', column: 'id' }, idIn('holdId')), typedErrors],
  requires: ['overlap', 'lock-wait', 'sold-out', 'fault'],
  expect: { 'READ COMMITTED': 'holds' },
});
