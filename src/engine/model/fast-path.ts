/** Answers of pg-mem, held against PostgreSQL's where the shape of the statement has not been seen to be right. */
import { UnmodelledError } from '../contract.js';
import { Suspended } from '../suspended.js';
import type { Evaluator } from './evaluator.js';
import type { Shape } from './shapes.js';
import { SqlError } from './sql-error.js';

/** Of a plan for pg-mem: its shape, and the plan with which PostgreSQL answers the same. */
export interface FastPath<P> {
  readonly shape: Shape;
  readonly whole: () => P;
}

/** A plan that pg-mem answers, where it has a fast path. */
interface Planned {
  readonly fastPath?: FastPath<Planned>;
}

/** How a question is put to a plan, and how its answers are told apart. */
export interface Question<P extends Planned, T> {
  readonly ask: (plan: P) => T;
  /** The same text for the same answer, by whichever plan it was given. */
  readonly text: (answer: T, plan: P) => string;
  /** Tells inputs apart within the process. */
  readonly key: () => string;
  /** Tells them apart between processes: the values themselves. */
  readonly input: () => string;
}

/**
 * The plan's answer. Where pg-mem gives it, and this input is new to its shape, PostgreSQL is asked too; one difference, and PostgreSQL answers
 * that shape for ever, from the beginning of this action.
 */
export function held<P extends Planned, T>(plan: P, evaluator: Pick<Evaluator, 'isPostgresUp'>, question: Question<P, T>): T {
  const { fastPath } = plan;
  if (fastPath === undefined) return question.ask(plan);
  const { shape } = fastPath;
  // A statement that was under way when its shape was refuted goes on by PostgreSQL's answers.
  if (shape.state === 'refuted') return question.ask(fastPath.whole() as P);
  const fast = attempt(question, plan);
  if (fast.kind === 'refused') return question.ask(fastPath.whole() as P);
  const key = question.key();
  if (!shape.wants(key, question.input, () => evaluator.isPostgresUp)) return give(fast);
  const other = fastPath.whole() as P;
  const [ours, theirs] = [shown(fast, question, plan), shown(attempt(question, other), question, other)];
  if (ours === theirs) {
    shape.agree(key, question.input());
    return give(fast);
  }
  shape.refute(`the fast path: ${short(ours)}; PostgreSQL: ${short(theirs)}`);
  throw new Suspended(Promise.resolve());
}

type Attempt<T> =
  | { readonly kind: 'answer'; readonly answer: T }
  | { readonly kind: 'error'; readonly error: SqlError }
  | { readonly kind: 'refused'; readonly reason: string };

function attempt<P extends Planned, T>(question: Question<P, T>, plan: P): Attempt<T> {
  try {
    return { kind: 'answer', answer: question.ask(plan) };
  } catch (error) {
    if (error instanceof SqlError) return { kind: 'error', error };
    if (error instanceof UnmodelledError) return { kind: 'refused', reason: error.message };
    throw error;
  }
}

function shown<P extends Planned, T>(attempt: Attempt<T>, question: Question<P, T>, plan: P): string {
  switch (attempt.kind) {
    case 'answer':
      return question.text(attempt.answer, plan);
    case 'error':
      return `${attempt.error.code} ${attempt.error.message}`;
    case 'refused':
      return `refused: ${attempt.reason}`;
  }
}

function give<T>(attempt: Exclude<Attempt<T>, { kind: 'refused' }>): T {
  if (attempt.kind === 'error') throw attempt.error;
  return attempt.answer;
}

const LONGEST_SHOWN = 200;
const short = (text: string) => (text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}...` : text);
