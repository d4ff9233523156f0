import type { Monitor, StepEvent } from '../../../../src/index.js';
import { type CycleOptions, digestOf, fileContent, rowIds, succeeded, withElement, withEntry, withoutEntry } from './cycle.js';

interface State {
  readonly acknowledged: readonly number[];
  /** By backup actor: what had been acknowledged, and was still there, when it began. */
  readonly promised: Readonly<Record<string, readonly number[]>>;
  /** The same, by the digest of the file that it wrote. */
  readonly kept: Readonly<Record<string, readonly number[]>>;
  /** By restore actor: the file that it restores. */
  readonly restoring: Readonly<Record<string, string>>;
  readonly lost: readonly number[];
}

/** A booking that was acknowledged before a backup began, and still stood then, is there after that backup is restored. */
export function acknowledgedBookings(options: CycleOptions): Monitor {
  const present = (event: StepEvent, ids: readonly number[]) => {
    const rows = rowIds(event.committed, options.bookings);
    return ids.filter((id) => rows.has(id));
  };

  const backup = (state: State, event: StepEvent): State => {
    const begun = event.first ? withEntry(state.promised, event.actor, present(event, state.acknowledged)) : state.promised;
    const ids = begun[event.actor];
    const text = fileContent(event);
    if (ids === undefined || text === null)
      return { ...state, promised: event.finished === null ? begun : withoutEntry(begun, event.actor) };
    return { ...state, promised: withoutEntry(begun, event.actor), kept: withEntry(state.kept, digestOf(text), ids) };
  };

  const restore = (state: State, event: StepEvent): State => {
    const text = fileContent(event);
    const restoring = text === null ? state.restoring : withEntry(state.restoring, event.actor, digestOf(text));
    if (event.finished === null) return { ...state, restoring };
    const ids = succeeded(event) === null ? [] : (state.kept[restoring[event.actor] ?? ''] ?? []);
    const there = present(event, ids);
    const lost = ids.filter((id) => !there.includes(id)).reduce(withElement<number>, state.lost);
    return { ...state, restoring: withoutEntry(restoring, event.actor), lost };
  };

  return {
    name: 'acknowledged-bookings',
    // What was there before the first step was acknowledged before it.
    initial: (committed): State => ({
      acknowledged: [...rowIds(committed, options.bookings)].map(Number),
      promised: {},
      kept: {},
      restoring: {},
      lost: [],
    }),
    observe: (state: State, event): State => {
      if (event.operation === options.backup) return backup(state, event);
      if (event.operation === options.restore) return restore(state, event);
      const id = options.acknowledged(succeeded(event)?.value);
      return id === null ? state : { ...state, acknowledged: withElement(state.acknowledged, id) };
    },
    violations: ({ lost }: State) =>
      lost.map((id) => ({ resource: `booking ${id}`, message: 'was acknowledged before the backup began, and is gone after the restore' })),
  };
}
