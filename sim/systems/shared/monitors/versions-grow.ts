import type { Monitor } from '../../../../src/index.js';
import { succeeded, withElement, withEntry } from './cycle.js';

export interface VersionColumn {
  /** Name of the restore operation. */
  readonly restore: string;
  readonly table: string;
  readonly column: string;
}

interface State {
  /** The highest version that was ever committed, by row id. */
  readonly highest: Readonly<Record<string, number>>;
  readonly reused: readonly string[];
}

/**
 * A row's version never goes back, and a restore raises it above all that were handed out: whoever read a version before the
 * restore must not find it again on another content (ABA).
 */
export function versionsGrow({ restore, table, column }: VersionColumn): Monitor {
  return {
    name: 'versions-grow',
    initial: ({ tables }): State => ({
      highest: (tables[table] ?? []).reduce<Record<string, number>>((all, row) => withEntry(all, String(row.id), Number(row[column])), {}),
      reused: [],
    }),
    observe: (state: State, event): State => {
      if (!event.changed) return state;
      const restored = event.operation === restore && succeeded(event) !== null;
      return (event.committed.tables[table] ?? []).reduce<State>(({ highest, reused }, row) => {
        const id = String(row.id);
        const version = Number(row[column]);
        const least = (state.highest[id] ?? -1) + (restored ? 1 : 0);
        return version < least
          ? { highest, reused: withElement(reused, id) }
          : { highest: highest[id] === version ? highest : withEntry(highest, id, version), reused };
      }, state);
    },
    violations: ({ reused }: State) =>
      reused.map((id) => ({ resource: `${table} ${id}`, message: `its ${column} was handed out before, for another content` })),
  };
}
