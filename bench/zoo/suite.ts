import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Counterexample, FirstViolation, ScenarioOutcome, Score } from '../../src/index.js';
import { here, type SuiteData, type SuiteVerdict } from './data.js';

const MAIN = fileURLToPath(new URL('../../sim/main.ts', import.meta.url));

/** The outcome as the command line writes it. */
interface OutcomeFile {
  readonly seed: string;
  readonly postgres: { readonly version: string } | null;
  readonly score: Score;
  readonly scenarios: readonly (Omit<ScenarioOutcome, 'counterexample' | 'firstViolation'> & {
    readonly firstViolation: FirstViolation | null;
    readonly counterexample: Pick<Counterexample, 'actors' | 'steps' | 'switches'> | null;
  })[];
}

/** Runs the suite as anybody would. */
export async function runSuite(seed: string): Promise<SuiteData> {
  const directory = mkdtempSync(join(tmpdir(), 'lastseat-zoo-'));
  try {
    const args = ['--import', 'tsx', MAIN, '--seed', seed, '--report', directory];
    await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 26 });
    return readOutcome(join(directory, 'outcome.json'));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** From the file that the suite writes. */
export const readOutcome = (file: string): SuiteData => suiteData(JSON.parse(readFileSync(file, 'utf8')) as OutcomeFile);

/** What the document needs of an outcome. */
function suiteData({ seed, postgres, score, scenarios }: OutcomeFile): SuiteData {
  return { seed, measured: here(postgres?.version ?? null), score, verdicts: scenarios.map(verdictOf) };
}

function verdictOf(outcome: OutcomeFile['scenarios'][number]): SuiteVerdict {
  const { name, isolation, expect, verdict, model, postgres, firstViolation, counterexample, elapsedMs } = outcome;
  return {
    name,
    isolation,
    expect: expect ?? '',
    verdict,
    interleavings: model?.interleavings ?? '0',
    violating: model?.violating ?? '0',
    transitions: model?.transitions ?? 0,
    transitionsConfirmed: postgres?.transitionsConfirmed ?? 0,
    transitionsUnforceable: postgres?.transitionsUnforceable ?? 0,
    found:
      firstViolation === null || counterexample === null
        ? null
        : {
            schedules: firstViolation.schedules,
            actors: counterexample.actors,
            steps: counterexample.steps,
            switches: counterexample.switches,
            toViolationMs: firstViolation.elapsedMs,
          },
    elapsedMs,
  };
}
