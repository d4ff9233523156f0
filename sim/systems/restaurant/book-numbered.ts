import type { Client } from '../../../src/index.js';
import { violatedConstraint } from '../shared/database-errors.js';
import { stale } from '../shared/retry.js';
import { inTransaction } from '../shared/transaction.js';
import type { BookingStrategy } from './book-table.js';
import { findByKey, insertBooking } from './bookings.js';
import { refusal } from './capacity.js';
import { readDay } from './day.js';
import type { BookTable, Sitting } from './requests.js';

/**
 * Takes covers by number, of which a sitting has as many as it has capacity. Two who pick the same number are told apart by its primary key
 * (23505), and the second looks again.
 */
export const numberedCovers: BookingStrategy = async (client, request, admitted) => {
  try {
    return await inTransaction(client, async () => {
      const earlier = await findByKey(client, request);
      if (earlier !== undefined) return earlier;
      const { restaurantId, date, slot, partySize } = request;
      const day = await readDay(client, restaurantId, date);
      const refused = refusal(day, request, partySize);
      if (refused !== undefined) return refused;
      const numbers = lowestFree(await takenNumbers(client, request), partySize);
      // Bookings are seen by one statement and numbers by the next: what was booked in between is there to be looked at again.
      if (numbers.at(-1)! > (day.find((state) => state.slot === slot)!.capacity ?? Number.POSITIVE_INFINITY)) return stale;
      admitted();
      const answer = await insertBooking(client, request);
      await takeCovers(client, request, answer.booking.bookingId, numbers);
      return answer;
    });
  } catch (error) {
    if (violatedConstraint(error) !== 'covers_pkey') throw error;
    return stale;
  }
};

/** Gives these covers of a sitting to a booking. */
export async function takeCovers(client: Client, sitting: Sitting, bookingId: number, numbers: readonly number[]): Promise<void> {
  const rows = numbers.map((_number, index) => `($1, $2, $3, $${index + 5}, $4)`);
  await client.query(`INSERT INTO covers (restaurant_id, date, slot, number, booking_id) VALUES ${rows.join(', ')}`, [
    sitting.restaurantId,
    sitting.date,
    sitting.slot,
    bookingId,
    ...numbers,
  ]);
}

async function takenNumbers(client: Client, { restaurantId, date, slot }: BookTable): Promise<ReadonlySet<number>> {
  const { rows } = await client.query<{ number: number }>(
    'SELECT number FROM covers WHERE restaurant_id = $1 AND date = $2 AND slot = $3 ORDER BY number',
    [restaurantId, date, slot],
  );
  return new Set(rows.map(({ number }) => number));
}

function lowestFree(taken: ReadonlySet<number>, count: number): number[] {
  const free: number[] = [];
  for (let number = 1; free.length < count; number++) if (!taken.has(number)) free.push(number);
  return free;
}
