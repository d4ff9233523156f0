import { type Client, type Clock, isRejection, type Operation, type Rejection } from '../../../src/index.js';
import { reject } from '../shared/rejections.js';
import { type RetryOptions, withRetry } from '../shared/retry.js';
import { inTransaction } from '../shared/transaction.js';
import { capacityConflict, capacityExceeded, isCapacityConflict } from './capacity.js';
import { changeCounts, lockNights, type Night, nightsOf } from './nights.js';
import { type CreateHold, readCreateHold } from './requests.js';

/** Long enough to find a credit card. */
export const holdMs = 15 * 60_000;

export interface Held {
  readonly holdId: number;
  /** ISO 8601 in UTC. */
  readonly expiresAt: string;
}

/** One attempt at a hold, its transaction included. */
export type HoldStrategy = (client: Client, request: CreateHold, clock: Clock) => Promise<Held | Rejection>;

/** Reads the nights of a stay and keeps others away from them until the commit: how, is what tells strategies apart. */
export type ReadNights = (client: Client, request: CreateHold) => Promise<readonly Night[]>;

/** One transaction: the nights, a check of each, the counts, the hold. */
export function checkedHold(readNights: ReadNights): HoldStrategy {
  return (client, request, clock) =>
    inTransaction(client, async () => {
      const refused = refusal(request, await readNights(client, request));
      if (refused !== undefined) return refused;
      await changeCounts(client, request, { tentative: request.rooms });
      return insertHold(client, request, clock);
    });
}

const underLock: HoldStrategy = checkedHold(lockNights);

/** Locks the nights' inventory in the order of dates, checks every night, and holds the rooms for a quarter of an hour. */
export const createHold = (options: RetryOptions = {}): Operation => createHoldWith(underLock, options);

/** What every way of holding has in common: the request is checked before any SQL, conflicts are retried, a full night is reported. */
export function createHoldWith(strategy: HoldStrategy, { attempts = 3 }: RetryOptions = {}): Operation {
  return async ({ client, clock, emit }, input: unknown) => {
    const request = readCreateHold(clock, input);
    if (isRejection(request)) return request;
    const result = await withRetry(attempts, () => strategy(client, request, clock), {
      room_inventory_within_allotment: () => capacityConflict(request, { date: null, usage: null, capacity: null }),
    });
    if (isCapacityConflict(result)) emit(capacityExceeded(request, result));
    return result;
  };
}

/** Why a hold must be refused; undefined where every night has rooms for it. */
export function refusal(request: CreateHold, nights: readonly Night[]): Rejection | undefined {
  const missing = nightsOf(request).find((date) => !nights.some((night) => night.date === date));
  if (missing !== undefined) return reject('NOT_FOUND', `there are no rooms of type ${request.roomTypeId} for the night of ${missing}`);
  const full = nights.find((night) => usageOf(night) + request.rooms > night.allotment);
  return full && capacityConflict(request, { date: full.date, usage: usageOf(full), capacity: full.allotment });
}

const usageOf = ({ booked_count, tentative_count }: Night): number => booked_count + tentative_count;

/** The time of expiry counts from here: whoever had to wait for the lock does not lose that time. */
export async function insertHold(client: Client, request: CreateHold, clock: Clock): Promise<Held> {
  const { roomTypeId, checkIn, checkOut, rooms, userId } = request;
  const expiresAt = new Date(clock.now().getTime() + holdMs).toISOString();
  const { rows } = await client.query<{ id: number }>(
    "INSERT INTO booking_holds (room_type_id, check_in, check_out, rooms, user_id, hold_expiry, status) VALUES ($1, $2, $3, $4, $5, $6, 'active') RETURNING id",
    [roomTypeId, checkIn, checkOut, rooms, userId, expiresAt],
  );
  return { holdId: rows[0]!.id, expiresAt };
}
