import { checkedBooking, createBooking } from '../create-booking.js';
import { serializable, withoutLock } from '../strategies.js';
import { atTheDesk } from '../workloads.js';
import { defineRental } from './define.js';

export const mixedLevels = defineRental({
  name: 'rental/mixed-levels',
  description:
    "Books at SERIALIZABLE on the web, and at the desk at whatever level the session has: PostgreSQL looks at the web's conflicts only.",
  operations: {
    createBooking: createBooking(serializable, { attempts: 2 }),
    bookAtDesk: createBooking(checkedBooking(withoutLock), { attempts: 2 }),
  },
  workloads: [atTheDesk],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated', SERIALIZABLE: 'holds' },
  zoo: {
    class: 'one path SERIALIZABLE and one not',
    anomaly: 'write skew',
    leastActors: 2,
    seenIn: 'PostgreSQL, README-SSI',
    fix: 'rental/serializable',
  },
});
