import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PostgresEngine } from '../src/engine/postgres/engine.js';
import { makeCounterexample } from '../src/explore/counterexample.js';
import { explorePlan } from '../src/explore/plan.js';
import type { PostgresServer } from '../src/index.js';
import { DEFAULT_LIMITS } from '../src/limits.js';
import type { Plan } from '../src/plan/plan.js';
import { replayOn } from '../src/replay.js';
import type { IsolationLevel, Scenario } from '../src/scenario.js';
import { decodeToken } from '../src/schedule/token.js';
import { bothOfPlanOnServer, bothOnServer } from './dpor-checks.js';
import { openPinnedServer } from './pinned-server.js';

/** On a real server, over SQL that hides what it does: triggers, functions, cascades, views. */

const SEED = Number(process.env.LASTSEAT_FUZZ_SEED ?? 42);
const PROGRAMS = Number(process.env.LASTSEAT_DPOR_PROGRAMS ?? 12);
const MAX_ORDERS = 400;

const schema = `
  CREATE TABLE events (id int PRIMARY KEY, places int NOT NULL, taken int NOT NULL DEFAULT 0);
  CREATE TABLE bookings (id int PRIMARY KEY, event int REFERENCES events ON DELETE CASCADE, seats int NOT NULL);
  CREATE TABLE journal (id serial PRIMARY KEY, what text NOT NULL, seen int NOT NULL);
  CREATE VIEW free AS SELECT e.id, e.places - coalesce(sum(b.seats), 0) AS left FROM events e LEFT JOIN bookings b ON b.event = e.id GROUP BY e.id;
  CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE events SET taken = taken + 1 WHERE id = NEW.event;
    RETURN NEW;
  END $$;
  CREATE TRIGGER counts AFTER INSERT ON bookings FOR EACH ROW EXECUTE FUNCTION note();
  CREATE FUNCTION book(b int, e int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN
    IF (SELECT count(*) FROM bookings WHERE event = e) >= 2 THEN RETURN 0; END IF;
    INSERT INTO journal (what, seen) SELECT 'book', count(*) FROM bookings;
    INSERT INTO bookings VALUES (b, e, 1);
    RETURN 1;
  END $$;
  CREATE FUNCTION guarded(e int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(e); RETURN e; END $$;
`;
const seed = 'INSERT INTO events VALUES (1, 2), (2, 1); INSERT INTO bookings VALUES (1, 1, 1), (2, 2, 1); UPDATE events SET taken = 1';

