/** The fuzzer: a short run of it, that it finds what is wrong where something is, and programs on which the engines once went apart. */
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fuzzExitCode } from '../sim/commands/fuzz.js';
import { EXIT } from '../sim/exit-codes.js';
import { type Action, EngineError } from '../src/engine/contract.js';
import { ModelEngine } from '../src/engine/model/engine.js';
import type { ModelState } from '../src/engine/model/state.js';
import { PostgresEngine } from '../src/engine/postgres/engine.js';
import type { PostgresServer } from '../src/engine/postgres/providers/server.js';
import { constructLines, constructsOf } from '../src/fuzz/constructs.js';
import { caseOf, examine, schedulesOf } from '../src/fuzz/examine.js';
import { readDivergenceFile } from '../src/fuzz/fixture.js';
import { fuzz } from '../src/fuzz/fuzz.js';
import { type FuzzProgram, PROGRAMS_OF_A_SCHEMA, programArbitrary } from '../src/fuzz/program.js';
import { addTallies, type FuzzTally, NOTHING_FUZZED, tallyOf } from '../src/fuzz/tally.js';
import { type Catalogue, readCatalogue } from '../src/fuzz/wide/catalogue.js';
import { Pen } from '../src/fuzz/wide/pen.js';
import { wideProgramArbitrary } from '../src/fuzz/wide/program.js';
import { drawWideSchema } from '../src/fuzz/wide/schema.js';
import { WideStatements } from '../src/fuzz/wide/statements.js';
import { confirm } from './model-scripts.js';
import { openPinnedServer } from './pinned-server.js';

const SEED = process.env.LASTSEAT_FUZZ_SEED ?? '1';
const PROGRAMS = 20;
const SCHEMAS = 4;
/** What must have been met, or the programs get into each other's way too little. */
const CONTENTION = ['waits', '40001', '23505', '23503', '23514', '25P02'];
const PINNED = new URL('../fixtures/divergences/', import.meta.url);

let server: PostgresServer;
let postgres: PostgresEngine;
let model: ModelEngine;

beforeAll(async () => {
  server = await openPinnedServer();
  postgres = new PostgresEngine(server, { looksAlways: true });
  model = new ModelEngine({ major: server.major });
}, 60_000);

afterAll(async () => {
  await postgres.close();
  await server.close();
});

test(`the model shows what the server shows in ${PROGRAMS} random programs over ${SCHEMAS} schemas (seed ${SEED})`, async () => {
  let tally: FuzzTally = NOTHING_FUZZED;
  for (let program = 0; program < PROGRAMS; program += 1) {
    const index = Math.floor(program / (PROGRAMS / SCHEMAS)) * PROGRAMS_OF_A_SCHEMA + program;
    const found = await fuzz(SEED, index, { model, postgres }, { schedules: 3, maxShrinks: 300 });
    tally = addTallies(tally, tallyOf(found, index, `seed ${SEED}, program ${index}, PostgreSQL ${server.version}`));
  }
  expect(tally.divergences.map(({ file }) => file)).toEqual([]);
  expect(CONTENTION.filter((what) => tally.seen[what] === undefined)).toEqual([]);
  const refused = Object.values(tally.refused).reduce((sum, count) => sum + count, 0);
  expect(refused).toBeLessThan(tally.statements / 20);
});

test('the same seed gives the same programs, another one others', () => {
  const drawn = (seed: string) => [0, 1, 25].map((index) => fc.sample(programArbitrary(seed, index), { seed: index, numRuns: 1 })[0]);
  expect(drawn('a')).toEqual(drawn('a'));
  expect(drawn('a')).not.toEqual(drawn('b'));
});

/** A model that has been told something else than what was said. */
class Misled extends ModelEngine {
  readonly #mislead: (text: string) => string;

  constructor(mislead: (text: string) => string) {
    super();
    this.#mislead = mislead;
  }

