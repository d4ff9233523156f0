import type { History, RowChange, StepRecord } from './history.js';

/**
 * Who depended on whom, in Adya's terms: `rw`, one read what the other then changed; `wr`, one read what the other had changed; `ww`, both
 * changed the same row. A cycle means that no order of the actors, one after the other, gives what happened.
 */
export interface Dependency {
  readonly from: string;
  readonly to: string;
  readonly kind: 'rw' | 'wr' | 'ww';
  readonly table: string;
  /** Step of the read, or of the first change. */
  readonly first: number;
  /** For `rw`: the step in which the snapshot that was read was taken; before `first` where the transaction has one for all its statements. */
  readonly snapshot?: number;
  /** Step of the commit that changed it, or of the read after it. */
  readonly second: number;
}

interface Read {
  readonly actor: string;
  readonly table: string;
  readonly step: number;
  /** Index of the step in which the snapshot was taken. */
  readonly snapshot: number;
}

interface Change extends RowChange {
  readonly actor: string;
  /** Index of the commit. */
  readonly step: number;
}

/** All dependencies between actors that matter up to a step. `isolation` is the level of a transaction that names none. */
export function dependencies(history: History, until: number, isolation: string): Dependency[] {
  const steps = history.steps.slice(0, until + 1);
  const tables = [...new Set(steps.flatMap((step) => step.changes.map((change) => change.table)))];
  const reads = steps.flatMap((step, index) => readsOf(step, index, tables, snapshotOf(steps, index, isolation)));
  const changes = steps.flatMap((step, index) => step.changes.map((change): Change => ({ ...change, actor: step.name, step: index })));
  const found: Dependency[] = [];
  const add = (dependency: Dependency) => {
    const known = found.some(
      (other) =>
        other.from === dependency.from && other.to === dependency.to && other.kind === dependency.kind && other.table === dependency.table,
    );
    if (!known) found.push(dependency);
  };
  for (const read of reads)
    for (const change of changes) {
      if (read.actor === change.actor || read.table !== change.table) continue;
      if (read.snapshot < change.step)
        add({
          from: read.actor,
          to: change.actor,
          kind: 'rw',
          table: read.table,
          first: read.step,
          second: change.step,
          snapshot: read.snapshot,
        });
      else add({ from: change.actor, to: read.actor, kind: 'wr', table: read.table, first: change.step, second: read.step });
    }
  for (const [index, change] of changes.entries())
    for (const later of changes.slice(index + 1)) {
      if (later.actor === change.actor || later.table !== change.table || !sameRow(change, later)) continue;
      add({ from: change.actor, to: later.actor, kind: 'ww', table: change.table, first: change.step, second: later.step });
    }
  return found;
}

/** The shortest cycle of dependencies through an actor, over rows that both changed where there are such; empty where there is none. */
export function cycleThrough(actor: string, dependencies: readonly Dependency[]): Dependency[] {
  const all = [...dependencies].sort((left, right) => KINDS.indexOf(left.kind) - KINDS.indexOf(right.kind));
  const queue: Dependency[][] = all.filter((item) => item.from === actor).map((item) => [item]);
  const seen = new Set<string>();
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    const { to } = path[path.length - 1]!;
    if (to === actor) return path;
    if (seen.has(to)) continue;
    seen.add(to);
    for (const next of all) if (next.from === to) queue.push([...path, next]);
  }
  return [];
}

/** What says most comes first: who overwrote whom, then who missed whose change. */
const KINDS: readonly Dependency['kind'][] = ['ww', 'rw', 'wr'];

/** The name that the field has for a cycle. */
export function anomalyOf(cycle: readonly Dependency[]): string {
  const kinds = cycle.map((item) => item.kind);
  if (kinds.every((kind) => kind === 'rw')) return 'write skew';
  if (kinds.includes('rw') && kinds.includes('ww')) return 'lost update';
  if (kinds.filter((kind) => kind === 'rw').length === 1) return 'read skew';
  return 'a cycle of dependencies';
}

/** Above READ COMMITTED a transaction reads with one snapshot, which its first statement takes even if it has to wait; LOCK TABLE takes none. */
function snapshotOf(steps: readonly StepRecord[], index: number, isolation: string): number {
  const { name } = steps[index]!;
  const before = steps.slice(0, index + 1);
  const begin = before.findLastIndex((step) => step.name === name && step.prelude.some((text) => /^\s*(begin|start)\b/i.test(text)));
  const ended = before.findLastIndex(
    (step, at) => at < index && step.name === name && /^\s*(commit|end|rollback|abort)\b(?!\s+to\b)/i.test(step.text),
  );
  if (begin < 0 || begin < ended) return index;
  const named = /isolation\s+level\s+(\w+\s+\w+|serializable)/i.exec(steps[begin]!.prelude.join(' '))?.[1] ?? isolation;
  if (named.toUpperCase().replace(/\s+/g, ' ') === 'READ COMMITTED') return index;
  const first = before.findIndex(
    (step, at) => at >= begin && step.name === name && step.kind === 'statement' && !/^\s*lock\b/i.test(step.text),
  );
  return first < 0 ? index : first;
}

function readsOf(step: StepRecord, index: number, tables: readonly string[], snapshot: number): Read[] {
  if (step.kind !== 'statement' && step.kind !== 'resume') return [];
  if (step.outcome === 'blocked' || step.outcome === 'failed') return [];
  const text = step.text.toLowerCase();
  if (!/\b(select|update|delete)\b/.test(text)) return [];
  return tables
    .filter((table) => new RegExp(`\\b(from|join|update)\\s+(only\\s+)?"?${table}"?\\b`, 'i').test(text))
    .map((table) => ({ actor: step.name, table, step: index, snapshot }));
}

/** Whether the later change is of the row as the earlier one left it. Of two that came one after the other, neither is the other. */
function sameRow({ after }: RowChange, { before }: RowChange): boolean {
  return after !== null && before !== null && JSON.stringify(after) === JSON.stringify(before);
}
