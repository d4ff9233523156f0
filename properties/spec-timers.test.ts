/** Timers that end statements under a specification: when they go off is the clock's, and a choice on the model. Server and model side by side. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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

const spec = (sets: string, waits: string, order = 'hold set wait(*)') => `
  setup { CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1); }
  teardown { DROP TABLE t; }
  session holder
  setup { BEGIN; }
  step hold { UPDATE t SET v = 2 WHERE id = 1; }
  step go { COMMIT; }
  teardown { ROLLBACK; }
  session waiter
  step begin { BEGIN; }
  step set { ${sets}; }
  step wait { ${waits}; }
  step look { SELECT * FROM t; }
  step end { COMMIT; }
  permutation ${order}`;

const update = 'UPDATE t SET v = v + 1 WHERE id = 1';
const LOCK_TIMEOUT = 'canceling statement due to lock timeout';
const STATEMENT_TIMEOUT = 'canceling statement due to statement timeout';

describe('a statement that waits', () => {
  for (const [name, text, shows] of [
    ['is ended by lock_timeout', spec("SET lock_timeout = '10ms'", update), LOCK_TIMEOUT],
    ['is ended by statement_timeout', spec('SET statement_timeout = 20', update), STATEMENT_TIMEOUT],
    ['is ended by the shorter of two', spec("SET lock_timeout = '10ms'; SET statement_timeout = '30s'", update), LOCK_TIMEOUT],
    [
      'leaves its transaction failed',
      spec('SET lock_timeout = 10', update, 'hold begin set wait(*) look end'),
      'current transaction is aborted',
    ],
    ['is ended where it waits for a table', spec('SET lock_timeout = 10', 'BEGIN; LOCK TABLE t; ROLLBACK'), LOCK_TIMEOUT],
    [
      'goes on once a SET LOCAL is over',
      spec('BEGIN; SET LOCAL lock_timeout = 10; COMMIT', update, 'hold set wait go'),
      'wait: <... completed>',
    ],
  ] as const)
    test(name, async () => {
      const { outcome, transcript } = await runSpec(text, server, { withModel: true });
      expect(transcript).toContain(shows);
      expect(outcome.judgements).toMatchObject([{ kind: 'agrees' }]);
    });
});

test('a statement that does not wait may be ended by statement_timeout, and need not be', async () => {
  const { outcome, transcript } = await runSpec(spec("SET statement_timeout = '10s'", update, 'set wait look hold go'), server, {
    withModel: true,
  });
  expect(transcript).not.toContain(STATEMENT_TIMEOUT);
  expect(outcome.judgements).toMatchObject([{ kind: 'agrees' }]);
  const slow = 'DO $$ BEGIN FOR i IN 1 .. 100000000 LOOP NULL; END LOOP; END $$';
  const cut = await runSpec(spec('SET statement_timeout = 10', slow, 'set wait look hold go'), server, { withModel: true });
  expect(cut.transcript).toContain(STATEMENT_TIMEOUT);
  expect(cut.outcome.judgements.map(({ kind }) => kind)).not.toContain('differs');
});

test('other timers are refused', async () => {
  const { outcome } = await runSpec(spec("SET idle_in_transaction_session_timeout = '10s'", update, 'set wait look hold go'), server, {
    withModel: true,
  });
  expect(outcome.judgements).toMatchObject([
    { kind: 'unmodelled', reason: expect.stringContaining('idle_in_transaction_session_timeout') },
  ]);
});