  override apply(state: ModelState, action: Action): ReturnType<ModelEngine['apply']> {
    if (action.kind !== 'statement') return super.apply(state, action);
    return super.apply(state, { ...action, statement: { ...action.statement, text: this.#mislead(action.statement.text) } });
  }
}

describe('a planted bug is found, and made small', () => {
  test.each<[string, string, (text: string) => string, RegExp]>([
    [
      'a model that ignores FOR UPDATE',
      'lock',
      (text) => text.replace(/ FOR (NO KEY )?UPDATE( NOWAIT| SKIP LOCKED)?$/, ''),
      / FOR (NO KEY )?UPDATE/,
    ],
    [
      'a model that forgets what came after a savepoint was undone',
      'save',
      (text) => text.replace(/^ROLLBACK TO/, 'RELEASE'),
      /^ROLLBACK TO/,
    ],
  ])('%s', async (_name, seed, mislead, culprit) => {
    const misled = new Misled(mislead);
    let found = await fuzz(seed, 0, { model: misled, postgres }, { schedules: 6, maxShrinks: 200 });
    for (let index = 1; found.divergence === null && index < 60; index += 1)
      found = await fuzz(seed, index, { model: misled, postgres }, { schedules: 6, maxShrinks: 200 });
    const { program } = found.divergence!;
    expect(program.actors.length).toBeLessThanOrEqual(2);
    expect(program.actors.flat().length).toBeLessThanOrEqual(10);
    expect(program.actors.flat()).toContainEqual(expect.stringMatching(culprit));
    const { file } = tallyOf(found, 7, 'a test').divergences[0]!;
    expect(readDivergenceFile(file)).toEqual({ program, schedule: found.divergence!.schedule });
  });
});

test('what the model refuses is left out and counted, and the rest of the program is run', async () => {
  const merge = 'MERGE INTO seats USING (SELECT 1 AS id) s ON s.id = seats.id WHEN MATCHED THEN DELETE';
  const program: FuzzProgram = {
    schema: ['CREATE TABLE seats (id int PRIMARY KEY, v int NOT NULL)'],
    rows: ['INSERT INTO seats VALUES (1, 1)'],
    isolation: 'READ COMMITTED',
    stubborn: false,
    actors: [
      ['BEGIN', 'UPDATE seats SET v = 2', merge, 'COMMIT'],
      ['UPDATE seats SET v = 3', 'SELECT * FROM seats'],
    ],
  };
  const { refused, schedules, seen, divergence } = await examine(program, schedulesOf(program, '1', 10), { model, postgres });
  expect([...refused]).toEqual([[`0: ${merge}`, expect.any(String)]]);
  expect(divergence).toBeNull();
  expect(schedules).toBeGreaterThan(2);
  expect([...seen.keys()]).toEqual(expect.arrayContaining(['waits', 'UPDATE 1', 'SELECT 1']));
});

test('a schema that the model refuses is counted', async () => {
  const program: FuzzProgram = {
    schema: ["ALTER DATABASE postgres SET work_mem = '8MB'"],
    rows: [],
    isolation: 'READ COMMITTED',
    stubborn: false,
    actors: [['SELECT 1'], ['SELECT 1']],
  };
  const { schemaRefused, schedules } = await examine(program, schedulesOf(program, '1', 10), { model, postgres });
  expect(schemaRefused).toBe('in the schema');
  expect(schedules).toBe(0);
});

test('one schema after another, and no row in either: each has its own tables', async () => {
  const bare = (...names: string[]): FuzzProgram => ({
    schema: names.map((name) => `CREATE TABLE ${name} (id int PRIMARY KEY)`),
    rows: [],
    isolation: 'READ COMMITTED',
    stubborn: false,
    actors: [['SELECT 1'], ['SELECT 1']],
  });
  for (const program of [bare('seats'), bare('seats', 'rows')]) {
    const { divergence } = await examine(program, schedulesOf(program, '1', 2), { model, postgres });
    expect(divergence).toBeNull();
  }
});

/** A model that fails at every statement. */
class Failing extends ModelEngine {
  readonly #error: Error;

  constructor(error: Error) {
    super();
    this.#error = error;
  }

  override apply(state: ModelState, action: Action): ReturnType<ModelEngine['apply']> {
    if (action.kind === 'statement') throw this.#error;
    return super.apply(state, action);
  }
}

test('an engine that gives up is told of, and is no divergence to be made small', async () => {
  const model = new Failing(new EngineError('the server does not answer'));
  const found = await fuzz('gives up', 3, { model, postgres }, { schedules: 2, maxShrinks: 50 });
  expect(found).toMatchObject({ examined: null, divergence: null, gaveUp: 'the server does not answer', shrinks: 0 });
  const tally = addTallies(NOTHING_FUZZED, tallyOf(found, 3, 'a test'));
  expect(tally).toMatchObject({ programs: 1, schedules: 0, gaveUp: [{ index: 3, reason: 'the server does not answer' }] });
});

test('a defect of ours is made small like a divergence, and does not end the run', async () => {
  const model = new Failing(new TypeError('a bug'));
  const found = await fuzz('breaks', 3, { model, postgres }, { schedules: 2, maxShrinks: 50 });
  expect(found.divergence?.difference).toMatch(/^a defect: TypeError: a bug/);
  expect(found.divergence!.program.actors.flat().length).toBeLessThanOrEqual(6);
});

describe('what is drawn from the catalogue', () => {
  const WIDE_SEED = process.env.LASTSEAT_FUZZ_SEED ?? '1';
  let catalogue: Catalogue;

  beforeAll(async () => {
    catalogue = await readCatalogue(postgres, server.major);
  });

  test('is what PostgreSQL has over the types in use, by the type of the result', () => {
    const of = (list: ReadonlyMap<string, readonly { readonly name: string }[]>, type: string) => list.get(type)?.map(({ name }) => name);
    expect(of(catalogue.operators, 'bool')).toEqual(expect.arrayContaining(['=', '<', '~', '@>', '<>']));
    expect(of(catalogue.functions, 'text')).toEqual(expect.arrayContaining(['upper', 'replace', 'to_char']));
    expect(of(catalogue.aggregates, 'numeric')).toEqual(expect.arrayContaining(['sum', 'avg']));
    expect(catalogue.casts.get('numeric')?.map(({ takes }) => takes[0])).toEqual(expect.arrayContaining(['int4', 'float8', 'jsonb']));
    expect([...catalogue.functions.values()].flat().some(({ name }) => /^pg_|random|now/.test(name))).toBe(false);
  });

  test(`comes out on the model as on the server, or is refused (seed ${WIDE_SEED})`, async () => {
    let tally: FuzzTally = NOTHING_FUZZED;
    for (let index = PROGRAMS_OF_A_SCHEMA; index < PROGRAMS_OF_A_SCHEMA + 12; index += 1) {
      const found = await fuzz(WIDE_SEED, index, { model, postgres }, { schedules: 3, maxShrinks: 200, catalogue });
      tally = addTallies(tally, tallyOf(found, index, `seed ${WIDE_SEED}, program ${index}, PostgreSQL ${server.version}`));
    }
    expect(tally.divergences.map(({ file }) => file)).toEqual([]);
    const kinds = new Set(constructsOf(tally).map(({ kind }) => kind));
    expect([...kinds]).toEqual(expect.arrayContaining(['function', 'node', 'operator', 'statement']));
  });

  test('the first choices of all are plain statements over plain tables', () => {
    const [program] = fc.sample(wideProgramArbitrary(catalogue, 1), { seed: 1, numRuns: 1 });
    const zeros = Array.from({ length: 200 }, () => 0);
    const schema = drawWideSchema(zeros, catalogue);
    expect(program!.uses['']!.length).toBeGreaterThan(0);
    expect(schema.statements).toEqual([
      'CREATE TABLE rooms (id int PRIMARY KEY, a int, b int)',
      'CREATE TABLE holds (id int PRIMARY KEY, a int, b int)',
    ]);
    expect(new WideStatements(schema, catalogue, new Pen(zeros)).statement()).toBe('SELECT t1.id FROM rooms t1');
  });

  test('is counted by construct: drawn, and modelled', () => {
    const lines = constructLines(
      constructsOf({
        drawn: { 'node MERGE': 2, 'node NullTest': 3, 'function upper(text)': 1 },
        drawnRefused: { 'node MERGE': 2, 'node NullTest': 1 },
      }),
    );
    expect(lines).toEqual([
      'function     1 of 1 modelled somewhere; in 100.0 % of their 1 places',
      'node         1 of 2 modelled somewhere; in 40.0 % of their 5 places',
      '      0.0 %  of 2: node MERGE',
      '     66.7 %  of 3: node NullTest',
    ]);
  });
});

test('exit codes: what was interrupted, what failed, what diverged', () => {
  const divergence = { index: 1, difference: '', file: '', shrinks: 0 };
  const diverged: FuzzTally = { ...NOTHING_FUZZED, divergences: [divergence] };
  expect(fuzzExitCode(NOTHING_FUZZED, false, null)).toBe(EXIT.fine);
  expect(fuzzExitCode(diverged, false, null)).toBe(EXIT.mismatch);
  expect(fuzzExitCode({ ...NOTHING_FUZZED, gaveUp: [{ index: 1, reason: '' }] }, false, null)).toBe(EXIT.internal);
  expect(fuzzExitCode(diverged, false, EXIT.environment)).toBe(EXIT.environment);
  expect(fuzzExitCode(diverged, true, EXIT.internal)).toBe(EXIT.interrupted);
});

describe('programs on which the engines went apart once do so no more: every interleaving, every transition', () => {
  const files = readdirSync(PINNED).sort();

  test.each(files)('%s', async (file) => {
    const { program } = readDivergenceFile(readFileSync(new URL(file, PINNED), 'utf8'));
    const { difference } = await confirm(caseOf(program), model, postgres);
    expect(difference).toBeNull();
  });
});
