import type { Witness } from '../../../src/index.js';
import * as cycle from '../shared/monitors/cycle-witnesses.js';
import type { EventView } from './event-view.js';

export const bookingDuringBackup = cycle.bookingDuringBackup('bookSeats');
export const bookerWaitsDuringRestore = cycle.bookerWaitsDuringRestore('bookSeats');

/** A visitor is shown more seats than are left. */
export const staleView: Witness = {
  name: 'stale-view',
  seen: ({ committed, finished, operation }) => {
    if (operation !== 'viewEvent' || finished === null || !('value' in finished)) return false;
    const { id, availableSeats } = finished.value as Partial<EventView>;
    const event = committed.tables.events!.find((row) => row.id === id);
    return event !== undefined && Number(availableSeats) > Number(event.available_seats);
  },
};

/** A visitor is answered although the cache is down. */
export const viewWithoutCache: Witness = {
  name: 'view-without-cache',
  seen: ({ code, finished, kind, operation }) =>
    operation === 'viewEvent' && kind === 'cache' && code === 'ECONNREFUSED' && finished !== null && 'value' in finished,
};
