import { type Client, isRejection, type Operation, type Rejection } from '../../../src/index.js';
import { daysOf } from '../shared/days.js';
import { reject } from '../shared/rejections.js';
import { type RetryOptions, type stale, withRetry } from '../shared/retry.js';
import { inTransaction } from '../shared/transaction.js';
import { capacityConflict, capacityExceeded, isCapacityConflict } from './capacity.js';
import { type CreateBooking, readCreateBooking } from './requests.js';
import { fullestDay, usageByDay } from './usage-by-day.js';

export interface Booked {
  readonly bookingId: number;
  readonly packageId: number;
}

/** One attempt at a booking, its transaction included. `stale` asks for another attempt. */
export type BookingStrategy = (client: Client, request: CreateBooking) => Promise<Booked | Rejection | typeof stale>;

/** Reads a package's capacity and keeps other bookings of it away until the commit: how, is what tells strategies apart. */
export type ReadCapacity = (client: Client, request: CreateBooking) => Promise<number | undefined>;

/** What every way of booking has in common: the request is checked before any SQL, conflicts are retried, a full day is reported. */
export function createBooking(strategy: BookingStrategy, { attempts = 3 }: RetryOptions = {}): Operation {
  return async ({ client, clock, emit }, input: unknown) => {
    const request = readCreateBooking(clock, input);
    if (isRejection(request)) return request;
    const result = await withRetry(attempts, () => strategy(client, request), {
      bookings_package_id_fkey: () => unknownPackage(request.packageId),
    });
    if (isCapacityConflict(result)) emit(capacityExceeded(request, result));
    return result;
  };
}

/** One transaction: capacity, then usage, then the booking with its ledger rows; rolled back where any day is full. */
export function checkedBooking(readCapacity: ReadCapacity, begin = 'BEGIN'): BookingStrategy {
  return (client, request) =>
    inTransaction(
      client,
      async () => {
        const capacity = await readCapacity(client, request);
        if (capacity === undefined) return unknownPackage(request.packageId);
        return (await refusal(client, request, capacity)) ?? insertBooking(client, request);
      },
      begin,
    );
}

/** Reads the capacity by a query that names the package as $1, and locks its row or not. */
export const capacityBy =
  (sql: string): ReadCapacity =>
  async (client, { packageId }) =>
    (await client.query<{ capacity: number }>(sql, [packageId])).rows[0]?.capacity;

export function unknownPackage(packageId: number): Rejection {
  return reject('NOT_FOUND', `there is no package ${packageId}`);
}

/** Why a booking must be refused; undefined where every day has room for it. */
export async function refusal(client: Client, request: CreateBooking, capacity: number): Promise<Rejection | undefined> {
  return refuseAt(request, capacity, await usageByDay(client, request.packageId, request));
}

export function refuseAt(request: CreateBooking, capacity: number, usage: ReadonlyMap<string, number>): Rejection | undefined {
  const { day, usage: used } = fullestDay(usage) ?? { day: request.startDate, usage: 0 };
  if (used + request.quantity <= capacity) return undefined;
  return capacityConflict(request.packageId, `fewer than ${request.quantity} left`, { day, usage: used, capacity });
}

/** The booking waits for its payment, and takes its place in the ledger from now on. */
export async function insertBooking(client: Client, request: CreateBooking): Promise<Booked> {
  const { packageId, userId, startDate, endDate, quantity } = request;
  const { rows } = await client.query<{ id: number }>(
    "INSERT INTO bookings (package_id, user_id, start_date, end_date, quantity, status) VALUES ($1, $2, $3, $4, $5, 'pending') RETURNING id",
    [packageId, userId, startDate, endDate, quantity],
  );
  const bookingId = rows[0]!.id;
  await insertLedgerRows(client, bookingId, request);
  return { bookingId, packageId };
}

/** One row a day, in one statement. */
export async function insertLedgerRows(
  client: Client,
  bookingId: number,
  { packageId, startDate, endDate, quantity }: Omit<CreateBooking, 'userId'>,
): Promise<void> {
  const days = daysOf(startDate, endDate);
  const values = days.map((_day, index) => `($1, $${index + 4}, $2, $3)`);
  await client.query(`INSERT INTO equipment_availability (package_id, day, booking_id, quantity) VALUES ${values.join(', ')}`, [
    packageId,
    bookingId,
    quantity,
    ...days,
  ]);
}
