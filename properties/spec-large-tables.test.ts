/** Under a specification the model takes tables that are larger than a search can afford. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { UnmodelledError } from '../src/engine/contract.js';
import { ModelEngine } from '../src/engine/model/engine.js';
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

const table = (rows: number) => `CREATE TABLE large (id int, v int); INSERT INTO large SELECT x, x % 7 FROM generate_series(1, ${rows}) x`;

const skew = (rows: number) => `
  setup { ${table(rows)}; CREATE INDEX ON large (id) WHERE v = 3; }
  teardown { DROP TABLE large; }
  session s1
  setup { BEGIN ISOLATION LEVEL SERIALIZABLE; }
  step r1 { SELECT count(*) FROM large WHERE v = 3; }
  step w1 { UPDATE large SET v = 0 WHERE v = 3 AND id = 3; }
  step c1 { COMMIT; }
  session s2
  setup { BEGIN ISOLATION LEVEL SERIALIZABLE; }
  step w2 { UPDATE large SET v = 0 WHERE v = 3 AND id = 10; }
  step r2 { SELECT count(*) FROM large WHERE v = 3; }
  step c2 { COMMIT; }
  permutation r1 w1 w2 r2 c1 c2
  permutation r1 w1 c1 w2 r2 c2`;

test('a table of 1,500 rows is modelled', async () => {
  const { outcome } = await runSpec(skew(1500), server, { withModel: true });
  expect(outcome.judgements.map(({ kind }) => kind)).toEqual(['agrees', 'agrees']);
});

test('one of more than 20,000 is refused', async () => {
  const { outcome } = await runSpec(skew(20_001), server, { withModel: true });
  expect(outcome.judgements[0]).toMatchObject({ kind: 'unmodelled', reason: expect.stringContaining('more than 20000 rows') });
});

test('a search refuses 1,500 rows, also where a specification has had them read', async () => {
  await runSpec(`setup { ${table(1500)} } teardown { DROP TABLE large; } session s1 step a { SELECT 1; }`, server, { withModel: true });
  const opened = async () => {
    await new ModelEngine().open({ schema: table(1500), seed: '', actors: 1, isolation: 'READ COMMITTED', clockMs: 0 });
  };
  await expect(opened()).rejects.toBeInstanceOf(UnmodelledError);
  await expect(opened()).rejects.toThrow('a table of more than 1000 rows: large');
});
