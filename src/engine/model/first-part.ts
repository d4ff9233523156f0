/** What is open in a statement of which one part comes first: a locking subquery, or a query of WITH that modifies. */
import { type ActorIndex, UnmodelledError } from '../contract.js';
import type { Draft } from './draft.js';
import { type Machinery, viewOf } from './machinery.js';
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

/** Of a modifying WITH query the rest takes one row, does what it does with it, and then asks for the next (nodeModifyTable.c, ExecModifyTable). */
export function refuseTakingTurns({ plan, items }: Execution): void {
  if (items.length > 1 && plan.kind !== 'select for' && plan.rest?.modifies)
    throw new UnmodelledError('a modifying query in WITH over several rows, in a statement that modifies too');
}
