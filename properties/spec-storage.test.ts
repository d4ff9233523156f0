/** Steps that change how rows are stored change nothing that is shown, on the model as on the server. */
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

const spec = (alter: string, order: string) => `
  setup { CREATE TABLE t (id int, list int[]); CREATE INDEX lists ON t USING gin (list) WITH (fastupdate = off); CREATE TABLE other (id int); }
  setup { INSERT INTO t VALUES (1, ARRAY[1, 2]), (2, ARRAY[3]); }
  teardown { DROP TABLE t, other; }
  session s1
  setup { BEGIN ISOLATION LEVEL SERIALIZABLE; }
  step r1 { SELECT id FROM t WHERE list @> ARRAY[1]; }
  step w1 { INSERT INTO other VALUES (1); }
  step c1 { COMMIT; }
  session s2
  setup { BEGIN ISOLATION LEVEL SERIALIZABLE; }
  step r2 { SELECT count(*) FROM other; }
  step w2 { INSERT INTO t VALUES (3, ARRAY[1]); }
  step c2 { COMMIT; }
  session s3
  step begin { BEGIN; }
  step alter { ${alter}; }
  step end { COMMIT; }
  permutation ${order}`;

describe('a change of storage parameters', () => {
  for (const [name, alter, order] of [
    ['of an index changes no answer', 'ALTER INDEX lists SET (fastupdate = on)', 'alter r1 r2 w1 c1 w2 c2'],
    ['of an index between two transactions in conflict', 'ALTER INDEX lists SET (fastupdate = on)', 'r1 r2 w1 c1 alter w2 c2'],
    ['of a table', 'ALTER TABLE t SET (fillfactor = 50, autovacuum_enabled = off)', 'r2 alter r1 w1 w2 c1 c2'],
    ['that is taken back', 'ALTER TABLE public.t RESET (fillfactor)', 'r2 alter r1 w2 c2 w1 c1'],
  ] as const)
    test(name, async () => {
      const { outcome } = await runSpec(spec(alter, order), server, { withModel: true });
      expect(outcome.judgements).toMatchObject([{ kind: 'agrees' }]);
    });

  for (const [name, alter, order] of [
    ['while another has the table locked', 'ALTER INDEX lists SET (fastupdate = on)', 'r1 alter c1'],
    ['in a transaction', 'ALTER INDEX lists SET (fastupdate = on)', 'begin alter end r1 c1'],
    ['that PostgreSQL refuses', 'ALTER INDEX lists SET (fillfactor = 50)', 'alter r1 c1'],
    ['of something else', 'ALTER TABLE t ADD COLUMN more int', 'alter r1 c1'],
  ] as const)
    test(`is refused ${name}`, async () => {
      const { outcome } = await runSpec(spec(alter, order), server, { withModel: true });
      expect(outcome.judgements).toMatchObject([{ kind: 'unmodelled', reason: expect.stringContaining('a schema that changes') }]);
    });
});
