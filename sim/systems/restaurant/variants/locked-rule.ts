import { defineScenario } from '../../../../src/index.js';
import { acknowledgedStatus } from '../../shared/monitors/acknowledged-status.js';
import { lockedRule as strategy } from '../book-locked.js';
import { bookTable } from '../book-table.js';
import { cancelBooking } from '../cancel-booking.js';
import { bookingInvariants, usage } from '../invariants.js';
import { bookingMonitors } from '../monitors.js';
import { schema, seed } from '../schema.js';
import { setOverride } from '../set-override.js';
import { cancellation, lastCover, overriding, pair, tenants, twice } from '../workloads.js';

export const lockedRule = defineScenario({
  name: 'restaurant/locked-rule',
  description: "Locks the slot's capacity rule FOR UPDATE, then looks at override and bookings, and inserts.",
  schema,
  seed,
  operations: {
    bookTable: bookTable(strategy, { attempts: 2 }),
    cancelBooking: cancelBooking(),
    setOverride: setOverride({ attempts: 2 }),
  },
  workloads: [pair, cancellation, overriding, tenants, lastCover, twice],
  invariants: bookingInvariants,
  monitors: [...bookingMonitors, acknowledgedStatus('cancelledBookingId', 'cancelled')],
  requires: ['overlap', 'lock-wait', 'sold-out'],
  usage,
  zoo: {
    class: 'lock, then count, at REPEATABLE READ',
    anomaly: 'write skew: the snapshot is older than the lock',
    leastActors: 2,
    seenIn: 'Hermitage, G2; PostgreSQL manual 13.2.2',
    fix: 'restaurant/serializable',
  },
  // A lock changes no row, so REPEATABLE READ takes the lock and counts with the snapshot that it had before it waited.
  expect: { 'READ COMMITTED': 'holds', 'REPEATABLE READ': 'violated' },
});
