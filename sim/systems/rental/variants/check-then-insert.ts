import { checkedBooking, createBooking } from '../create-booking.js';
import { withoutLock } from '../strategies.js';
import { pair } from '../workloads.js';
import { defineRental } from './define.js';

export const checkThenInsert = defineRental({
  name: 'rental/check-then-insert',
  description: 'Counts every day by the ledger and books where there is room, in one transaction, without a lock.',
  operations: { createBooking: createBooking(checkedBooking(withoutLock), { attempts: 2 }) },
  workloads: [pair],
  // At SERIALIZABLE, where every writer runs there, PostgreSQL refuses one of the two.
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated', SERIALIZABLE: 'holds' },
  zoo: {
    class: 'check-then-insert without a lock',
    anomaly: 'write skew',
    leastActors: 2,
    seenIn: 'elabftw/elabftw#6909 (GHSA-mpcq-p889-qcv2); calcom/cal.diy#28151',
    fix: 'rental/ledger',
  },
});
