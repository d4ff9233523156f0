import type { Monitor } from '../../../../src/index.js';
import { withElement } from './cycle.js';

interface State {
  readonly untyped: readonly string[];
}

/** Nothing that an operation was not made for reaches its caller as an exception: every refusal is a value with a code. */
export const typedErrors: Monitor = {
  name: 'typed-errors',
  initial: (): State => ({ untyped: [] }),
  observe: ({ untyped }: State, { actor, finished }): State => ({
    untyped: finished !== null && 'error' in finished ? withElement(untyped, actor) : untyped,
  }),
  violations: ({ untyped }: State) => untyped.map((actor) => ({ resource: actor, message: 'ended with an error that has no type' })),
};
