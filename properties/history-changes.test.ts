import { describe, expect, test } from 'vitest';
import { dependencies } from '../src/history/dependencies.js';
import type { History, RowChange, StepRecord } from '../src/history/history.js';
import type { CommittedState, Row } from '../src/index.js';
import { changesBetween } from '../src/record.js';

/** Rows of a table whose key is `kit`, `day` and `booking`. */
const row = (kit: number, day: number, booking: number, quantity = 1): Row => ({ kit, day, booking, quantity });
const state = (...ledger: Row[]): CommittedState => ({ tables: { ledger }, sequences: {} });
const changes = (before: Row[], after: Row[]) =>
  changesBetween(state(...before), state(...after)).map((change) => [change.before, change.after]);

describe('what a commit changed, in a table whose key has several columns', () => {
  test('a row that came beside others with the same first column', () => {
    expect(changes([row(1, 1, 1)], [row(1, 1, 1), row(1, 1, 2), row(1, 2, 2)])).toEqual([
      [null, row(1, 1, 2)],
      [null, row(1, 2, 2)],
    ]);
  });

  test('rows that changed are known again by most of their first columns', () => {
    expect(changes([row(1, 1, 1), row(1, 2, 1)], [row(1, 1, 1, 5), row(1, 2, 1, 6)])).toEqual([
      [row(1, 1, 1), row(1, 1, 1, 5)],
      [row(1, 2, 1), row(1, 2, 1, 6)],
    ]);
  });

  test('a row that went', () => {
    expect(changes([row(1, 1, 1), row(1, 1, 2)], [row(1, 1, 2)])).toEqual([[row(1, 1, 1), null]]);
  });

  test('nothing, where rows were written as they were', () => {
    expect(changes([row(1, 1, 1)], [row(1, 1, 1)])).toEqual([]);
  });
});

describe('two changed the same row', () => {
  const commit = (name: string, before: Row | null, after: Row | null) =>
    ({
      name,
      kind: 'commit',
      prelude: [],
      text: 'COMMIT',
      outcome: 'done',
      changes: [{ table: 'ledger', before, after } satisfies RowChange],
    }) as unknown as StepRecord;
  const overwrites = (...steps: StepRecord[]) => {
    const { all, transactions } = dependencies({ steps } as unknown as History, steps.length - 1, 'READ COMMITTED');
    return all.map(({ from, to, kind }) => `${transactions[from]!.actor} -${kind}-> ${transactions[to]!.actor}`);
  };

  test('where one found it as the other had left it', () => {
    expect(overwrites(commit('alice', row(1, 1, 1), row(1, 1, 1, 2)), commit('bob', row(1, 1, 1, 2), row(1, 1, 1, 3)))).toEqual([
      'alice -ww-> bob',
    ]);
  });

  test('not where each added a row of its own', () => {
    expect(overwrites(commit('alice', null, row(1, 1, 1)), commit('bob', null, row(1, 1, 2)))).toEqual([]);
  });

  test('not where one took away its own and the other added another', () => {
    expect(overwrites(commit('alice', row(1, 1, 1), null), commit('bob', null, row(1, 1, 2)))).toEqual([]);
  });
});
