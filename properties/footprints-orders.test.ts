/** Footprints on a server are good for what they are told for: orders that they leave out show nothing new. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PostgresEngine, type ServerState } from '../src/engine/postgres/engine.js';
import { openServer } from '../src/engine/postgres/providers/open.js';
import type { PostgresServer } from '../src/engine/postgres/providers/server.js';
import { dpor } from '../src/explore/dpor/dpor.js';
import { patiently } from '../src/explore/patiently.js';
import { type ScriptedCase, scenarioOf } from '../src/fuzz/scripted.js';
import { type Configuration, Machine } from '../src/machine.js';

const SEED = Number(process.env.LASTSEAT_FUZZ_SEED ?? 42);
const PROGRAMS = Number(process.env.LASTSEAT_FOOTPRINT_PROGRAMS ?? 100);

let server: PostgresServer;
let engine: PostgresEngine;

beforeAll(async () => {
  server = await openServer('embedded');
  engine = new PostgresEngine(server);
}, 60_000);

afterAll(async () => {
  await engine?.close();
  await server?.close();
});

const SCHEMA = `
  CREATE TABLE parents (id int PRIMARY KEY, n int NOT NULL DEFAULT 0);
  CREATE TABLE children (id int PRIMARY KEY, parent int REFERENCES parents ON DELETE CASCADE);
  CREATE TABLE log (id serial, n bigint);
  CREATE VIEW totals AS SELECT count(*) AS many FROM log;
  CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO log (n) SELECT count(*) FROM children; RETURN NULL; END';
  CREATE TRIGGER noted AFTER UPDATE ON parents FOR EACH ROW EXECUTE FUNCTION note();
  CREATE FUNCTION bump(parent int) RETURNS int LANGUAGE sql AS 'UPDATE parents SET n = n + 1 WHERE id = parent RETURNING n';
`;
const SEEDED = 'INSERT INTO parents VALUES (1, 0), (2, 0); INSERT INTO children VALUES (1, 1);';

const statement = fc.constantFrom(
  'UPDATE parents SET n = n + 1 WHERE id = 1',
  'UPDATE parents SET n = 5 WHERE id = 2',
  'SELECT bump(1)',
  'SELECT bump(2)',
  'SELECT many FROM totals',
  'SELECT id, n FROM parents WHERE id = 1',
  'SELECT id FROM parents WHERE id = 2 FOR UPDATE',
  'INSERT INTO children VALUES (2, 1)',
  'INSERT INTO children VALUES (2, 2) ON CONFLICT (id) DO UPDATE SET parent = 2',
  'DELETE FROM parents WHERE id = 1',
  "SELECT nextval('log_id_seq')",
  'SELECT pg_advisory_xact_lock(1)',
  'LOCK TABLE log IN SHARE MODE',
);
const script = fc.oneof(
  fc.tuple(statement).map(([one]) => one),
  fc.tuple(statement, statement).map(([one, two]) => `BEGIN; ${one}; ${two}; COMMIT`),
);

interface Shown {
  readonly endings: ReadonlySet<string>;
  readonly committed: ReadonlySet<string>;
  readonly runs: number;
}

async function shownBy(scripted: ScriptedCase, observes: boolean): Promise<Shown> {
  const { scenario, plan } = scenarioOf(scripted);
  const machine = new Machine<ServerState>(scenario, plan, engine, { observes });
  const [endings, committed] = [new Set<string>(), new Set<string>()];
  const rows = (at: Configuration<ServerState>) => JSON.stringify(at.committed.tables);
  let runs = 0;
  await dpor(machine, {
    maxRuns: 5_000,
    attempt: patiently,
    onRun: (run) => {
      runs += 1;
      for (const { after } of run.steps) committed.add(rows(after));
      endings.add(
        `${run.steps
          .filter(({ outcome }) => outcome.kind !== 'blocked')
          .map(({ choice, outcome }) => `${JSON.stringify(choice)}${JSON.stringify(outcome)}`)
          .sort()
          .join()} ${rows(run.last)}`,
      );
      return false;
    },
  });
  return { endings, committed, runs };
}

test(`random programs show the same in the orders that are run and in all (seed ${SEED})`, async () => {
  let [all, reduced] = [0, 0];
  const property = fc.asyncProperty(
    script,
    script,
    fc.constantFrom('READ COMMITTED' as const, 'REPEATABLE READ' as const),
    async (one, two, isolation) => {
      const scripted = { schema: SCHEMA, seed: SEEDED, scripts: [one, two], isolation };
      const whole = await shownBy(scripted, false);
      const part = await shownBy(scripted, true);
      [all, reduced] = [all + whole.runs, reduced + part.runs];
      expect([...part.endings].sort()).toEqual([...whole.endings].sort());
      expect([...part.committed].sort()).toEqual([...whole.committed].sort());
    },
  );
  await fc.assert(property, { seed: SEED, numRuns: PROGRAMS });
  expect(reduced).toBeLessThan(all);
}, 600_000);
