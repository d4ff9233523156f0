import { type ActorIndex, UnmodelledError } from '../contract.js';
import type { Draft } from './draft.js';
import type { Machinery } from './machinery.js';
import { observe } from './serializable.js';
import type { StatementPlan } from './statements.js';
import type { SnapshotView } from './view.js';

/** What a serializable transaction's statement reads: of tables all that it looks for rows in, and the answers to its queries. */
export function noteReads(draft: Draft, actor: ActorIndex, plan: StatementPlan, view: SnapshotView, machinery: Machinery): void {
  if (!('query' in plan) && plan.kind !== 'insert' && plan.kind !== 'calls') return;
  const tables = plan.locks.filter(({ mode }) => plan.kind !== 'insert' || mode !== 'ROW EXCLUSIVE').map(({ table }) => table);
  const queries = plan.kind === 'insert' ? plan.sources : plan.kind === 'calls' ? [] : [plan.query];
  if (queries.some((query) => 'text' in query && query.draws && query.loads.length > 0))
    throw new UnmodelledError('a query at SERIALIZABLE that draws from chance or a sequence');
  const { truncated, nowMs } = draft.transaction(actor);
  const own = { writes: draft.execution(actor).before, truncated, nowMs };
  const window = plan.kind === 'select for' ? plan.window : null;
  const first = window === null ? Number.POSITIVE_INFINITY : window.offset + window.limit;
  // Which rows an unordered query met before it had enough is not known.
  const told = queries.filter(
    (query) =>
      !('text' in query && query.draws) &&
      (first === Number.POSITIVE_INFINITY || query.ordered || machinery.evaluator.evaluate(query, view).length < first),
  );
  draft.noteReads(
    actor,
    tables,
    told.map((query) => {
      const looked = query.ordered ? first : Number.POSITIVE_INFINITY;
      return { query, own, first: looked, answer: observe(machinery.evaluator, query, view, looked) };
    }),
  );
}
