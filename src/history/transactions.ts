import type { History, StepRecord } from './history.js';

/** A transaction of an actor: a block, or a statement outside of one. */
export interface TransactionRecord {
  readonly actor: string;
  /** Indexes of its steps, in order; its end is among them. */
  readonly steps: readonly number[];
  /** Null where it was rolled back, or is open. */
  readonly committedAt: number | null;
  readonly isolation: string;
  readonly explicit: boolean;
}

interface Open {
  readonly steps: number[];
  explicit: boolean;
  isolation: string;
  failed: boolean;
}

const BEGINS = /^\s*(begin|start\s+transaction)\b/i;
const ENDS = /^\s*(commit|end|rollback|abort)\b(?!\s+to\b)/i;
const LEVEL = /isolation\s+level\s+(serializable|repeatable\s+read|read\s+(?:un)?committed)/i;

/** The transactions of all actors up to a step, in the order in which they began. `isolation` is the level of one that names none. */
export function transactionsOf({ steps }: History, until: number, isolation: string): TransactionRecord[] {
  const found: TransactionRecord[] = [];
  const open = new Map<string, Open>();
  const close = (actor: string, committedAt: number | null) => {
    const transaction = open.get(actor);
    open.delete(actor);
    if (transaction === undefined || transaction.steps.length === 0) return;
    const { steps: own, isolation: level, explicit } = transaction;
    found.push({ actor, steps: own, committedAt, isolation: level, explicit });
  };
  for (const [index, step] of steps.slice(0, until + 1).entries()) {
    if (step.kind === 'crash') {
      for (const actor of [...open.keys()]) close(actor, null);
      continue;
    }
    take(step, index, isolation, open, close);
  }
  for (const actor of [...open.keys()]) close(actor, null);
  return found.sort((left, right) => left.steps[0]! - right.steps[0]!);
}

function take(
  step: StepRecord,
  index: number,
  isolation: string,
  open: Map<string, Open>,
  close: (actor: string, committedAt: number | null) => void,
): void {
  const { name, kind, text, outcome, prelude } = step;
  if (!SQL.has(kind)) {
    if (ENDING.has(kind)) close(name, null);
    return;
  }
  const begun = prelude.find((item) => BEGINS.test(item)) ?? (BEGINS.test(text) ? text : undefined);
  const transaction = open.get(name) ?? { steps: [], explicit: false, isolation, failed: false };
  open.set(name, transaction);
  if (begun !== undefined) transaction.explicit = true;
  const level = LEVEL.exec([...prelude, /^\s*(begin|start|set\s+transaction)/i.test(text) ? text : ''].join(' '))?.[1];
  if (level !== undefined) transaction.isolation = level.toUpperCase().replace(/\s+/g, ' ');
  transaction.steps.push(index);
  if (outcome === 'failed') transaction.failed = true;
  if (outcome === 'blocked') return;
  if (kind === 'unanswered') {
    close(name, index);
    return;
  }
  if (ENDS.test(text)) {
    const commits = /^\s*(commit|end)/i.test(text) && outcome !== 'failed' && !transaction.failed;
    close(name, commits ? index : null);
    if (/\band\s+chain\b/i.test(text)) open.set(name, { steps: [], explicit: true, isolation: transaction.isolation, failed: false });
    return;
  }
  if (/^\s*rollback\s+to\b/i.test(text)) transaction.failed = false;
  // Outside of a block a statement is done when its commit is, which is a step of its own unless it only reads.
  if (!transaction.explicit && outcome !== 'executed') close(name, outcome === 'failed' ? null : index);
}

const SQL = new Set<StepRecord['kind']>([
  'statement',
  'resume',
  'commit',
  'unanswered',
  'deadlock',
  'cancelled',
  'statement-timeout',
  'lock-timeout',
]);
const ENDING = new Set<StepRecord['kind']>(['lost', 'dies', 'terminated', 'connect']);
