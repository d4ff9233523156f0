import fc from 'fast-check';
import { numericSeed } from '../../src/plan/draw.js';
import type { Plan } from '../../src/plan/plan.js';
import type { FreeRun, Query, Wrap } from './free-run.js';

/** A run that takes longer than this hangs: the scheduler waits for a statement that waits for one it has not released. */
const HANGS_AFTER_MS = 2_000;
const REPLAYS = 20;

/** The plan as a property over `fc.scheduler()`, and its counterexample replayed from its seed and path. */
export async function underScheduler(free: FreeRun, plan: Plan, seed: string, runs: number): Promise<string> {
  let hung = false;
  const property = fc.asyncProperty(fc.scheduler(), async (scheduler) => {
    const wrap: Wrap = (_, query) => {
      const asked: Query = (text, values) => {
        const answer = query(text, values);
        // The scheduler may never get to it.
        answer.catch(() => undefined);
        return answer;
      };
      return scheduler.scheduleFunction(asked) as Query;
    };
    const finished = free.run(plan, wrap);
    // What hangs fails when its connections are broken off.
    finished.catch(() => undefined);
    const outcome = await Promise.race([scheduler.waitFor(finished), late()]);
    if (outcome === 'hangs') {
      hung = true;
      throw new Error('hangs');
    }
    if (outcome.length > 0) throw new Error(outcome.join());
  });
  const details = await fc.check(property, { seed: numericSeed(seed), numRuns: runs, endOnFailure: true });
  if (hung) return `run ${details.numRuns} never ended: a statement waited for a lock, and the scheduler for the statement`;
  if (!details.failed) return `no failure in ${details.numRuns} runs`;
  const shrinks = await fc.check(property, { seed: details.seed, path: details.counterexamplePath!, numRuns: runs });
  let again = 0;
  for (let replay = 0; replay < REPLAYS; replay += 1) {
    const replayed = await fc.check(property, { seed: details.seed, path: details.counterexamplePath!, numRuns: 1, endOnFailure: true });
    if (replayed.failed) again += 1;
  }
  return `failed in run ${details.numRuns}, shrunk ${shrinks.numShrinks} times, failed again in ${again} of ${REPLAYS} replays from seed and path`;
}

const late = () => new Promise<'hangs'>((resolve) => setTimeout(resolve, HANGS_AFTER_MS, 'hangs').unref());