const event = fc.constantFrom('1', '1', '2');
const booking = fc.constantFrom('1', '2', '3', '4');
const filled = (template: string, ...parts: fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
  fc.tuple(...parts).map((drawn) => template.replace(/\$(\d)/g, (_, index: string) => drawn[Number(index) - 1]!));

const statement = fc.oneof(
  filled('SELECT * FROM free WHERE id = $1', event),
  filled('SELECT count(*) FROM bookings WHERE event = $1', event),
  fc.constant('SELECT what, seen FROM journal ORDER BY id'),
  filled('SELECT book($1, $2)', booking, event),
  filled('SELECT guarded($1)', event),
  filled('INSERT INTO bookings VALUES ($1, $2, 1)', booking, event),
  filled('INSERT INTO bookings VALUES ($1, $2, 1) ON CONFLICT (id) DO UPDATE SET seats = bookings.seats + 1', booking, event),
  filled('UPDATE events SET places = places + 1 WHERE id = $1', event),
  filled('UPDATE bookings SET seats = seats + 1 WHERE event = $1', event),
  filled('SELECT id FROM events WHERE id = $1 FOR UPDATE', event),
  filled('SELECT id FROM bookings WHERE event = $1 FOR SHARE', event),
  filled('DELETE FROM events WHERE id = $1', event),
  filled('DELETE FROM bookings WHERE id = $1', booking),
  fc.constant("INSERT INTO journal (what, seen) SELECT 'count', count(*) FROM bookings"),
);
const script = fc
  .tuple(
    fc.constantFrom('BEGIN', 'BEGIN', 'BEGIN ISOLATION LEVEL REPEATABLE READ', 'BEGIN ISOLATION LEVEL SERIALIZABLE', ''),
    fc.array(statement, { minLength: 1, maxLength: 3 }),
  )
  .map(([begin, statements]) => (begin === '' ? statements.slice(0, 2).join('; ') : [begin, ...statements, 'COMMIT'].join('; ')));
const program = fc.record({
  schema: fc.constant(schema),
  seed: fc.constant(seed),
  isolation: fc.constant<IsolationLevel>('READ COMMITTED'),
  scripts: fc.oneof({ weight: 4, arbitrary: fc.tuple(script, script) }, { weight: 1, arbitrary: fc.tuple(script, script, script) }),
});

let server: PostgresServer;
let engine: PostgresEngine;
beforeAll(async () => {
  server = await openPinnedServer();
  engine = new PostgresEngine(server);
}, 60_000);
afterAll(async () => {
  await engine.close();
  await server.close();
});

describe('values that the server draws itself', () => {
  const drawing: Scenario = {
    name: 'drawn/drawn',
    description: 'Keys that PostgreSQL draws, behind the functions that are given a stream.',
    schema: `
      CREATE TABLE events (id int PRIMARY KEY, capacity int NOT NULL);
      CREATE TABLE bookings (
        id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(), event int NOT NULL, seats int NOT NULL, at timestamptz DEFAULT pg_catalog.clock_timestamp()
      );
      CREATE FUNCTION book(e int) RETURNS uuid LANGUAGE plpgsql AS $$ DECLARE made uuid; BEGIN
        IF (SELECT count(*) FROM bookings WHERE event = e) >= (SELECT capacity FROM events WHERE id = e) THEN RETURN NULL; END IF;
        INSERT INTO bookings (event, seats) VALUES (e, 1) RETURNING id INTO made;
        RETURN made;
      END $$;`,
    seed: () => 'INSERT INTO events VALUES (1, 1)',
    operations: {
      book: async ({ client }) => {
        const { rows } = await client.query('SELECT book(1) AS id');
        if (rows[0]!.id === null) return 'full';
        await client.query('UPDATE bookings SET seats = seats + 1 WHERE id = $1', [rows[0]!.id]);
        return (await client.query('SELECT seats FROM bookings WHERE id = $1', [rows[0]!.id])).rows[0]!.seats;
      },
      double: async ({ client }) => {
        const { rows } = await client.query('SELECT id FROM bookings ORDER BY at LIMIT 1');
        if (rows.length === 0) return 'none';
        await client.query('UPDATE bookings SET seats = seats * 2 WHERE id = $1', [rows[0]!.id]);
        return 'doubled';
      },
    },
    workloads: [],
    invariants: [
      {
        name: 'capacity',
        check: ({ tables }) =>
          tables.bookings!.length > 1 ? [{ resource: 'event 1', message: `${tables.bookings!.length} bookings` }] : [],
      },
    ],
    expect: {},
  };
  const planOf = (...operations: string[]): Plan => ({
    scenario: drawing.name,
    workload: 'two',
    isolation: 'READ COMMITTED',
    capacity: 1,
    actors: operations.map((operation, index) => ({ name: 'abc'.charAt(index), operation, input: {} })),
    seed: 'drawn',
  });

  test('are others in each run, and nothing is lost for them', async () => {
    const both = (await bothOfPlanOnServer(drawing, planOf('book', 'double'), engine, { maxRuns: 400 }))!;
    expect(both.reduced.endings).toEqual(both.all.endings);
    expect(both.reduced.committed).toEqual(both.all.committed);
    expect(both.reduced.runs).toBeLessThan(both.all.runs);
  });

  test('a failure with them replays', async () => {
    const limits = DEFAULT_LIMITS;
    const { verdict, failure } = await explorePlan(drawing, planOf('book', 'book'), {
      strategy: 'auto',
      limits,
      postgres: engine,
      model: true,
    });
    expect(verdict).toBe('violated');
    const found = await makeCounterexample(drawing, failure!, { limits, postgres: engine });
    expect(found).toMatchObject({ confirmedOnPostgres: true, replays: { matched: limits.replays, of: limits.replays } });
    const again = await replayOn(drawing, decodeToken(found.token), engine);
    expect(again).toMatchObject({ matches: true, violated: true });
    // A value that is no drawn one has still to be the same.
    const other = { ...drawing, schema: drawing.schema.replace('VALUES (e, 1)', 'VALUES (e, 2)') };
    expect(await replayOn(other, decodeToken(found.token), engine)).toMatchObject({ matches: false });
  });
});

test(`random programs: the reduced search shows what every order shows (seed ${SEED})`, async () => {
  let compared = 0;
  let saved = 0;
  const property = fc.asyncProperty(program, async (scripted) => {
    const both = await bothOnServer(scripted, engine, { maxRuns: MAX_ORDERS });
    if (both === null) return;
    compared += 1;
    saved += both.all.runs - both.reduced.runs;
    expect(both.reduced.complete).toBe(true);
    expect(both.reduced.endings).toEqual(both.all.endings);
    expect(both.reduced.committed).toEqual(both.all.committed);
  });
  await fc.assert(property, { seed: SEED, numRuns: PROGRAMS });
  expect(compared).toBeGreaterThan(0);
  expect(saved).toBeGreaterThan(0);
  if (process.env.LASTSEAT_DPOR_PROGRAMS !== undefined) console.log(`${compared} programs compared, ${saved} runs saved`);
}, 3_600_000);
