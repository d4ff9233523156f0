import { always, defineScenario } from '../../../../src/index.js';
import { hurtWorkloads } from '../../shared/hurt.js';
import { acknowledgedStands } from '../../shared/monitors/acknowledged-stands.js';
import { idIn } from '../../shared/monitors/cycle.js';
import { typedErrors } from '../../shared/monitors/typed-errors.js';
import { pessimistic as strategy } from '../book-pessimistic.js';
import { bookSeats } from '../book-seats.js';
import { counterInvariants, usage } from '../invariants.js';
import { schema, seed } from '../schema.js';
import { bookers } from '../workloads.js';

export const hurt = defineScenario({
  name: 'events/hurt',
  description: 'Two bookers of the last seat while sessions end, statements are given up, processes die, and the server crashes.',
  schema,
  seed,
  operations: { bookSeats: bookSeats(strategy, { attempts: 2 }) },
  workloads: hurtWorkloads('pair', always(1), [bookers(2, 2)]),
  invariants: counterInvariants,
  monitors: [acknowledgedStands({ table: 'bookings', column: 'id' }, idIn('bookingId')), typedErrors],
  requires: ['overlap', 'lock-wait', 'sold-out', 'fault'],
  usage,
  expect: { 'READ COMMITTED': 'holds' },
});
