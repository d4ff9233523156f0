import { defineScenario } from '../../../../src/index.js';
import { typedErrors } from '../../shared/monitors/typed-errors.js';
import { conditional as strategy } from '../book-conditional.js';
import { bookSeats } from '../book-seats.js';
import { invalidating } from '../event-cache.js';
import { counterInvariants, usage } from '../invariants.js';
import { schema, seed } from '../schema.js';
import { viewEvent } from '../view-event.js';
import { staleView, viewWithoutCache } from '../witnesses.js';
import { lastSeatInView, visit } from '../workloads.js';

export const cached = defineScenario({
  name: 'events/cached',
  description: 'Visitors read through a cache, which may be out of date or down; bookers ask the database alone.',
  schema,
  seed,
  operations: { bookSeats: invalidating(bookSeats(strategy, { attempts: 2 })), viewEvent },
  workloads: [visit, lastSeatInView],
  invariants: counterInvariants,
  monitors: [typedErrors],
  witnesses: [staleView, viewWithoutCache],
  requires: ['overlap', 'sold-out', 'fault', staleView.name, viewWithoutCache.name],
  usage,
  expect: { 'READ COMMITTED': 'holds' },
});
