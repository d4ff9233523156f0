import type { Client, Rejection } from '../../../src/index.js';
import { reject } from '../shared/rejections.js';
import type { NamedHold, Stay } from './requests.js';

/** What never changes about a hold. */
export interface Hold extends Stay {
  readonly id: number;
}

/** What does, or what time does to it. */
export interface HoldState {
  readonly hold_expiry: Date | string;
  readonly status: string;
}

export interface HoldRow extends HoldState {
  readonly id: number;
  readonly room_type_id: number;
  readonly check_in: string;
  readonly check_out: string;
  readonly rooms: number;
}

export const holdColumns = 'id, room_type_id, check_in, check_out, rooms, hold_expiry, status';

export function holdOf({ id, room_type_id, check_in, check_out, rooms }: HoldRow): Hold {
  return { id, roomTypeId: room_type_id, checkIn: check_in, checkOut: check_out, rooms };
}

/** Somebody's hold, without a lock: good for its nights, which never change, and for nothing else. */
export async function findHold(client: Client, { userId, holdId }: NamedHold): Promise<HoldRow | undefined> {
  return (await client.query<HoldRow>(`SELECT ${holdColumns} FROM booking_holds WHERE id = $1 AND user_id = $2`, [holdId, userId])).rows[0];
}

/** The hold as it is now and will stay until the commit. */
export async function lockHold(client: Client, holdId: number): Promise<HoldState | undefined> {
  return (await client.query<HoldState>('SELECT hold_expiry, status FROM booking_holds WHERE id = $1 FOR UPDATE', [holdId])).rows[0];
}

/** A hold has expired from the moment of `hold_expiry` on, for the sweeper and for everybody else. */
export function hasExpired({ hold_expiry }: HoldState, now: Date): boolean {
  return new Date(hold_expiry) <= now;
}

/** Why a hold must not be confirmed; undefined where it may. */
export function refuseHold(request: NamedHold, hold: HoldState | undefined, now: Date): Rejection | undefined {
  if (hold?.status === 'active' && !hasExpired(hold, now)) return undefined;
  if (hold?.status === 'active' || hold?.status === 'expired') return reject('HOLD_EXPIRED', `hold ${request.holdId} has expired`);
  return noActiveHold(request);
}

export function noActiveHold({ userId, holdId }: NamedHold): Rejection {
  return reject('NOT_FOUND', `user ${userId} has no active hold ${holdId}`);
}

/** The end of an active hold; false where it is not active any more. */
export async function endHold(client: Client, holdId: number, status: 'released' | 'expired'): Promise<boolean> {
  const { rowCount } = await client.query("UPDATE booking_holds SET status = $2 WHERE id = $1 AND status = 'active'", [holdId, status]);
  return rowCount === 1;
}
