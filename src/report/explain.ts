import { anomalyOf, cycleThrough, type Dependency, dependencies } from '../history/dependencies.js';
import type { History, StepRecord } from '../history/history.js';
import { shortStatement } from './statement.js';

/** Why it broke, as an argument, a line each: what was read before what was changed, and by whom. */
export function explain(history: History, invariant: string, isolation: string): string[] {
  const violation = history.violations.find((item) => item.invariant === invariant);
  if (violation === undefined || violation.step < 0) return [];
  const culprit = history.steps[violation.step]!;
  if (invariant === 'progress') return [violation.message];
  const all = dependencies(history, violation.step, isolation);
  const cycle = cycleThrough(culprit.name, all);
  const steps = history.steps.slice(0, violation.step + 1);
  const misfortunes = steps.flatMap(misfortune);
  const causes = [...misfortunes, ...unheededWrite(steps, culprit.name)];
  if (cycle.length === 0)
    return misfortunes.length > 0
      ? causes
      : [...causes, 'no actor depended on another in a cycle: the steps are wrong in this order, not torn apart by it'];
  const lines = [...causes, ...cycle.map((item) => sentence(item, history))];
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
      if (item.snapshot !== undefined && item.second < item.first)
        return `${item.from} read ${item.table} (${at(item.first)}) as it had been at ${at(item.snapshot)}, before ${item.to} committed a change to it (${at(item.second)})`;
      return `${item.from} read ${item.table} (${at(item.first)}) before ${item.to} committed a change to it (${at(item.second)}), and was not told`;
    case 'wr':
      return `${item.to} read ${item.table} (${at(item.second)}: ${what(item.second)}) after ${item.from} had committed a change to it (${at(item.first)})`;
    case 'ww':
      return `${item.from} changed a row of ${item.table} (${at(item.first)}), and ${item.to} changed it again (${at(item.second)})`;
  }
}

/** What happened to an actor or to all of them, and what follows from it. */
function misfortune({ kind, name }: StepRecord, index: number): string[] {
  const at = `(step ${index + 1})`;
  switch (kind) {
    case 'lost':
      return [`${name} lost the connection ${at}: what was open was rolled back`];
    case 'unanswered':
      return [`the COMMIT of ${name} was carried out ${at} and the answer was lost: ${name} could not know whether it had been`];
    case 'dies':
      return [`the process of ${name} died ${at}: what it had committed stays, and what was to follow never comes`];
    case 'terminated':
      return [`the session of ${name} was ended ${at}: what was open was rolled back`];
    case 'cancelled':
    case 'statement-timeout':
    case 'lock-timeout':
      return [`a statement of ${name} waited and was given up ${at}`];
    case 'crash':
      return [`the server crashed ${at}: what was committed stays, and nothing else`];
    case 'cache-down':
      return [`the cache was down ${at}`];
    default:
      return [];
  }
}

/** That an actor went on, and committed, although his UPDATE or DELETE had found none of the rows that it asked for. */
function unheededWrite(steps: readonly StepRecord[], actor: string): string[] {
  const at = steps.findIndex((step) => step.name === actor && step.rowCount === 0 && /^\s*(update|delete)\b.*\bwhere\b/is.test(step.text));
  if (at < 0) return [];
  return [`${actor} went on after ${shortStatement(steps[at]!.text)} had changed no row (step ${at + 1})`];
}

const listed = (names: readonly string[]) =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]}`;
