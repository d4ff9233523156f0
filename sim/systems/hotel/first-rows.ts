/** The rows that variants begin with: a room type with three nights, and what is held or booked of the first of them. */

interface SeedParameters {
  readonly capacity: number;
}

const dates = ['2026-03-01', '2026-03-02', '2026-03-03'] as const;

interface Counts {
  readonly booked?: number;
  readonly tentative?: number;
}

/** `first` are the counts of the first night; those of the others are 0. */
const inventory = (allotment: number, { booked = 0, tentative = 0 }: Counts = {}): string => {
  const values = dates.map((date, index) => `(1, '${date}', ${allotment}, ${index === 0 ? booked : 0}, ${index === 0 ? tentative : 0})`);
  return `INSERT INTO room_inventory (room_type_id, date, allotment, booked_count, tentative_count) VALUES ${values.join(', ')};`;
};

const hold = (userId: number, expiry: string, status = 'active'): string =>
  `INSERT INTO booking_holds (room_type_id, check_in, check_out, rooms, user_id, hold_expiry, status) VALUES (1, '2026-03-01', '2026-03-02', 1, ${userId}, '${expiry}', '${status}');`;

/** Ten minutes after the start, so that one clock tick is enough; and not on that day. */
export const soon = '2026-01-01T00:10:00.000Z';
export const later = '2026-01-02T00:00:00.000Z';

const booking = (holdId: number): string =>
  `INSERT INTO bookings (hold_id, status) VALUES (${holdId}, 'confirmed'); INSERT INTO booking_details (booking_id, date, rooms) VALUES (${holdId}, '2026-03-01', 1);`;

/** Nothing is held or booked. */
export const seed = ({ capacity }: SeedParameters): string => inventory(capacity);

/** User 1 holds a room of the first night, and not for long. */
export const seedWithHold = ({ capacity }: SeedParameters): string => `${inventory(capacity, { tentative: 1 })} ${hold(1, soon)}`;

/** The same where user 2 holds one, too, and for longer: a count that is one too low is not negative. */
export const seedWithTwoHolds = ({ capacity }: SeedParameters): string =>
  `${inventory(capacity, { tentative: 2 })} ${hold(1, soon)} ${hold(2, later)}`;

/** Users 1 and 2 have booked a room of the first night each. */
export const seedWithTwoBookings = ({ capacity }: SeedParameters): string =>
  `${inventory(capacity, { booked: 2 })} ${hold(1, soon, 'confirmed')} ${hold(2, later, 'confirmed')} ${booking(1)} ${booking(2)}`;

/** User 1's hold where nothing counts. */
export const countedSeed = ({ capacity }: SeedParameters): string =>
  `INSERT INTO room_inventory (room_type_id, date, allotment) VALUES (1, '2026-03-01', ${capacity}); ${hold(1, soon)}`;
