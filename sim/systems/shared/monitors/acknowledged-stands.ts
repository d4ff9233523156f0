import type { Monitor } from '../../../../src/index.js';
import { type IdColumn, rowIds, succeeded, withElement } from './cycle.js';

/** What was acknowledged is there from then on, whatever happens. For workloads without a restore, which takes newer rows away by nature. */
export function acknowledgedStands(rows: IdColumn, acknowledged: (value: unknown) => number | null): Monitor {
  return {
    name: 'acknowledged-stands',
    initial: (): readonly number[] => [],
    observe: (told: readonly number[], event): readonly number[] => {
      const id = acknowledged(succeeded(event)?.value);
      return id === null ? told : withElement(told, id);
    },
    violations: (told: readonly number[], committed) => {
      const there = rowIds(committed, rows);
      return told
        .filter((id) => !there.has(id))
        .map((id) => ({ resource: `${rows.table} ${id}`, message: 'was acknowledged, and is not there' }));
    },
  };
}
