import { anyCycle, type Cycle, cycleOfActors, cycleThrough, LETTERS, serialOrder } from '../history/cycles.js';
import { type Dependencies, type Dependency, dependencies } from '../history/dependencies.js';
import type { History, StepRecord } from '../history/history.js';
import { misfortunes, slips } from './causes.js';
import { oneLine, shorten, shortStatement } from './statement.js';

/** Why it broke, as an argument, a line each: what was read before what was changed, and by whom. */
export function explain(history: History, invariant: string, isolation: string): string[] {
  const violation = history.violations.find((item) => item.invariant === invariant);
  if (violation === undefined || violation.step < 0) return [];
  if (invariant === 'progress') return [violation.message];
  const culprit = history.steps[violation.step]!;
  const steps = history.steps.slice(0, violation.step + 1);
  const found = dependencies(history, violation.step, isolation);
  const causes = [...misfortunes(steps), ...slips(steps, culprit.name, found)];
  const own = found.transactions.findLastIndex(({ actor, committedAt }) => actor === culprit.name && committedAt !== null);
  const cycle = (own < 0 ? null : cycleThrough(own, found)) ?? anyCycle(found);
  if (cycle !== null) return [...causes, ...cycle.dependencies.map((item) => sentence(item, found, history)), conclusion(cycle, found)];
  const torn = cycleOfActors(culprit.name, found);
  if (torn !== null) return [...causes, ...torn.dependencies.map((item) => sentence(item, found, history)), tornApart(torn, found)];
  const open = unknown(found);
  return [...causes, ...(causes.length > 0 || open.length > 0 ? [] : inOrder(found, history, violation.step)), ...open];
}

const at = (step: number): string => `step ${step + 1}`;

function sentence(item: Dependency, { transactions }: Dependencies, history: History): string {
  const [from, to] = [transactions[item.from]!.actor, transactions[item.to]!.actor];
  const through = item.through === null ? '' : `, through ${item.through}`;
  switch (item.kind) {
    case 'rw':
      if (item.second < item.first && item.waited)
        return `${from} looked for rows of ${item.table} (${at(item.snapshot)}) and waited until step ${item.first + 1}: it got what there was at ${at(item.snapshot)}, and not the row that ${to} had ${MEANWHILE[item.effect]} meanwhile (${at(item.second)})`;
      if (item.second < item.first)
        return `${from} read ${item.table} (${at(item.first)}${through}) as it had been at ${at(item.snapshot)}, before ${to} committed a change to it (${at(item.second)})`;
      return `${from} read ${item.table} (${at(item.first)}${through}) before ${to} committed a change to it (${at(item.second)}), and was not told`;
    case 'wr':
      return `${to} read ${item.table} (${at(item.second)}${through}: ${shortStatement(history.steps[item.second]!.text)}) after ${from} had committed a change to it (${at(item.first)})`;
    case 'ww':
      return `${from} changed a row of ${item.table} (${at(item.first)}), and ${to} changed it again (${at(item.second)})`;
  }
}

const MEANWHILE: Readonly<Record<Dependency['effect'], string>> = { came: 'inserted', went: 'deleted', changed: 'changed' };

function conclusion({ dependencies: cycle, anomaly }: Cycle, { transactions }: Dependencies): string {
  const names = cycle.map(({ from }) => transactions[from]!.actor);
  const arrows = cycle.map(({ kind }, index) => `${names[index]} -${kind}->`).join(' ');
  return `a cycle: ${arrows} ${names[0]}. No order of ${listed([...new Set(names)])} one after the other gives this (${LETTERS[anomaly]})`;
}

/** Each transaction is in order with the others; an actor's work is in several. */
function tornApart({ dependencies: torn, anomaly }: Cycle, { transactions }: Dependencies): string {
  const names = torn.map(({ from }) => transactions[from]!.actor);
  const arrows = torn.map(({ kind }, index) => `${names[index]} -${kind}->`).join(' ');
  const split = torn.flatMap((item, index) => {
    const before = torn[(index + torn.length - 1) % torn.length]!;
    return item.from === before.to ? [] : [transactions[item.from]!.actor];
  });
  const whose = listed([...new Set(split)]);
  return `a cycle: ${arrows} ${names[0]}. Each transaction by itself is in order; ${whose} did in several what belongs together, and nothing is held from one to the next (${LETTERS[anomaly]}, across transactions)`;
}

/** No cycle: the transactions have an order. Where it is not that of their commits, somebody acted on what was no longer so. */
function inOrder(found: Dependencies, history: History, step: number): string[] {
  const order = serialOrder(found);
  if (order === null) return [];
  const { transactions, all } = found;
  const committed = order.toSorted((left, right) => transactions[left]!.committedAt! - transactions[right]!.committedAt!);
  const late = all.filter(
    ({ kind, from, to }) =>
      kind === 'rw' && order.includes(from) && order.includes(to) && transactions[from]!.committedAt! > transactions[to]!.committedAt!,
  );
  const names = order.map((index) => transactions[index]!.actor).filter((name, index, every) => name !== every[index - 1]);
  const where = `The rule is broken at ${at(step)} (${describe(history.steps[step]!)})`;
  if (late.length > 0 && order.some((index, place) => committed[place] !== index))
    return [
      sentence(late[0]!, found, history),
      `no cycle: the transactions are serialisable as ${names.join(', then ')}, and that is not the order of their commits. ${where}`,
    ];
  const serial = names.length < 2 ? '' : `: ${names.join(', then ')}, one after the other, come to the same`;
  return [
    `no actor depended on another in a cycle${serial}. The code is wrong in this order, and no isolation level prevents that. ${where}`,
  ];
}

function describe({ name, text, kind }: StepRecord): string {
  if (kind === 'commit') return `the commit of ${name}`;
  return `${name}: ${kind === 'statement' || kind === 'resume' ? shortStatement(text) : shorten(oneLine(text), 40)}`;
}

function unknown({ opaque, unsure }: Dependencies): string[] {
  const waited = unsure.map(
    ({ reader, through, table, step, changer, changed }) =>
      `${reader} reached ${table} through ${through}, which waited and went on (${at(step)}). Each of its statements has a snapshot of its own: some may have run before ${changer} committed a change (${at(changed)}), and some after`,
  );
  const unseen = opaque.map(
    (name) => `what ${name} reads and writes is not known, since it makes its statements as it runs: a cycle may go through it`,
  );
  return [...new Set([...waited, ...unseen])];
}

const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]}`;
