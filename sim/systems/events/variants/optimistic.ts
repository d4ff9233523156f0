import { defineScenario } from '../../../../src/index.js';
import { optimistic as strategy } from '../book-optimistic.js';
import { bookSeats } from '../book-seats.js';
import { cancelBooking } from '../cancel-booking.js';
import { counterInvariants, usage } from '../invariants.js';
import { schema, seed } from '../schema.js';
import { cancellation, pair, trio } from '../workloads.js';

export const optimistic = defineScenario({
  name: 'events/optimistic',
  description: "Reads without a lock and takes the seats by compare-and-swap on the event's version, with bounded retry.",
  schema,
  seed,
  operations: { bookSeats: bookSeats(strategy, { attempts: 2 }), cancelBooking: cancelBooking({ attempts: 2 }) },
  workloads: [pair, trio, cancellation],
  invariants: counterInvariants,
  requires: ['overlap', 'lock-wait', 'sold-out'],
  usage,
  expect: { 'READ COMMITTED': 'holds', 'REPEATABLE READ': 'holds' },
});
