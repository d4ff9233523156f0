import { describe, expect, test } from 'vitest';
import { cancelledOnce, capacity, ledger, ledgerWhereThereIsOne, noOrphans, usage } from '../sim/systems/rental/invariants.js';
import type { CommittedState, Invariant, StepEvent } from '../src/index.js';

const kit = { id: 1, name: 'Camera kit', capacity: 2 };
const booking = { id: 1, package_id: 1, user_id: 7, start_date: '2026-03-01', end_date: '2026-03-02', quantity: 2, status: 'pending' };
const rows = ['2026-03-01', '2026-03-02'].map((day) => ({ package_id: 1, day, booking_id: 1, quantity: 2 }));

const state = (bookings: readonly object[], equipment_availability: readonly object[], packages: readonly object[] = [kit]) =>
  ({ tables: { packages, bookings, equipment_availability }, sequences: {} }) as unknown as CommittedState;
const found = (invariant: Invariant, committed: CommittedState) => invariant.check!(committed).map(({ resource }) => resource);

test('usage is that of the fullest day, the last day of each window included, without what is cancelled', () => {
  const other = { ...booking, id: 2, start_date: '2026-03-02', end_date: '2026-03-03', quantity: 1 };
  const cancelled = { ...booking, id: 3, status: 'cancelled' };
  expect(usage(state([other, booking, cancelled], [], [kit, { ...kit, id: 2 }]))).toEqual([
    { resource: 'package 1', used: 3, capacity: 2 },
    { resource: 'package 2', used: 0, capacity: 2 },
  ]);
});

describe('capacity', () => {
  test('is violated on the days on which more is booked than there is, and on no other', () => {
    const other = { ...booking, id: 2, start_date: '2026-03-02', quantity: 1 };
    expect(found(capacity, state([booking, other], rows))).toEqual(['package 1 on 2026-03-02']);
  });

  test('holds where a package is full', () => {
    expect(found(capacity, state([booking], rows))).toEqual([]);
  });
});

describe('ledger', () => {
  test.each<[string, CommittedState, string[]]>([
    ['holds where it is what the bookings say', state([booking], rows), []],
    ['holds where a booking is cancelled and its rows are gone', state([{ ...booking, status: 'cancelled' }], []), []],
    ['lacks a day', state([booking], rows.slice(0, 1)), ['booking 1, package 1 on 2026-03-02']],
    ['has a day too many', state([{ ...booking, end_date: '2026-03-01' }], rows), ['booking 1, package 1 on 2026-03-02']],
    [
      'has another quantity',
      state([{ ...booking, quantity: 1, end_date: '2026-03-01' }], rows.slice(0, 1)),
      ['booking 1, package 1 on 2026-03-01'],
    ],
    ['has what is cancelled', state([{ ...booking, status: 'cancelled' }], rows.slice(0, 1)), ['booking 1, package 1 on 2026-03-01']],
    [
      'has another package',
      state([{ ...booking, end_date: '2026-03-01' }], [{ ...rows[0], package_id: 2 }]),
      ['booking 1, package 1 on 2026-03-01', 'booking 1, package 2 on 2026-03-01'],
    ],
  ])('%s', (_what, committed, resources) => {
    expect(found(ledger, committed)).toEqual(resources);
  });

  test('asks nothing of bookings without any rows where there are such, and all of the others', () => {
    const legacy = { ...booking, id: 2 };
    expect(found(ledgerWhereThereIsOne, state([booking, legacy], rows))).toEqual([]);
    expect(found(ledger, state([booking, legacy], rows))).toHaveLength(2);
    expect(found(ledgerWhereThereIsOne, state([booking, legacy], rows.slice(1)))).toEqual(['booking 1, package 1 on 2026-03-01']);
  });
});

test('no-orphans is violated by a ledger row without its booking, and a booking without its package', () => {
  expect(found(noOrphans, state([booking], rows))).toEqual([]);
  expect(found(noOrphans, state([], rows.slice(0, 1)))).toEqual(['booking 1']);
  expect(found(noOrphans, state([booking], rows, []))).toEqual(['booking 1']);
});

test('cancelled-once is violated by a second acknowledgement of one cancellation, not by a refusal or another booking', () => {
  const told = (value: unknown) => ({ finished: { value } }) as StepEvent;
  const after = (...values: unknown[]) =>
    cancelledOnce.violations(values.map(told).reduce<unknown>(cancelledOnce.observe, cancelledOnce.initial(state([], []))), state([], []));
  const cancelled = { cancelledBookingId: 1, packageId: 1 };
  expect(after(cancelled, { rejected: true, cancelledBookingId: 1 }, { ...cancelled, cancelledBookingId: 2 })).toEqual([]);
  expect(after(cancelled, cancelled)).toMatchObject([{ resource: 'booking 1' }]);
});
