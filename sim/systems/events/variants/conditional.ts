import { defineScenario } from '../../../../src/index.js';
import { conditional as strategy } from '../book-conditional.js';
import { bookSeats } from '../book-seats.js';
import { cancelBooking } from '../cancel-booking.js';
import { counterInvariants, usage } from '../invariants.js';
import { schema, seed } from '../schema.js';
import { cancellation, pair, trio } from '../workloads.js';

export const conditional = defineScenario({
  name: 'events/conditional',
  description: 'Takes the seats with UPDATE ... WHERE available_seats >= n and checks its row count.',
  schema,
  seed,
  operations: { bookSeats: bookSeats(strategy, { attempts: 2 }), cancelBooking: cancelBooking({ attempts: 2 }) },
  workloads: [pair, trio, cancellation],
  invariants: counterInvariants,
  requires: ['overlap', 'lock-wait', 'sold-out'],
  usage,
  expect: { 'READ COMMITTED': 'holds', 'REPEATABLE READ': 'holds' },
});
