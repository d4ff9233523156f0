import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UnmodelledError } from '../src/engine/contract.js';
import type { ScriptedCase } from '../src/fuzz/scripted.js';
import { bothOf } from './dpor-checks.js';
import { program, schemaWith } from './model-programs.js';
import { smallProgram } from './small-programs.js';

const SEED = Number(process.env.LASTSEAT_FUZZ_SEED ?? 42);
const PROGRAMS = Number(process.env.LASTSEAT_DPOR_PROGRAMS ?? 60);

const small = (scripted: ScriptedCase) => ordersAtMost(scripted.scripts as readonly string[]) <= 3_000;

/** Ways to interleave the statements, waits left out. */
function ordersAtMost(scripts: readonly string[]): number {
  const steps = scripts.map((script) => {
    const statements = script.split(';').length;
    return script.startsWith('BEGIN') ? statements - 1 : statements * 2;
  });
  const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));
  return steps.reduce((ways, n) => ways / factorial(n), factorial(steps.reduce((sum, n) => sum + n, 0)));
}

async function expectNothingLost(scripted: ScriptedCase): Promise<void> {
  for (const delays of [false, true]) {
    const both = await bothOf(scripted, { delays }).catch(nullIfRefused);
    if (both === null || !both.reduced.complete) continue;
    const { all, reduced } = both;
    expect(reduced.endings).toEqual(all.endings);
    expect(reduced.committed).toEqual(all.committed);
    if (!delays && !reduced.waitsAgain && reduced.orders !== null) expect(reduced.orders).toBe(all.orders);
  }
}

function nullIfRefused(error: unknown): null {
  if (error instanceof UnmodelledError) return null;
  throw error;
}

describe('the reduced search shows what every order shows: endings, answers and committed rows, and it counts every order once', () => {
  test.each([
    ['over two tables with constraints', program(schemaWith(' ON DELETE CASCADE')).filter(small)],
    ['of few statements', smallProgram],
  ])(
    `random programs %s (seed ${SEED})`,
    async (_, programs) => {
      await fc.assert(fc.asyncProperty(programs, expectNothingLost), { seed: SEED, numRuns: PROGRAMS });
    },
    3_600_000,
  );
});
