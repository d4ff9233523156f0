import { type Client, type EmittedEvent, isRejection, type Operation, type Rejection } from '../../../src/index.js';
import { violatedConstraint } from '../shared/database-errors.js';
import { type RetryOptions, stale, withRetry } from '../shared/retry.js';
import { type Answer, findByKey, keyConstraint } from './bookings.js';
import { isCapacityConflict, unknownSlot } from './capacity.js';
import { bookingEvent, capacityExceeded } from './events.js';
import { type BookTable, readBookTable } from './requests.js';

/**
 * One attempt at a booking, its transaction included. `stale` asks for another attempt. `admitted` is to be called when the check has let the
 * party through: if the database then refuses and the next look finds the slot full, an overbooking was prevented.
 */
export type BookingStrategy = (client: Client, request: BookTable, admitted: () => void) => Promise<Answer | Rejection | typeof stale>;

/** What every way of booking has in common: the request is checked before any SQL, the key is honoured, conflicts are retried, and dashboards are told. */
export function bookTable(strategy: BookingStrategy, { attempts = 3 }: RetryOptions = {}): Operation {
  return async ({ client, clock, emit }, input: unknown) => {
    const request = readBookTable(clock, input);
    if (isRejection(request)) return request;
    let tried = 0;
    let wasAdmitted = false;
    const result = await withRetry(
      attempts,
      async () => {
        tried += 1;
        return honouringKey(client, request, () =>
          strategy(client, request, () => {
            wasAdmitted = true;
          }),
        );
      },
      { bookings_rule_fkey: () => unknownSlot(request) },
    );
    for (const event of eventsOf(request, result, tried, wasAdmitted)) emit(event);
    return isRejection(result) ? result : result.booking;
  };
}

/** Two requests with one key at once: the constraint refuses the second (23505), and the booking that has the key is its answer, too. */
async function honouringKey<T>(client: Client, request: BookTable, book: () => Promise<T>): Promise<T | Answer | Rejection | typeof stale> {
  try {
    return await book();
  } catch (error) {
    if (violatedConstraint(error) !== keyConstraint) throw error;
    return (await findByKey(client, request)) ?? stale;
  }
}

function eventsOf(request: BookTable, result: Answer | Rejection, tried: number, wasAdmitted: boolean): readonly EmittedEvent[] {
  if (isCapacityConflict(result)) {
    const refused = capacityExceeded(request, result, tried);
    return wasAdmitted ? [bookingEvent('booking.overbook_prevented', request, tried), refused] : [refused];
  }
  if (isRejection(result)) return result.code === 'RETRY_EXHAUSTED' ? [bookingEvent('booking.retry_exhausted', request, tried)] : [];
  return result.isNew ? [bookingEvent('booking.success', request, tried)] : [];
}
