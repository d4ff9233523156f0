import type { Monitor } from '../../../../src/index.js';
import { idIn, succeeded, withElement } from './cycle.js';

interface State {
  readonly unfounded: readonly string[];
}

/**
 * Whoever is told that a booking is confirmed, or cancelled, is told so when it is: its row has that status in the state that the telling step
 * has committed. What becomes of it later is not looked at. `field` is the name that the result has the booking's id under.
 */
export function acknowledgedStatus(field: string, status: string): Monitor {
  const told = idIn(field);
  return {
    name: `acknowledged-${status}`,
    initial: (): State => ({ unfounded: [] }),
    observe: (state: State, event): State => {
      const id = told(succeeded(event)?.value);
      if (id === null) return state;
      const row = (event.committed.tables.bookings ?? []).find((booking) => booking.id === id);
      return row?.status === status ? state : { unfounded: withElement(state.unfounded, event.actor) };
    },
    violations: ({ unfounded }: State) =>
      unfounded.map((actor) => ({ resource: actor, message: `was told that a booking is ${status}, and it was not` })),
  };
}
