import { randomInt, randomUUID } from 'node:crypto';
import type { Client, OperationContext, Store } from '../../src/index.js';

/** What an operation is given where it is no simulation: the time of day, real chance, and no cache. */
export function realContext(client: Client, store: Store): OperationContext {
  return {
    client,
    connect: async () => client,
    clock: { now: () => new Date() },
    random: { float: () => Math.random(), integer: (min, max) => randomInt(min, max + 1), uuid: () => randomUUID() },
    store,
    cache: { get: async () => null, set: async () => {}, delete: async () => {} },
    emit: () => {},
  };
}
