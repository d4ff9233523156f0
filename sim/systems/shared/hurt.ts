import type { Fault, Generator, Role, Workload } from '../../../src/index.js';

const WAYS: Readonly<Record<string, readonly Fault[]>> = {
  crash: [{ kind: 'server-crash' }],
  lost: [{ kind: 'connection-lost' }],
  dies: [{ kind: 'process-dies' }],
  ended: [{ kind: 'backend-terminated' }],
  'given-up': [{ kind: 'statement-cancelled' }, { kind: 'statement-timeout' }, { kind: 'lock-timeout' }],
};

/** The same participants, hurt in every way in turn: a workload for each. */
export const hurtWorkloads = (
  name: string,
  capacity: Generator<number>,
  roles: readonly Role[],
  ways = Object.keys(WAYS),
): readonly Workload[] => ways.map((way) => ({ name: `${name}-${way}`, capacity, roles, faults: WAYS[way]! }));
