import type { Client, Rejection } from '../../../src/index.js';
import { inTransaction } from '../shared/transaction.js';
import { type Confirmation, insertBooking, markConfirmed } from './confirm-hold.js';
import { type HoldStrategy, insertHold, refusal } from './create-hold.js';
import { findHold, type HoldState, holdOf, lockHold, noActiveHold, refuseHold } from './holds.js';
import type { Night } from './nights.js';
import type { CreateHold, NamedHold, Stay } from './requests.js';

/** Holding and confirming where the inventory has no counts: what has expired does not count, and nobody need sweep it. */

interface Counted {
  readonly date: string;
  readonly allotment: number;
}

async function lockCounted(client: Client, { roomTypeId, checkIn, checkOut }: Stay): Promise<readonly Counted[]> {
  const { rows } = await client.query<Counted>(
    'SELECT date, allotment FROM room_inventory WHERE room_type_id = $1 AND date >= $2 AND date < $3 ORDER BY date FOR UPDATE',
    [roomTypeId, checkIn, checkOut],
  );
  return rows;
}

interface Taken {
  readonly check_in: string;
  readonly check_out: string;
  readonly rooms: number;
}

/** Confirmed holds count by themselves, since they are bookings; of the others those that are active and have time left. */
async function takenBy(client: Client, { roomTypeId, checkIn, checkOut }: CreateHold, now: Date): Promise<readonly Taken[]> {
  const { rows } = await client.query<Taken>(
    "SELECT check_in, check_out, rooms FROM booking_holds WHERE room_type_id = $1 AND check_in < $3 AND check_out > $2 AND (status = 'confirmed' OR (status = 'active' AND hold_expiry > $4))",
    [roomTypeId, checkIn, checkOut, now.toISOString()],
  );
  return rows;
}

export const holdCounted: HoldStrategy = (client, request, clock) =>
  inTransaction(client, async () => {
    const locked = await lockCounted(client, request);
    const taken = await takenBy(client, request, clock.now());
    const nights = locked.map(({ date, allotment }): Night => {
      const here = taken.filter(({ check_in, check_out }) => check_in <= date && date < check_out);
      return { date, allotment, booked_count: here.reduce((sum, { rooms }) => sum + rooms, 0), tentative_count: 0 };
    });
    return refusal(request, nights) ?? insertHold(client, request, clock);
  });

/** Whether a hold may be confirmed, as it was found under lock. */
export type MayConfirm = (request: NamedHold, hold: HoldState | undefined, now: Date) => Rejection | undefined;

export const ifNotExpired: MayConfirm = refuseHold;

export function confirmCounted(mayConfirm: MayConfirm): Confirmation {
  return (client, request, clock) =>
    inTransaction(client, async () => {
      const found = await findHold(client, request);
      if (found === undefined) return noActiveHold(request);
      const hold = holdOf(found);
      await lockCounted(client, hold);
      const refused = mayConfirm(request, await lockHold(client, hold.id), clock.now());
      if (refused !== undefined) return refused;
      await markConfirmed(client, hold);
      return insertBooking(client, hold);
    });
}
