import { always, isRejection, type Operation, type Workload } from '../../../src/index.js';
import { booker } from './workloads.js';

/** A client that was told nothing certain, since its connection was lost first: it sends the same order again, over a new one. */
export function sendsAgain(operation: Operation): Operation {
  return async (context, input: unknown) => {
    const answer = await operation(context, input);
    if (!isRejection(answer) || answer.code !== 'DATABASE_UNAVAILABLE') return answer;
    return operation({ ...context, client: await context.connect() }, input);
  };
}

/** One guest whose connection may be lost at any moment, between his COMMIT and the answer to it too, and another. */
export const sentAgain: Workload = {
  name: 'sent-again',
  capacity: always(3),
  roles: [booker('alice', { operation: 'bookAgain' }), booker('bob')],
  faults: [{ kind: 'connection-lost', operation: 'bookAgain' }],
};
