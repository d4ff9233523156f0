import { always, type Operation, type Workload } from '../../../src/index.js';
import { booker } from './workloads.js';

/** A client whose first answer is lost on the way: whatever became of the request, it sends the same one again. */
export function repliesLost(operation: Operation): Operation {
  return async (context, input: unknown) => {
    await operation(context, input);
    return operation(context, input);
  };
}

/** One guest whose answer is lost, and another. */
export const sentAgain: Workload = {
  name: 'sent-again',
  capacity: always(3),
  roles: [booker('alice', { operation: 'bookAgain' }), booker('bob')],
};
