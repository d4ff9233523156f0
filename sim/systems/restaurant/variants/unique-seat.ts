import { defineScenario } from '../../../../src/index.js';
import { numberedCovers } from '../book-numbered.js';
import { bookTable } from '../book-table.js';
import { bookingInvariants, usage, wholeBookings } from '../invariants.js';
import { bookingMonitors } from '../monitors.js';
import { schemaWithNumberedCovers, seed } from '../schema.js';
import { overbookPrevented } from '../witnesses.js';
import { lastCover, pair, twice } from '../workloads.js';

export const uniqueSeat = defineScenario({
  name: 'restaurant/unique-seat',
  description: 'Every cover has a number, and a primary key gives each number to one booking.',
  schema: schemaWithNumberedCovers,
  seed,
  operations: { bookTable: bookTable(numberedCovers, { attempts: 3 }) },
  workloads: [pair, lastCover, twice],
  invariants: [...bookingInvariants, wholeBookings],
  monitors: bookingMonitors,
  witnesses: [overbookPrevented],
  requires: ['overlap', 'lock-wait', 'sold-out', overbookPrevented.name],
  usage,
  expect: { 'READ COMMITTED': 'holds', 'REPEATABLE READ': 'holds' },
});
