import { always, defineScenario } from '../../../../src/index.js';
import { hurtWorkloads } from '../../shared/hurt.js';
import { serializable as strategy } from '../book-serializable.js';
import { bookTable } from '../book-table.js';
import { bookingInvariants, usage } from '../invariants.js';
import { bookingMonitors } from '../monitors.js';
import { schema, seed } from '../schema.js';
import { booker } from '../workloads.js';

export const hurt = defineScenario({
  name: 'restaurant/hurt',
  description: 'Two guests for the last cover while sessions end, statements are given up, processes die, and the server crashes.',
  schema,
  seed,
  operations: { bookTable: bookTable(strategy, { attempts: 2 }) },
  workloads: hurtWorkloads('last-cover', always(1), [booker('alice'), booker('bob')]),
  invariants: bookingInvariants,
  monitors: bookingMonitors,
  requires: ['overlap', 'sold-out', 'fault'],
  usage,
  expect: { 'READ COMMITTED': 'holds' },
});
