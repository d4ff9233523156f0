import { createHash } from 'node:crypto';
import type { Row } from './context.js';
import { DrawnValues } from './drawn-values.js';
import type { History, RowChange, StepRecord, UsageRecord, ViolationRecord } from './history/history.js';
import { routinesIn } from './history/routines.js';
import type { Machine, Step } from './machine.js';
import { replyKey } from './reply.js';
import type { Run } from './run.js';
import type { CommittedState } from './scenario.js';
import { NOBODY, nameIn } from './schedule/choice.js';

/** Turns a run into plain data. */
export function recordHistory<S>(machine: Machine<S>, run: Run<S>): History {
  const routines = routinesIn(machine.scenario.schema);
  return {
    ...(routines.length > 0 && { routines }),
    steps: run.steps.map((step) => recordStep(machine, step)),
    initialUsage: usageOf(machine, run.first.committed),
    violations: run.violations.map(
      ({ step, violation }): ViolationRecord => ({
        step,
        invariant: violation.invariant,
        resource: violation.resource,
        message: violation.message,
        usage: violation.usage ?? null,
        capacity: violation.capacity ?? null,
        ...(violation.atEnd && { atEnd: true }),
      }),
    ),
  };
}

function recordStep<S>(machine: Machine<S>, step: Step<S>): StepRecord {
  const { actor } = step.choice;
  const names = machine.actorNames;
  const reply = step.outcome.kind === 'blocked' ? null : step.outcome.reply;
  const changes =
    step.before.committed.tables === step.after.committed.tables ? [] : changesBetween(step.before.committed, step.after.committed);
  const phaseBefore = names.map((_, index) => machine.phase(step.before, index));
  return {
    actor,
    name: nameIn(names, step.choice),
    kind: step.kind,
    prelude: step.prelude,
    text: step.text,
    values: step.values,
    site: step.site,
    outcome: step.outcome.kind === 'done' && reply?.kind === 'error' ? 'failed' : step.outcome.kind,
    fields: reply?.kind === 'result' ? reply.fields : [],
    rows: reply?.kind === 'result' ? reply.rows : [],
    rowCount: reply?.kind === 'result' ? reply.rowCount : null,
    error: reply?.kind === 'error' ? { code: reply.code, message: reply.message, constraint: reply.constraint } : null,
    value: reply?.kind === 'value' && reply.value !== null ? shorten(String(reply.value)) : null,
    waitsFor:
      actor === NOBODY ? [] : machine.engine.status(step.after.engine, actor).waitsFor.map((other) => names[other] ?? 'somebody else'),
    freed: names.filter((_, index) => phaseBefore[index] === 'waiting' && machine.phase(step.after, index) === 'freed'),
    changes,
    usage: changes.length > 0 ? usageOf(machine, step.after.committed) : null,
    finished: step.finished,
    events: step.events,
    clockMs: step.after.world.clockMs,
  };
}

const usageOf = <S>(machine: Machine<S>, committed: CommittedState): readonly UsageRecord[] => machine.scenario.usage?.(committed) ?? [];

const shorten = (text: string) => (text.length > 80 ? `${text.slice(0, 77)}...` : text);

/**
 * Rows that came, went or changed. What the primary key is a state does not say, only that it comes first: a row is known again by as many
 * of its first columns as possible.
 */
export function changesBetween(before: CommittedState, after: CommittedState): RowChange[] {
  return Object.keys(after.tables).flatMap((table) => {
    const gone = rowsOnlyIn(before, after, table);
    const come = rowsOnlyIn(after, before, table);
    const changes = gone.map((row): RowChange => {
      const again = come.reduce((best, other, at) => (alike(row, other) > alike(row, come[best]) ? at : best), -1);
      return { table, before: row, after: again < 0 ? null : come.splice(again, 1)[0]! };
    });
    return [...changes, ...come.map((row): RowChange => ({ table, before: null, after: row }))];
  });
}

function rowsOnlyIn({ tables }: CommittedState, other: CommittedState, table: string): Row[] {
  const there = new Set((other.tables[table] ?? []).map((row) => JSON.stringify(row)));
  return (tables[table] ?? []).filter((row) => !there.has(JSON.stringify(row)));
}

/** How many of their first columns two rows have in common. */
function alike(row: Row, other: Row | undefined): number {
  if (other === undefined) return 0;
  const values = Object.values(other);
  const differing = Object.values(row).findIndex((value, at) => value !== values[at]);
  return differing < 0 ? values.length : differing;
}

/** Four characters for what a step was and how it came out: enough to tell where a replay departs from its recording. */
export const stepHash = (step: Step<unknown>): string => hashOf(textOf(step));

/** Before the hash of a step of which drawn values count by their names. */
const NAMED = '~';

/** Holds the steps of one run, in their order, against recorded hashes. */
export class StepHashes {
  readonly #drawn = new DrawnValues();

  /** The step's hash; `recorded`: the one that it is held against, and whose kind it has. */
  of(step: Step<unknown>, recorded: string | undefined): string {
    const text = textOf(step);
    const named = this.#drawn.named(text);
    return recorded?.startsWith(NAMED) ? namedHash(named) : hashOf(text);
  }
}

/**
 * The hashes of a run's steps. `again`: another run of the same schedule. Where it has other drawn values, and differs in nothing else, these count by
 * their names.
 */
export function hashesOf(steps: readonly Step<unknown>[], again: readonly Step<unknown>[] | null): string[] {
  const texts = steps.map(textOf);
  const hashes = texts.map(hashOf);
  if (again === null) return hashes;
  const [ours, theirs] = [new DrawnValues(), new DrawnValues()];
  return hashes.map((hash, index) => {
    const named = ours.named(texts[index]!);
    const other = again[index] === undefined ? null : textOf(again[index]!);
    const otherNamed = other === null ? null : theirs.named(other);
    return other !== texts[index] && otherNamed === named ? namedHash(named) : hash;
  });
}

function textOf(step: Step<unknown>): string {
  const outcome = step.outcome.kind === 'blocked' ? 'blocked' : `${step.outcome.kind} ${replyKey(step.outcome.reply)}`;
  return JSON.stringify([step.kind, step.prelude, step.text, step.values, outcome]);
}

const HASH_LENGTH = 4;
const digest = (text: string): string => createHash('sha256').update(text).digest('base64url');
const hashOf = (text: string): string => digest(text).slice(0, HASH_LENGTH);
const namedHash = (text: string): string => NAMED + digest(text).slice(0, HASH_LENGTH - NAMED.length);
