import { type Client, type Clock, isRejection, type Operation, type Rejection } from '../../../src/index.js';
import { type RetryOptions, withRetry } from '../shared/retry.js';
import { inTransaction } from '../shared/transaction.js';
import { findHold, type Hold, holdOf, lockHold, noActiveHold, refuseHold } from './holds.js';
import { changeCounts, lockNights, nightsOf } from './nights.js';
import { type NamedHold, readNamedHold } from './requests.js';

export interface Booked {
  readonly bookingId: number;
  readonly holdId: number;
}

/** One attempt at a confirmation, its transaction included. */
export type Confirmation = (client: Client, request: NamedHold, clock: Clock) => Promise<Booked | Rejection>;

/**
 * The hold is read twice: first for its nights, then under lock for what may have become of it. The clock is read after that, since
 * a hold may expire while its owner waits. What expires from then on expires too late: the sweeper waits for this commit.
 */
const underLock: Confirmation = (client, request, clock) =>
  inTransaction(client, async () => {
    const found = await findHold(client, request);
    if (found === undefined) return noActiveHold(request);
    const hold = holdOf(found);
    await lockNights(client, hold);
    const refused = refuseHold(request, await lockHold(client, hold.id), clock.now());
    return refused ?? book(client, hold);
  });

/** Makes a booking of a hold that is still active and has not expired, and moves its rooms from tentative to booked. */
export const confirmHold = (options: RetryOptions = {}): Operation => confirmHoldWith(underLock, options);

export function confirmHoldWith(confirm: Confirmation, { attempts = 3 }: RetryOptions = {}): Operation {
  return async ({ client, clock }, input: unknown) => {
    const request = readNamedHold(input);
    if (isRejection(request)) return request;
    return withRetry(attempts, () => confirm(client, request, clock), {
      bookings_hold_id_key: () => noActiveHold(request),
    });
  };
}

export async function book(client: Client, hold: Hold): Promise<Booked> {
  await markConfirmed(client, hold);
  await changeCounts(client, hold, { tentative: -hold.rooms, booked: hold.rooms });
  return insertBooking(client, hold);
}

export async function markConfirmed(client: Client, { id }: Hold): Promise<void> {
  await client.query("UPDATE booking_holds SET status = 'confirmed' WHERE id = $1", [id]);
}

/** The booking with a row for each night. */
export async function insertBooking(client: Client, hold: Hold): Promise<Booked> {
  const { rows } = await client.query<{ booking_id: number }>(
    "INSERT INTO bookings (hold_id, status) VALUES ($1, 'confirmed') RETURNING booking_id",
    [hold.id],
  );
  const bookingId = rows[0]!.booking_id;
  const nights = nightsOf(hold);
  const values = nights.map((_night, index) => `($1, $${index + 3}, $2)`);
  await client.query(`INSERT INTO booking_details (booking_id, date, rooms) VALUES ${values.join(', ')}`, [
    bookingId,
    hold.rooms,
    ...nights,
  ]);
  return { bookingId, holdId: hold.id };
}
