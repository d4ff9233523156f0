import type { Monitor } from '../../../../src/index.js';
import { type CycleOptions, restoredDigest, restoringAfter, succeeded, withElement, withoutEntry } from './cycle.js';

interface State {
  /** By actor: what the backup holds that it is restoring. */
  readonly restoring: Readonly<Record<string, string>>;
  readonly different: readonly string[];
}

/** When a restore has succeeded, the tables hold what its backup holds, apart from the columns that may differ. */
export function restoreContent(options: CycleOptions): Monitor {
  return {
    name: 'restore-content',
    initial: (): State => ({ restoring: {}, different: [] }),
    observe: (state: State, event): State => {
      if (event.operation !== options.restore) return state;
      const restoring = restoringAfter(options, state.restoring, event);
      if (event.finished === null) return { ...state, restoring };
      const equal = succeeded(event) === null || restoring[event.actor] === restoredDigest(options, event.committed);
      return {
        restoring: withoutEntry(restoring, event.actor),
        different: equal ? state.different : withElement(state.different, event.actor),
      };
    },
    violations: ({ different }: State) =>
      different.map((actor) => ({ resource: actor, message: 'reported success, but the tables are not what its backup holds' })),
  };
}
