import { isRejection, type Operation } from '../../../../src/index.js';
import { inTransaction } from '../../shared/transaction.js';
import { capacityConflict } from '../capacity.js';
import { type Held, insertHold } from '../create-hold.js';
import { acknowledgedHolds } from '../monitors.js';
import { type CreateHold, readCreateHold } from '../requests.js';
import { oppositeOrders } from '../workloads.js';
import { defineHotel } from './define.js';

/**
 * The nights come as the guest's calendar has sent them. Two who want the same nights the other way round lock each other out, and
 * the one whom PostgreSQL picks (40P01) is told what he would have been told: "deadlocks resolve themselves".
 */
const createHold: Operation = async ({ client, clock }, input: CreateHold & { readonly nights: readonly string[] }) => {
  const request = readCreateHold(clock, input);
  if (isRejection(request)) return request;
  let held: Held | undefined;
  const take = async (date: string) => {
    const { rowCount } = await client.query(
      'UPDATE room_inventory SET tentative_count = tentative_count + $3 WHERE room_type_id = $1 AND date = $2 AND booked_count + tentative_count + $3 <= allotment',
      [request.roomTypeId, date, request.rooms],
    );
    return rowCount === 1;
  };
  try {
    return await inTransaction(client, async () => {
      held = await insertHold(client, request, clock);
      for (const date of input.nights) if (!(await take(date))) return capacityConflict(request, { date, usage: null, capacity: null });
      return held;
    });
  } catch {
    return held;
  }
};

export const requestOrder = defineHotel({
  name: 'hotel/request-order',
  description: 'Takes the nights in the order in which they were asked for, and takes no notice of a deadlock.',
  operations: { createHold },
  workloads: [oppositeOrders],
  monitors: [acknowledgedHolds],
  requires: ['overlap', 'lock-wait', 'deadlock'],
  expect: { 'READ COMMITTED': 'violated', 'REPEATABLE READ': 'violated' },
  zoo: {
    class: 'locks in inconsistent order, the deadlock swallowed',
    anomaly: 'a hold that was acknowledged and is not there',
    leastActors: 2,
    seenIn: 'neveroversell, design notes',
    fix: 'hotel/nights',
  },
});
