/** Why nobody notices that a safeguard is gone, where that does not follow from other mutations. The first that fits counts. */
import type { MutationResult } from './mutations.js';

/** `needless`: nothing that is checked rests on it. `hole`: something may rest on it, and no workload, invariant or monitor of the variant asks. */
export interface Explanation {
  readonly kind: 'needless' | 'hole';
  readonly why: string;
}

interface Known extends Explanation {
  readonly fits: (result: MutationResult) => boolean;
}

const of =
  (variants: RegExp, operation: string | null, what: string) =>
  (result: MutationResult): boolean =>
    variants.test(result.variant) && result.operation === operation && result.what.startsWith(what);

const KNOWN: readonly Known[] = [
  {
    fits: of(/^events\//, 'cancelBooking', 'FOR UPDATE'),
    kind: 'needless',
    why: 'The UPDATE of the booking decides by its status, and the counter is changed relatively. The lock settles the order of locks beside a restore, and no outcome',
  },
  {
    fits: of(/^events\/backup-restore/, 'bookSeats', 'available_seats'),
    kind: 'hole',
    why: 'There is one booker, for whom there is room. `events/conditional` has more of them',
  },
  {
    fits: of(/^hotel\/holds/, 'expireHolds', 'FOR UPDATE'),
    kind: 'needless',
    why: 'The UPDATE of the hold decides by its status, and the counts are changed relatively. The lock settles the order of locks',
  },
  {
    fits: of(/^hotel\/ends-of-holds/, 'releaseHold', 'FOR UPDATE'),
    kind: 'needless',
    why: 'As for `expireHolds` in `hotel/holds`',
  },
  {
    fits: of(/^hotel\/cancellation/, 'cancelBooking', 'FOR UPDATE'),
    kind: 'needless',
    why: 'The UPDATE of the booking decides by its status. The lock settles the order of locks',
  },
  {
    fits: of(/^hotel\/counted/, 'confirmHold', 'FOR UPDATE of booking_holds'),
    kind: 'needless',
    why: 'Whoever changes a hold of these nights has locked the nights first',
  },
  {
    fits: of(/^restaurant\/(serializable|locked-rule)/, 'cancelBooking', "status = 'active'"),
    kind: 'needless',
    why: 'There is no counter: a booking that is cancelled twice is as cancelled as before',
  },
  {
    fits: of(/^restaurant\/serializable/, 'setOverride', 'FOR UPDATE'),
    kind: 'needless',
    why: 'The level does its work. The host’s code is shared with `restaurant/locked-rule`, where the lock is missed',
  },
  {
    fits: of(/^restaurant\/idempotent-retry/, 'bookAgain', 'FOR UPDATE'),
    kind: 'hole',
    why: 'There is room for everybody: the variant is about keys. `restaurant/locked-rule` is about the lock',
  },
  {
    fits: of(/^restaurant\/ordered-locks/, 'moveBooking', ''),
    kind: 'hole',
    why: 'No workload moves one booking twice, or cancels it meanwhile',
  },
  {
    fits: of(/^restaurant\/backup-restore/, 'backup', 'ISOLATION LEVEL'),
    kind: 'hole',
    why: 'While a backup runs, the workload changes one table only. In the other systems the same code without its level is found (`backup-content`)',
  },
  {
    fits: of(/^restaurant\/backup-restore/, 'restore', 'ISOLATION LEVEL'),
    kind: 'hole',
    why: 'The one booker is alone with the restore of a backup without bookings, and the foreign key tells. `restaurant/restore-read-committed` is this mutation without that key, in a workload that shows it',
  },
  {
    fits: of(/./, null, 'PRIMARY KEY'),
    kind: 'needless',
    why: 'No operation inserts a row with a key that may be there already',
  },
  {
    fits: of(/./, null, 'all constraints of kind CHECK'),
    kind: 'needless',
    why: 'As long as the rest is in place, no operation writes what they refuse',
  },
  {
    fits: (result) => result.operation === null && result.what.includes('FOREIGN KEY'),
    kind: 'needless',
    why: 'No operation deletes, or changes the key of, a row to which others refer',
  },
];

/** Null where it is not known. */
export const explanationOf = (result: MutationResult): Explanation | null => KNOWN.find(({ fits }) => fits(result)) ?? null;
