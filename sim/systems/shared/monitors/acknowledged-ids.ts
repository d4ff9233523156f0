import type { Monitor } from '../../../../src/index.js';
import { type CycleOptions, succeeded, withElement } from './cycle.js';

interface State {
  readonly acknowledged: readonly number[];
  readonly reused: readonly number[];
  /** Actors that were refused because an id was taken. */
  readonly collided: readonly string[];
}

/**
 * An id that was given to a caller is never given to another, whatever has been restored since, and nobody is refused because the
 * sequence has fallen behind the rows (23505: no statement of these systems names an id that could be taken but a restore's).
 */
export function acknowledgedIds(options: CycleOptions): Monitor {
  return {
    name: 'acknowledged-ids',
    initial: (): State => ({ acknowledged: [], reused: [], collided: [] }),
    observe: (state: State, event): State => {
      if (event.code === '23505' && event.operation !== options.restore) {
        return { ...state, collided: withElement(state.collided, event.actor) };
      }
      const id = options.acknowledged(succeeded(event)?.value);
      if (id === null) return state;
      if (state.acknowledged.includes(id)) return { ...state, reused: withElement(state.reused, id) };
      return { ...state, acknowledged: withElement(state.acknowledged, id) };
    },
    violations: ({ reused, collided }: State) => [
      ...reused.map((id) => ({ resource: `booking ${id}`, message: 'was acknowledged, and its id was given out again' })),
      ...collided.map((actor) => ({ resource: actor, message: 'was refused because the id it was given is taken' })),
    ],
  };
}
