/** What is open in a statement of which one part comes first: a locking subquery, or a query of WITH that modifies. */
import { type ActorIndex, UnmodelledError } from '../contract.js';
import type { Draft } from './draft.js';
import { type Machinery, viewOf } from './machinery.js';
import { SqlError } from './sql-error.js';
import type { Execution } from './state.js';
import type { StatementPlan } from './statements.js';
import type { Value } from './types.js';

/** The rows of the first part come in an order that is up to the server: `backwards` has them in another, and must come to the same. */
export function refuseOpenAnswer(draft: Draft, actor: ActorIndex, backwards: StatementPlan, machinery: Machinery): void {
  const { query } = backwards as Extract<StatementPlan, { kind: 'select' }>;
  const rows = machinery.evaluator.evaluate(query, viewOf(draft, actor, machinery)).map(({ values }) => values);
  const text = (answer: readonly (readonly Value[])[]) => {
    const lines = answer.map((row) => JSON.stringify(row));
    return (query.ordered ? lines : lines.sort()).join();
  };
  if (text(rows) !== text(draft.execution(actor).outputs))
    throw new UnmodelledError('an answer that depends on the order in which the rows of a WITH query come');
}

/**
 * A rest that modifies takes one row of a WITH query, does what it does with it, and then asks for the next (nodeModifyTable.c, ExecModifyTable). A
 * modifying query over several rows is refused before its first.
 */
export function refuseTakingTurns({ plan, items }: Execution): void {
  if (items.length > 1 && plan.kind !== 'select for' && plan.rest?.takesTurns)
    throw new UnmodelledError('a modifying query in WITH over several rows, in a statement that modifies too');
}

/**
 * A modifying query whose rows nobody asks for runs when the statement around it is through (execMain.c, ExecPostprocessPlan), whose errors then come
 * first; where its rows are asked for, the plan decides.
 */
export function refuseErrorAround(draft: Draft, actor: ActorIndex, machinery: Machinery): void {
  const { plan } = draft.execution(actor);
  if (!MODIFYING.has(plan.kind) || plan.rest === undefined) return;
  try {
    const around = plan.rest.over([]);
    if (around.kind === 'select' && 'text' in around.query && (around.query.draws || around.query.sequences.length > 0))
      throw new UnmodelledError('a draw around a modifying query in WITH that waits or fails: which comes first is up to the plan');
    if (around.kind === 'select') machinery.evaluator.evaluate(around.query, viewOf(draft, actor, machinery));
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    throw new UnmodelledError(
      `an error (${error.code}) around a modifying query in WITH that waits or fails: which comes first is up to the plan`,
    );
  }
}

const MODIFYING: ReadonlySet<StatementPlan['kind']> = new Set(['insert', 'update', 'delete']);

/** A locking one is refused where it waits or fails at a later row than its first: whether the rest has come to the earlier ones is up to the plan. */
export function refuseLaterTurn({ plan, outputs }: Execution): void {
  if (outputs.length > 0 && plan.kind === 'select for' && plan.rest?.takesTurns)
    throw new UnmodelledError('a locking query in WITH that waits or fails at one of several rows, in a statement that modifies');
}
