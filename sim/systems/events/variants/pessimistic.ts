import { defineScenario } from '../../../../src/index.js';
import { pessimistic as strategy } from '../book-pessimistic.js';
import { bookSeats } from '../book-seats.js';
import { cancelBooking } from '../cancel-booking.js';
import { counterInvariants, usage } from '../invariants.js';
import { schema, seed } from '../schema.js';
import { cancellation, doubleCancellation, pair, trio } from '../workloads.js';

export const pessimistic = defineScenario({
  name: 'events/pessimistic',
  description: "Locks the event's row FOR UPDATE, then checks and takes the seats.",
  schema,
  seed,
  operations: { bookSeats: bookSeats(strategy, { attempts: 2 }), cancelBooking: cancelBooking({ attempts: 2 }) },
  workloads: [pair, trio, cancellation, doubleCancellation],
  invariants: counterInvariants,
  requires: ['overlap', 'lock-wait', 'sold-out'],
  usage,
  expect: { 'READ COMMITTED': 'holds', 'REPEATABLE READ': 'holds' },
});
