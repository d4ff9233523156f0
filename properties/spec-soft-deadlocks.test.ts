/** A deadlock by the order of a queue alone is solved by putting the queue in another order, as PostgreSQL's detector does it; model and server side by side. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { detectDeadlock } from '../src/engine/model/deadlock-detector.js';
import type { HeavyLocks, Request } from '../src/engine/model/heavy-locks.js';
import type { Wait } from '../src/engine/model/state.js';
import { openServer } from '../src/engine/postgres/providers/open.js';
import type { PostgresServer } from '../src/engine/postgres/providers/server.js';
import { runSpec } from './spec-runs.js';

let server: PostgresServer;

beforeAll(async () => {
  server = await openServer('embedded');
}, 60_000);

afterAll(async () => {
  await server.close();
});

const session = (name: string, timeout: string, steps: Readonly<Record<string, string>>) => `
  session ${name}
  setup { BEGIN; SET deadlock_timeout = '${timeout}'; }
  ${Object.entries(steps)
    .map(([step, sql]) => `step ${step} { ${sql}; }`)
    .join('\n')}
  step ${name}c { COMMIT; }`;

/** Two readers, each behind the other's writer. `last` closes the cycle, and looks. */
const readers = (lock: (key: number, shared: boolean) => string, last: 'r1' | 'r2') => {
  const closing = last === 'r1' ? 'r2b r1b(*)' : 'r1b r2b(*)';
  return `
  setup { CREATE TABLE t1 (id int); CREATE TABLE t2 (id int); }
  teardown { DROP TABLE t1, t2; }
  ${session('r1', last === 'r1' ? '10ms' : '100s', { r1a: lock(1, true), r1b: lock(2, true) })}
  ${session('r2', last === 'r2' ? '10ms' : '100s', { r2a: lock(2, true), r2b: lock(1, true) })}
  ${session('w1', '100s', { w1a: lock(1, false) })}
  ${session('w2', '100s', { w2a: lock(2, false) })}
  permutation r1a r2a w1a w2a ${closing} r1c w1c r2c w2c
  permutation r1a r2a w1a w2a ${closing} r2c w2c r1c w1c`;
};

const ofTables = (key: number, shared: boolean) => `LOCK TABLE t${key} IN ${shared ? 'ACCESS SHARE' : 'ACCESS EXCLUSIVE'} MODE`;
const advisory = (key: number, shared: boolean) => `SELECT pg_advisory_xact_lock${shared ? '_shared' : ''}(${key})`;

describe('waiters that are deadlocked by the order of queues alone', () => {
  for (const [name, lock] of [
    ['tables', ofTables],
    ['advisory locks', advisory],
  ] as const)
    for (const last of ['r1', 'r2'] as const)
      test(`go on in another order: ${name}, ${last} closes the cycle`, async () => {
        const { outcome, transcript } = await runSpec(readers(lock, last), server, { withModel: true });
        expect(outcome.judgements.map(({ kind }) => kind)).not.toContain('differs');
        expect(transcript).not.toContain('deadlock detected');
        expect(outcome.judgements.filter(({ kind }) => kind === 'agrees').length).toBeGreaterThan(0);
      });
});

const asked = (actor: number, mode: Request['mode']): Request => ({ actor, mode, level: 0, session: 0 });
const on = (resource: string): Wait => ({ on: 'heavy', resource });

describe('the detector', () => {
  test('finds an error where the cycle has no soft edge', () => {
    const locks: HeavyLocks = new Map([
      ['a', { granted: [asked(0, 'EXCLUSIVE')], queue: [asked(1, 'EXCLUSIVE')] }],
      ['b', { granted: [asked(1, 'EXCLUSIVE')], queue: [asked(0, 'EXCLUSIVE')] }],
    ]);
    expect(detectDeadlock([on('b'), on('a')], locks, 0)).toBe('deadlock');
    expect(detectDeadlock([on('b'), on('a')], locks, 1)).toBe('deadlock');
  });

  test('says nothing to a waiter that is on no cycle', () => {
    const locks: HeavyLocks = new Map([['a', { granted: [asked(0, 'EXCLUSIVE')], queue: [asked(1, 'EXCLUSIVE'), asked(2, 'SHARE')] }]]);
    expect(detectDeadlock([null, on('a'), on('a')], locks, 2)).toBe('none');
  });

  test('lets a waiter go before all who stand in its way', () => {
    const queue = [asked(2, 'ACCESS EXCLUSIVE'), asked(3, 'ACCESS EXCLUSIVE'), asked(0, 'SHARE UPDATE EXCLUSIVE')];
    const locks: HeavyLocks = new Map([
      ['a', { granted: [asked(0, 'EXCLUSIVE')], queue: [asked(1, 'EXCLUSIVE')] }],
      ['b', { granted: [asked(1, 'ACCESS SHARE')], queue }],
    ]);
    const found = detectDeadlock([on('b'), on('a'), on('b'), on('b')], locks, 0);
    expect(found).toEqual(new Map([['b', [queue[2], queue[0], queue[1]]]]));
  });
});
