import { type ExportedRun, exportSpecification, SpecExportError, UnmodelledError, withoutHolding } from '../src/index.js';
import { writeWhole } from './write-file.js';

/**
 * Writes runs as specifications that isolationtester replays, one to the file, several to files beside it; says what was written, and what could not be
 * and why.
 */
export async function exportSpecs(file: string, runs: readonly ExportedRun[]): Promise<string[]> {
  if (runs.length === 0) return [`spec        nothing to write to ${file}`];
  const lines: string[] = [];
  for (const run of runs) {
    const path = runs.length === 1 ? file : besides(file, `${run.scenario.name} ${run.plan.isolation}`);
    try {
      writeWhole(path, await specificationOf(run));
      lines.push(`spec        ${path}`);
    } catch (error) {
      if (!(error instanceof SpecExportError || error instanceof UnmodelledError)) throw error;
      lines.push(`spec        ${run.scenario.name}, ${run.plan.isolation}: not written: ${error.message}`);
    }
  }
  return lines;
}

async function specificationOf(run: ExportedRun): Promise<string> {
  const history = await withoutHolding(run.scenario, run.plan, run.history, run.violation);
  if (history === null)
    throw new SpecExportError(
      'a waiter that may go on is held back in it, which isolationtester cannot do, and no other order shows the violation',
    );
  return exportSpecification({ ...run, history });
}

function besides(file: string, name: string): string {
  const slug = name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return /\.spec$/.test(file) ? file.replace(/\.spec$/, `-${slug}.spec`) : `${file}-${slug}`;
}
