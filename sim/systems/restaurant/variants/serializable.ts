import { defineScenario } from '../../../../src/index.js';
import { acknowledgedStatus } from '../../shared/monitors/acknowledged-status.js';
import { serializable as strategy } from '../book-serializable.js';
import { bookTable } from '../book-table.js';
import { cancelBooking } from '../cancel-booking.js';
import { bookingInvariants, usage } from '../invariants.js';
import { bookingMonitors } from '../monitors.js';
import { schema, seed } from '../schema.js';
import { setOverride } from '../set-override.js';
import { alternativeOffered, overbookPrevented } from '../witnesses.js';
import { cancellation, lastCover, overriding, pair, tenants, twice } from '../workloads.js';

const begin = 'BEGIN ISOLATION LEVEL SERIALIZABLE';

export const serializable = defineScenario({
  name: 'restaurant/serializable',
  description: 'Counts and inserts at SERIALIZABLE, and runs the whole transaction again when the database refuses.',
  schema,
  seed,
  operations: {
    bookTable: bookTable(strategy, { attempts: 3 }),
    cancelBooking: cancelBooking(),
    setOverride: setOverride({ attempts: 3, begin }),
  },
  workloads: [pair, cancellation, overriding, tenants, lastCover, twice],
  invariants: bookingInvariants,
  monitors: [...bookingMonitors, acknowledgedStatus('cancelledBookingId', 'cancelled')],
  witnesses: [overbookPrevented, alternativeOffered],
  requires: ['overlap', 'sold-out', 'serialization-failure', overbookPrevented.name, alternativeOffered.name],
  usage,
  // The operations name their level; the session's default is what only a cancellation runs at.
  expect: { 'READ COMMITTED': 'holds' },
});
