import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UnmodelledError } from '../src/engine/contract.js';
import { ModelEngine } from '../src/engine/model/engine.js';
import { PostgresEngine } from '../src/engine/postgres/engine.js';

import type { PostgresServer } from '../src/engine/postgres/providers/server.js';
import { run, scheduleOf } from '../src/run.js';
import { uniform } from '../src/schedule/uniform.js';
import { program, schemaWith } from './model-programs.js';
import { compare, modelOf, note, type ScriptedCase } from './model-scripts.js';
import { openPinnedServer } from './pinned-server.js';

/** Random programs of two or three transactions over two tables, each under a few random schedules, on both engines in lockstep. */
const SEED = Number(process.env.LASTSEAT_FUZZ_SEED ?? 42);
/** More of them: `LASTSEAT_FUZZ_PROGRAMS=2000 npx vitest run properties/model-fuzz.test.ts`. */
const PROGRAMS = Number(process.env.LASTSEAT_FUZZ_PROGRAMS ?? 100);
const SCHEDULES = 4;
/** What must have been met, or the programs get into each other's way too little. */
const CONTENTION = ['waits', 'waits again', '40P01', '40001', '23503', '23505', '23514'];

let server: PostgresServer;

beforeAll(async () => {
  server = await openPinnedServer();
}, 60_000);

afterAll(async () => {
  await server.close();
});

describe.each([
  ['no action', '', 0],
  ['cascade', ' ON DELETE CASCADE', 1],
])('foreign key with %s', (_name, onDelete, more) => {
  let postgres: PostgresEngine;
  const engine = new ModelEngine();

  beforeAll(() => {
    postgres = new PostgresEngine(server, { looksAlways: true });
  });

  afterAll(async () => {
    await postgres.close();
  });

  test(`the model answers ${PROGRAMS} random programs as the server does, or refuses them by name (seed ${SEED + more})`, async () => {
    const seen = new Set<string>();
    const refused = new Map<string, number>();
    const property = fc.asyncProperty(program(schemaWith(onDelete)), fc.nat(), async (scripted, schedules) => {
      try {
        for (const what of await holds(scripted, engine, postgres, schedules)) seen.add(what);
      } catch (error) {
        if (!(error instanceof UnmodelledError)) throw error;
        refused.set(error.message, (refused.get(error.message) ?? 0) + 1);
      }
    });
    await fc.assert(property, { seed: SEED + more, numRuns: PROGRAMS });
    const total = [...refused.values()].reduce((sum, count) => sum + count, 0);
    if (process.env.LASTSEAT_FUZZ_PROGRAMS !== undefined) console.log(onDelete, 'refused', total, refused);
    expect(total).toBeLessThan(PROGRAMS / 20);
    expect(CONTENTION.filter((what) => !seen.has(what))).toEqual([]);
  }, 3_600_000);
});

async function holds(scripted: ScriptedCase, engine: ModelEngine, postgres: PostgresEngine, schedules: number): Promise<Set<string>> {
  const seen = new Set<string>();
  const { machine } = modelOf(scripted, engine);
  for (let index = 0; index < SCHEDULES; index += 1) {
    const schedule = scheduleOf(await run(machine, uniform(`${schedules}/${index}`)));
    const { steps, difference } = await compare(machine, scripted, postgres, schedule);
    expect(difference).toBeNull();
    for (const step of steps) note(step, seen);
  }
  return seen;
}
