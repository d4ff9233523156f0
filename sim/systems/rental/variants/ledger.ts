import { cancelBooking } from '../cancel-booking.js';
import { changeCapacity } from '../change-capacity.js';
import { createBooking } from '../create-booking.js';
import { ledger as strategy } from '../strategies.js';
import { cancellation, overlapping, pair, sale } from '../workloads.js';
import { defineRental } from './define.js';

export const ledger = defineRental({
  name: 'rental/ledger',
  description: "Locks the package's row FOR UPDATE, counts every day by the ledger, then books.",
  operations: {
    createBooking: createBooking(strategy, { attempts: 2 }),
    cancelBooking: cancelBooking({ attempts: 2 }),
    changeCapacity: changeCapacity({ attempts: 2 }),
  },
  workloads: [pair, overlapping, { ...cancellation, levels: ['READ COMMITTED'] }, { ...sale, levels: ['READ COMMITTED'] }],
  requires: ['overlap', 'lock-wait', 'sold-out'],
  // At REPEATABLE READ the snapshot is older than the lock, and what was locked has not changed: nothing tells.
  expect: { 'READ COMMITTED': 'holds', 'REPEATABLE READ': 'violated' },
});
