import fc from 'fast-check';
import { EngineError } from '../engine/contract.js';
import { numericSeed } from '../plan/draw.js';
import { ordered } from '../schedule/arbitrary.js';
import type { Policy } from '../schedule/policy.js';
import { type Divergence, defective, type Engines, type Examined, examine, schedulesOf } from './examine.js';
import { type FuzzProgram, programArbitrary } from './program.js';
import type { Catalogue } from './wide/catalogue.js';

/** What one number of a seed came to. */
export interface Fuzzed {
  readonly program: FuzzProgram;
  /** Null where the server's engine gave up. */
  readonly examined: Examined | null;
  /** Why it gave up; null where it did not. Then the program says nothing of the model. */
  readonly gaveUp: string | null;
  /** The divergence, made small; null where there is none. */
  readonly divergence: Divergence | null;
  /** Smaller programs that were tried for it. */
  readonly shrinks: number;
}

/** How much is done for each program. */
export interface FuzzOptions {
  /** Random schedules of each program; those that come twice are run once. */
  readonly schedules: number;
  /** Smaller programs that are tried at the most. */
  readonly maxShrinks: number;
  /** What PostgreSQL offers to draw from; without one only the fuzzer's own kinds of statement are drawn. */
  readonly catalogue?: Catalogue | null;
}

/** What `npm run fuzz` does. */
export const FUZZ_DEFAULTS: FuzzOptions = { schedules: 20, maxShrinks: 600 };

/** Random schedules that a smaller program gets, besides the one that the larger diverged on. */
const SCHEDULES_TO_SHRINK = 8;

/** Examines program `index` of a seed: a function of these two alone. A divergence is shrunk by fast-check. */
export async function fuzz(seed: string, index: number, engines: Engines, options: FuzzOptions): Promise<Fuzzed> {
  const name = `${seed}/${index}`;
  let first: { readonly program: FuzzProgram; readonly examined: Examined | null; readonly gaveUp: string | null } | null = null;
  let smallest: Divergence | null = null;
  let tried = 0;
  const ours: unknown[] = [];
  const property = fc.asyncProperty(programArbitrary(seed, index, options.catalogue ?? null), async (program) => {
    if (ours.length > 0 || tried > options.maxShrinks) return true;
    tried += 1;
    try {
      const examined = await examine(program, policies(program, name, smallest, options), engines);
      first ??= { program, examined, gaveUp: null };
      smallest = examined.divergence ?? smallest;
      return examined.divergence === null;
    } catch (error) {
      // To fast-check an error were one more failure, to be made small, and then to be forgotten.
      if (error instanceof EngineError) {
        first ??= { program, examined: null, gaveUp: error.message };
        return true;
      }
      if (isServerGone(error)) {
        ours.push(error);
        return true;
      }
      smallest = { program, schedule: [], difference: defectText(error) };
      first ??= { program, examined: defective(smallest), gaveUp: null };
      return false;
    }
  });
  await fc.check(property, { seed: numericSeed(name), numRuns: 1 });
  if (ours.length > 0) throw ours[0];
  return { ...first!, divergence: smallest, shrinks: tried - 1 };
}

/** What the model throws, and no statement explains, is a defect of ours: to be made small like a divergence. */
function defectText(error: unknown): string {
  const { name, message, stack = '' } = error as Error;
  return [
    `a defect: ${name}: ${message}`,
    ...stack
      .split('\n')
      .filter((line) => /^\s+at .*\/src\//.test(line))
      .slice(0, 4),
  ].join('\n');
}

const isServerGone = (error: unknown): boolean => /^(57P0[123]|08...|ECONN\w+|EPIPE)$/.test((error as { code?: string }).code ?? '');

/** For a program that is tried because a larger one diverged, that one's order comes first. */
function* policies(program: FuzzProgram, name: string, larger: Divergence | null, { schedules }: FuzzOptions): Generator<Policy> {
  if (larger !== null) yield ordered(larger.schedule.map(({ actor }) => actor));
  yield* schedulesOf(program, name, larger === null ? schedules : Math.min(schedules, SCHEDULES_TO_SHRINK));
}
