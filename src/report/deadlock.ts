import type { StepRecord } from '../history/history.js';
import { shortStatement } from './statement.js';

/** Who waited for whom in each deadlock, whose statement the server ended, and what the victim did then. */
export function deadlocks(steps: readonly StepRecord[]): string[] {
  return steps.flatMap((step, index) => {
    if (step.kind !== 'deadlock' && step.error?.code !== '40P01') return [];
    return [
      `${waits(steps, index)}: a deadlock. The server ended the statement of ${step.name} (step ${index + 1}, 40P01) and undid its transaction. ${sequel(steps, index)}`,
    ];
  });
}

function waits(steps: readonly StepRecord[], victimAt: number): string {
  const victim = steps[victimAt]!.name;
  const told: { readonly at: number; readonly text: string }[] = [];
  const seen = new Set<string>();
  const queue = [victim];
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    if (seen.has(name)) continue;
    seen.add(name);
    const at = steps.slice(0, victimAt).findLastIndex((step) => step.name === name && step.outcome === 'blocked');
    const over = steps.slice(at + 1, victimAt).some((step) => step.name === name);
    if (at < 0 || over) continue;
    const { waitsFor } = steps[at]!;
    told.push({ at, text: `${name} waited for ${waitsFor.join(' and ')} (step ${at + 1})` });
    queue.push(...waitsFor);
  }
  if (told.length === 0) return `${victim} waited`;
  return told
    .sort((left, right) => left.at - right.at)
    .map(({ text }) => text)
    .join(' and ');
}

function sequel(steps: readonly StepRecord[], victimAt: number): string {
  const { name, finished } = steps[victimAt]!;
  if (finished !== null) return ended(name, finished);
  const later = steps.findIndex((step, index) => index > victimAt && step.name === name && !/^\s*rollback\b(?!\s+to\b)/i.test(step.text));
  const rollback = steps.find((step, index) => index > victimAt && step.name === name);
  if (later >= 0) return `${name} went on with ${shortStatement(steps[later]!.text)} (step ${later + 1})`;
  return rollback?.finished ? ended(name, rollback.finished) : `${name} had not gone on yet`;
}

function ended(name: string, { error, value }: NonNullable<StepRecord['finished']>): string {
  if (error !== undefined) return `${name} gave up`;
  const code = typeof value === 'object' && value !== null && 'rejected' in value ? (value as { code?: unknown }).code : undefined;
  return code === undefined ? `${name} returned as if it had been done` : `${name} answered ${String(code)}`;
}
