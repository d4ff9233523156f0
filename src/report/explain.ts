import { anomalyOf, cycleThrough, type Dependency, dependencies } from '../history/dependencies.js';
import type { History, StepRecord } from '../history/history.js';
import { shortStatement } from './statement.js';

/** Why it broke, as an argument, a line each: what was read before what was changed, and by whom. */
export function explain(history: History, invariant: string): string[] {
  const violation = history.violations.find((item) => item.invariant === invariant);
  if (violation === undefined || violation.step < 0) return [];
  const culprit = history.steps[violation.step]!;
  if (invariant === 'progress') return [violation.message];
  const all = dependencies(history, violation.step);
  const cycle = cycleThrough(culprit.name, all);
  if (cycle.length === 0) return serialStory(history, violation.step);
  const lines = cycle.map((item) => sentence(item, history));
  const arrows = cycle.map((item) => `${item.from} -${item.kind}->`).join(' ');
  lines.push(
    `a cycle: ${arrows} ${culprit.name}. No order of ${listed(cycle.map((item) => item.from))} one after the other gives this (${anomalyOf(cycle)})`,
  );
  return lines;
}

function sentence(item: Dependency, history: History): string {
  const at = (step: number) => `step ${step + 1}`;
  const what = (step: number) => shortStatement(history.steps[step]!.text);
  switch (item.kind) {
    case 'rw':
      return `${item.from} read ${item.table} (${at(item.first)}) before ${item.to} committed a change to it (${at(item.second)}), and was not told`;
    case 'wr':
      return `${item.to} read ${item.table} (${at(item.second)}: ${what(item.second)}) after ${item.from} had committed a change to it (${at(item.first)})`;
    case 'ww':
      return `${item.from} changed a row of ${item.table} (${at(item.first)}), and ${item.to} changed it again (${at(item.second)})`;
  }
}

/** No cycle: the operations are wrong in this very order. */
function serialStory(history: History, until: number): string[] {
  const steps = history.steps.slice(0, until + 1);
  const ignored = steps.find((step) => step.rowCount === 0 && /^\s*(update|delete)/i.test(step.text) && laterCommit(steps, step));
  const order = 'no actor depended on another in a cycle: the steps are wrong in this order, not torn apart by it';
  if (ignored === undefined) return [order];
  return [`${ignored.name} went on after ${shortStatement(ignored.text)} had changed no row (step ${steps.indexOf(ignored) + 1})`, order];
}

function laterCommit(steps: readonly StepRecord[], step: StepRecord): boolean {
  return steps.slice(steps.indexOf(step)).some((later) => later.name === step.name && later.changes.length > 0);
}

const listed = (names: readonly string[]) =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]}`;
