import { isRejection, type Witness } from '../../../src/index.js';
import { succeeded } from '../shared/monitors/cycle.js';

/** A guest came too late to confirm. */
export const expiredHold: Witness = {
  name: 'expired-hold',
  seen: ({ finished }) => finished !== null && 'value' in finished && isRejection(finished.value) && finished.value.code === 'HOLD_EXPIRED',
};

/** The sweeper gave rooms back. */
export const sweptHold: Witness = {
  name: 'swept-hold',
  seen: (event) => {
    const value = succeeded(event)?.value as { readonly expired?: readonly number[] } | undefined;
    return (value?.expired?.length ?? 0) > 0;
  },
};

/** A restore ended a hold that had expired since its backup. */
export const sweptByRestore: Witness = {
  name: 'swept-by-restore',
  seen: (event) =>
    event.operation === 'restore' &&
    succeeded(event) !== null &&
    (event.committed.tables.booking_holds ?? []).some(({ status }) => status === 'expired'),
};
