import stringWidth from 'string-width';
import type { History, StepRecord, UsageRecord } from '../history/history.js';
import { shorten, show, withValues } from './statement.js';

/** One step as it is shown: a line or several in the lane of its actor, and what it did to usage. */
export interface LaneStep {
  readonly number: number;
  readonly lane: number;
  readonly lines: readonly string[];
  readonly usage: string;
  readonly violated: boolean;
}

/** A history in lanes, one an actor. Ends with the violation: what came after it explains nothing. */
export function lanesOf(history: History, invariant: string | null): LaneStep[] {
  const end = history.violations.find((item) => invariant === null || item.invariant === invariant)?.step ?? history.steps.length - 1;
  return history.steps.slice(0, end + 1).map((step, index) => ({
    number: index + 1,
    lane: step.actor,
    lines: describeStep(step),
    usage: step.usage === null ? '' : usageText(step.usage),
    violated: index === end && invariant !== null,
  }));
}

function describeStep(step: StepRecord): string[] {
  const begin = step.prelude.map((text) => `${text.trim()}; `).join('');
  switch (step.kind) {
    case 'resume':
      return [step.outcome === 'blocked' ? `<... waits again, for ${step.waitsFor.join(', ')}>` : `<... goes on>${answer(step)}`];
    case 'deadlock':
      return [`<... deadlock>${answer(step)}`];
    default: {
      const text = `${begin}${withValues(step.text, step.values)}`;
      if (step.outcome === 'blocked') return [`${text}`, `<waits for ${step.waitsFor.join(', ')} ...>`];
      return [`${text}${answer(step)}`];
    }
  }
}

function answer(step: StepRecord): string {
  if (step.error !== null) return `  -> ${step.error.code} ${shorten(step.error.message, 48)}`;
  if (step.kind === 'store' || step.kind === 'cache') return step.value === null ? '' : `  -> ${shorten(step.value, 32)}`;
  const finished = step.finished === null ? '' : finishedText(step.finished);
  if (step.rows.length > 0) {
    const first = step.rows[0]!;
    const row = first.length === 1 ? show(first[0]) : step.fields.map((field, index) => `${field.name} ${show(first[index])}`).join(', ');
    const more = step.rows.length > 1 ? ` and ${step.rows.length - 1} more` : '';
    return `  -> ${shorten(row, 60)}${more}${finished}`;
  }
  const counts = /^\s*(update|delete|insert)/i.test(step.text);
  if (step.kind === 'statement' || step.kind === 'resume') {
    if (counts && step.rowCount === 0) return `  -> no row${finished}`;
    if (/^\s*select/i.test(step.text)) return `  -> no row${finished}`;
  }
  return finished;
}

function finishedText(finished: NonNullable<StepRecord['finished']>): string {
  if (finished.error !== undefined) return `  => throws ${shorten(finished.error, 48)}`;
  const { value } = finished;
  if (typeof value === 'object' && value !== null && 'rejected' in value) return `  => ${(value as { code?: string }).code ?? 'rejected'}`;
  return '';
}

export const usageText = (usage: readonly UsageRecord[]): string => {
  const [only] = usage;
  if (usage.length === 1 && only !== undefined) return `usage ${only.used}/${only.capacity}`;
  return usage.map((item) => `${item.resource} ${item.used}/${item.capacity}`).join(', ');
};

/** Lays lanes out as text: a column an actor, statements wrapped to it. */
export function renderLanes(steps: readonly LaneStep[], names: readonly string[], width: number): string[] {
  const usageWidth = Math.max(0, ...steps.map((step) => stringWidth(step.usage) + (step.violated ? 3 : 0)));
  const room = Math.max(20, Math.floor((width - 6 - usageWidth - 2) / Math.max(1, names.length)) - 2);
  const used = names.map((name, lane) =>
    Math.min(
      room,
      Math.max(
        stringWidth(name),
        ...steps.filter((step) => step.lane === lane).flatMap((step) => step.lines.map((line) => stringWidth(line))),
      ),
    ),
  );
  const offsets = used.map((_, lane) => 6 + used.slice(0, lane).reduce((sum, column) => sum + column + 2, 0));
  const end = 6 + used.reduce((sum, column) => sum + column + 2, 0);
  const header = names.reduce((line, name, lane) => line.padEnd(offsets[lane]!) + name, '');
  const lines = [header.trimEnd()];
  for (const step of steps) {
    const wrapped = step.lines.flatMap((line) => wrap(line, used[step.lane]!));
    wrapped.forEach((part, index) => {
      const number = index === 0 ? String(step.number).padStart(4) : '';
      const left = number.padEnd(offsets[step.lane]!) + part;
      const last = index === wrapped.length - 1;
      const usage = last && step.usage !== '' ? step.usage : '';
      lines.push((usage === '' ? left : `${left.padEnd(end)}${usage}`) + (last && step.violated ? '  x' : ''));
    });
  }
  return lines;
}

/** Breaks a line at spaces; what follows is set in a little. */
export function wrap(line: string, width: number): string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of line.split(' ')) {
    const next = current === '' ? word : `${current} ${word}`;
    if (stringWidth(next) <= width || current.trim() === '') {
      current = next;
      continue;
    }
    lines.push(current);
    current = `  ${word}`;
  }
  lines.push(current);
  return lines;
}
