import type { Client, Rejection } from '../../../src/index.js';
import { type Answer, findByKey, insertBooking } from './bookings.js';
import { refusal, unknownSlot } from './capacity.js';
import { readDay, type SlotState } from './day.js';
import { lockRule } from './locks.js';
import type { BookTable } from './requests.js';

/**
 * What every booking does inside its transaction: the key first, since an order that has its booking is answered with that however full the
 * slot is by now; then the day; then the row. Whether what was read is still true at the commit is for the transaction around it to see to.
 */
export async function checkAndInsert(client: Client, request: BookTable, admitted: () => void): Promise<Answer | Rejection> {
  return (await findByKey(client, request)) ?? insertIfRoom(client, request, admitted);
}

/** The same under a lock on the slot's rule. */
export async function lockCheckAndInsert(client: Client, request: BookTable, admitted: () => void): Promise<Answer | Rejection> {
  const isThere = await lockRule(client, request.restaurantId, request.slot);
  return isThere ? checkAndInsert(client, request, admitted) : unknownSlot(request);
}

/** `corrected` is for those who know better than the tables how full a slot is. */
export async function insertIfRoom(
  client: Client,
  request: BookTable,
  admitted: () => void,
  corrected: (state: SlotState) => SlotState = (state) => state,
): Promise<Answer | Rejection> {
  const day = (await readDay(client, request.restaurantId, request.date)).map((state) =>
    state.slot === request.slot ? corrected(state) : state,
  );
  const refused = refusal(day, request, request.partySize);
  if (refused !== undefined) return refused;
  admitted();
  return insertBooking(client, request);
}
