import { always, type Workload } from '../../../src/index.js';
import { seed } from './schema.js';
import { date, operator } from './workloads.js';

/** One guest at six and one at seven, in a restaurant that has room for a second at either. */
export const seedWithTwoSlots = (): string => `${seed({ capacity: 2 })};
INSERT INTO bookings (restaurant_id, date, slot, party_size, idempotency_key, status, source)
  VALUES (1, '${date}', '18:00', 1, 'six', 'active', 'guest'), (1, '${date}', '19:00', 1, 'seven', 'active', 'guest')`;

const move = (bookingId: number, slot: string) => ({ userId: 1, restaurantId: 1, bookingId, date, slot });

/** The two want each other's slot. */
export const swap: Workload = {
  name: 'swap',
  capacity: always(2),
  roles: [
    { ...operator('moveBooking', move(1, '19:00')), name: 'six' },
    { ...operator('moveBooking', move(2, '18:00')), name: 'seven' },
  ],
};
