import stringWidth from 'string-width';
import type { History, StepRecord, UsageRecord } from '../history/history.js';
import { folded } from './fold.js';
import type { LaneLine, LaneStep } from './lane.js';
import { shorten, show, showRow, withValues } from './statement.js';

/** A history in lanes, one an actor. Ends with the violation: what came after it explains nothing. */
export function lanesOf(history: History, invariant: string | null): LaneStep[] {
  const end = history.violations.find((item) => invariant === null || item.invariant === invariant)?.step ?? history.steps.length - 1;
  const steps = history.steps.slice(0, end + 1).map((step, index) => ({
    number: index + 1,
    lane: step.actor,
    lines: describeStep(step),
    usage: step.usage === null ? '' : usageText(step.usage),
    violated: index === end && invariant !== null,
  }));
  return folded(steps);
}

function describeStep(step: StepRecord): LaneLine[] {
  const begin = step.prelude.map((text) => `${text.trim()}; `).join('');
  const line = (text: string, answered = answer(step)): LaneLine => ({ text, answer: answered });
  switch (step.kind) {
    case 'resume':
      return [step.outcome === 'blocked' ? line(`<... waits again, for ${step.waitsFor.join(', ')}>`, '') : line('<... goes on>')];
    case 'deadlock':
      return [line('<... deadlock>')];
    case 'tick':
      return [
        line(
          `~~ ${step.text}, to ${new Date(step.clockMs)
            .toISOString()
            .replace('T', ' ')
            .replace(/(\.000)?Z$/, '')} ~~`,
          '',
        ),
      ];
    case 'start':
      return [line('<begins>')];
    case 'dies':
      return [line('<process dies>', '')];
    case 'terminated':
      return step.error === null
        ? [line('<session ended by an administrator>', '')]
        : [line(withValues(step.text, step.values), ''), line('<session ended by an administrator>')];
    case 'cancelled':
    case 'statement-timeout':
    case 'lock-timeout':
      return [line('<... gives up>')];
    case 'crash':
    case 'cache-down':
      return [line(`## ${step.text} ##`, '')];
    case 'lost':
      return step.error === null
        ? [line('<connection lost>', '')]
        : [line(`${withValues(step.text, step.values)}`, ''), line('<connection lost>')];
    case 'unanswered':
      return [line('COMMIT', ''), line('<committed; connection lost before the answer>')];
    case 'commit':
      return [line(step.text, step.error === null ? finishedText(step) : errorText(step))];
    default: {
      const text = `${begin}${withValues(step.text, step.values)}`;
      return step.outcome === 'blocked' ? [line(text, ''), line(`<waits for ${step.waitsFor.join(', ')} ...>`, '')] : [line(text)];
    }
  }
}

/** Longest answer that is shown whole. */
const ANSWER_WIDTH = 60;

function answer(step: StepRecord): string {
  if (step.error !== null) return errorText(step);
  if (step.kind === 'store' || step.kind === 'cache')
    return step.value === null ? finishedText(step) : joined(`-> ${shorten(step.value, 32)}`, finishedText(step));
  return joined(rowsText(step), finishedText(step));
}

const errorText = (step: StepRecord): string => joined(`-> ${step.error!.code} ${shorten(step.error!.message, 48)}`, finishedText(step));

function rowsText(step: StepRecord): string {
  const [first, ...others] = step.rows;
  if (first !== undefined) {
    const row = first.length === 1 ? show(first[0]) : showRow(step.fields, first, ANSWER_WIDTH);
    return `-> ${row}${others.length > 0 ? ` and ${others.length} more` : ''}`;
  }
  const finds = /^\s*select/i.test(step.text) || (step.rowCount === 0 && /^\s*(update|delete|insert)/i.test(step.text));
  return finds ? '-> no row' : '';
}

function finishedText({ finished }: StepRecord): string {
  if (finished === null) return '';
  if (finished.error !== undefined) return `=> throws ${shorten(finished.error, 48)}`;
  const { value } = finished;
  if (typeof value === 'object' && value !== null && 'rejected' in value) return `=> ${(value as { code?: string }).code ?? 'rejected'}`;
  return '';
}

