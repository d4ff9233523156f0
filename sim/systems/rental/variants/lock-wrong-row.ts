import { checkedBooking, createBooking } from '../create-booking.js';
import { schemaWithUsers, seedWithUsers } from '../schema.js';
import { withoutLock } from '../strategies.js';
import { twoUsers } from '../workloads.js';
import { defineRental } from './define.js';

/** A lock that keeps a user from booking twice by a double click, and keeps no two users apart. */
const strategy = checkedBooking(async (client, request) => {
  await client.query('SELECT id FROM users WHERE id = $1 FOR UPDATE', [request.userId]);
  return withoutLock(client, request);
});

export const lockWrongRow = defineRental({
  name: 'rental/lock-wrong-row',
  description: "Locks the booker's own row FOR UPDATE and not the package's.",
  schema: schemaWithUsers,
  seed: seedWithUsers,
  operations: { createBooking: createBooking(strategy, { attempts: 2 }) },
  workloads: [twoUsers],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'lock on the wrong row',
    anomaly: 'write skew',
    leastActors: 2,
    seenIn: 'hoangdaochuz/booking#27',
    fix: 'rental/ledger',
  },
});
