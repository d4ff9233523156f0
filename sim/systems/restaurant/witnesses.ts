import type { StepEvent, Witness } from '../../../src/index.js';
import * as cycle from '../shared/monitors/cycle-witnesses.js';

const emitted = (type: string) => (event: StepEvent) => event.events.some((emittedEvent) => emittedEvent.type === type);

/** A party was let through by the check, and refused by the database. */
export const overbookPrevented: Witness = { name: 'overbook-prevented', seen: emitted('booking.overbook_prevented') };

/** A key was refused by its constraint, and the request answered with the booking that has it. */
export const keyRefused: Witness = {
  name: 'key-refused',
  seen: (event) => event.outcome === 'failed' && event.code === '23505',
};

/** A refused party was offered another slot. */
export const alternativeOffered: Witness = {
  name: 'alternative-offered',
  seen: ({ finished }) => {
    const value =
      finished !== null && 'value' in finished ? (finished.value as { readonly alternatives?: readonly string[] } | null) : null;
    return (value?.alternatives?.length ?? 0) > 0;
  },
};

export const bookerWaitsDuringRestore = cycle.bookerWaitsDuringRestore('bookTable');