const joined = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join('  ');

export const usageText = (usage: readonly UsageRecord[]): string => {
  const [only] = usage;
  if (usage.length === 1 && only !== undefined) return `usage ${only.used}/${only.capacity}`;
  return usage.map((item) => `${item.resource} ${item.used}/${item.capacity}`).join(', ');
};

/** Lays lanes out as text: a column an actor, statements wrapped to it. */
export function renderLanes(steps: readonly LaneStep[], names: readonly string[], width: number): string[] {
  const usageWidth = Math.max(0, ...steps.map((step) => stringWidth(step.usage) + (step.violated ? 3 : 0)));
  const wanted = names.map((name, lane) =>
    Math.max(
      stringWidth(name),
      ...steps.filter((step) => step.lane === lane).flatMap((step) => step.lines.map((line) => stringWidth(asOneLine(line)))),
    ),
  );
  const columns = shared(wanted, width - MARGIN - usageWidth - GAP * names.length);
  const offsets = columns.map((_, lane) => MARGIN + columns.slice(0, lane).reduce((sum, column) => sum + column + GAP, 0));
  const end = MARGIN + columns.reduce((sum, column) => sum + column + GAP, 0);
  const header = names.reduce((line, name, lane) => padded(line, offsets[lane]!) + name, '');
  const lines = [header.trimEnd()];
  for (const step of steps) {
    const parts = step.lines.flatMap((line) => fitted(line, columns[step.lane] ?? end - MARGIN - GAP));
    parts.forEach((part, index) => {
      const number = index === 0 ? String(step.number).padStart(4) : '';
      const left = padded(number, offsets[step.lane] ?? MARGIN) + part;
      const last = index === parts.length - 1;
      const right = last ? `${step.usage}${step.violated ? '  x' : ''}` : '';
      lines.push(right === '' ? left : padded(left, end) + right);
    });
  }
  return lines;
}

/** Left of the first lane stand the steps' numbers; between lanes there is a gap. */
const MARGIN = 6;
const GAP = 2;
const NARROWEST = 16;

const padded = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - stringWidth(text)));

/** Widths of columns that want more than there is: who wants less than an equal share gets it, and the others share the rest. */
function shared(wanted: readonly number[], room: number): number[] {
  const widths = wanted.map(() => 0);
  let open = wanted.map((_, index) => index).sort((left, right) => wanted[left]! - wanted[right]!);
  for (let left = room; open.length > 0; open = open.slice(1)) {
    const [first] = open;
    widths[first!] = Math.max(NARROWEST, Math.min(wanted[first!]!, Math.floor(left / open.length)));
    left -= widths[first!]!;
  }
  return widths;
}

const asOneLine = ({ text, answer }: LaneLine): string => (answer === '' ? text : `${text}  ${answer}`);

function fitted(line: LaneLine, width: number): string[] {
  const whole = asOneLine(line);
  if (stringWidth(whole) <= width) return [whole];
  return [...wrap(line.text, width), ...(line.answer === '' ? [] : wrap(line.answer, width - 2).map((part) => `  ${part}`))];
}

/** Breaks a line at spaces, and inside a word only where it is longer than a line; what follows is set in a little. */
export function wrap(line: string, width: number): string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of line.split(' ')) {
    const next = current === '' ? word : `${current} ${word}`;
    if (stringWidth(next) <= width) {
      current = next;
    } else if (stringWidth(word) <= width - INDENT.length) {
      lines.push(current.trimEnd());
      current = INDENT + word;
    } else {
      const [first, ...rest] = pieces(next, width);
      lines.push(first!, ...rest.slice(0, -1));
      current = rest.at(-1)!;
    }
  }
  lines.push(current.trimEnd());
  return lines;
}

const INDENT = '  ';

/** A text cut to lines of so many columns, set in from the second on. */
function pieces(text: string, width: number): string[] {
  const characters = [...text];
  const cut = characters.findIndex((_, index) => stringWidth(characters.slice(0, index + 1).join('')) > width);
  if (cut < 0) return [text];
  return [characters.slice(0, cut).join(''), ...pieces(INDENT + characters.slice(cut).join(''), width)];
}
