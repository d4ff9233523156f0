import { grouped } from '../grouped.js';
import type { PlanOutcome, ServerFigures } from '../outcome.js';
import { showFault } from '../plan/fault.js';
import { ordersText } from './orders.js';
import { show } from './statement.js';

/** Plans that are listed one by one. */
const MOST_LISTED = 8;

/** A line for each plan; where there are many, for the first of those of a workload that came out alike, and what the others come to. */
export function planLines(outcomes: readonly PlanOutcome[]): string[] {
  if (outcomes.length <= MOST_LISTED) return outcomes.map(planLine);
  const alike = new Map<string, PlanOutcome[]>();
  for (const outcome of outcomes) {
    const key = JSON.stringify([outcome.plan.workload, outcome.verdict, outcome.model?.exhaustive ?? null]);
    alike.set(key, [...(alike.get(key) ?? []), outcome]);
  }
  return [...alike.values()].flatMap(([first, ...others]) => [planLine(first!), ...(others.length === 0 ? [] : [othersLine(others)])]);
}

function planLine({ plan, verdict, model, postgres }: PlanOutcome): string {
  const actors = plan.actors.map((actor) => `${actor.name} ${inputText(actor.input)}`.trim()).join(', ');
  const counts =
    model === null
      ? serverCounts(postgres)
      : ` (${grouped(model.interleavings)} ${model.exhaustive ? 'interleavings' : 'schedules'}, ${grouped(model.states)} states)`;
  const faults = (plan.faults ?? []).map((fault) => `, ${showFault(fault)}`).join('');
  return `${plan.workload}: ${actors}, capacity ${plan.capacity}${faults}: ${verdict}${counts}`;
}

function othersLine(others: readonly PlanOutcome[]): string {
  const [{ plan, verdict, model }] = others as [PlanOutcome];
  const sum = (pick: (item: PlanOutcome) => string | number | undefined) =>
    grouped(String(others.reduce((total, item) => total + BigInt(pick(item) ?? 0), 0n)));
  const counts =
    model === null
      ? ''
      : ` (${sum((item) => item.model?.interleavings)} ${model.exhaustive ? 'interleavings' : 'schedules'}, ${sum((item) => item.model?.states)} states)`;
  return `... and ${grouped(others.length)} more of ${plan.workload}: ${verdict}${counts}`;
}

/** ` (21 runs for 756,756 orders)`; nothing where orders were not run one by one. */
function serverCounts(figures: ServerFigures | null): string {
  const text = ordersText(figures);
  return text === null ? '' : ` (${text})`;
}

/** `(userId 1, seats 2)`; nothing for no input. */
function inputText(input: unknown): string {
  if (typeof input !== 'object' || input === null) return input === null || input === undefined ? '' : `(${show(input)})`;
  const fields = Object.entries(input).map(([name, value]) => `${name} ${show(value)}`);
  return fields.length === 0 ? '' : `(${fields.join(', ')})`;
}
