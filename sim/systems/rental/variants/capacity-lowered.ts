import { changeCapacity } from '../change-capacity.js';
import { createBooking } from '../create-booking.js';
import { ledger } from '../strategies.js';
import { sale } from '../workloads.js';
import { defineRental } from './define.js';

export const capacityLowered = defineRental({
  name: 'rental/capacity-lowered',
  description: 'Lowers the capacity after a look at what is booked, without a lock: a booking comes between look and change.',
  operations: { createBooking: createBooking(ledger, { attempts: 2 }), changeCapacity: changeCapacity({ attempts: 2, lock: '' }) },
  workloads: [sale],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'capacity lowered below what is booked',
    anomaly: 'write skew',
    leastActors: 2,
    seenIn: 'neveroversell, outcomes',
    fix: 'rental/ledger',
  },
});
