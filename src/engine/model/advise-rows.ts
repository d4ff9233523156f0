import { type ActorIndex, UnmodelledError } from '../contract.js';
import type { Draft } from './draft.js';
import { advise } from './function-calls.js';
import { type Machinery, viewOf } from './machinery.js';
import { SqlError } from './sql-error.js';
import type { Wait } from './state.js';
import type { StatementPlan } from './statements.js';
import type { Value } from './types.js';
import type { ResultRow } from './visible.js';

type AdvisoryPlan = Extract<StatementPlan, { kind: 'advisory' }>;

/**
 * Calls the functions row by row, in the order of the list within a row; one of them may have to wait. Rows and keys are those that the statement's
 * snapshot shows, however long it waits (nodeResult.c, nodeSeqscan.c: the list and the condition are computed as each row is asked for).
 */
export function adviseRows(draft: Draft, actor: ActorIndex, plan: AdvisoryPlan, machinery: Machinery): Wait | null {
  const rows = rowsOf(draft, actor, plan, machinery);
  const { calls, filters, outputs: shown } = plan;
  for (;;) {
    const { cursor, asked, outputs } = draft.execution(actor);
    const row = rows[Math.floor(cursor / calls.length)];
    if (row === undefined) {
      draft.updateExecution(actor, { affected: outputs.length });
      return null;
    }
    const call = calls[cursor % calls.length]!;
    const isFirst = cursor % calls.length === 0;
    const key = call.keys.map((column) => row.values[column]!);
    const result = advise(draft, actor, call, key, asked, machinery);
    if (typeof result === 'object' && result !== null) {
      draft.updateExecution(actor, { asked: true });
      return result;
    }
    const began: readonly Value[] = isFirst ? row.values.slice(0, shown.length) : outputs.at(-1)!;
    const given = began.map((value, column) => (column === call.output ? result : value));
    const before = isFirst ? outputs : outputs.slice(0, -1);
    draft.updateExecution(actor, { cursor: cursor + 1, asked: false, outputs: filters && result !== true ? before : [...before, given] });
  }
}

function rowsOf(
  draft: Draft,
  actor: ActorIndex,
  { query, calls, filters, outputs, scan }: AdvisoryPlan,
  machinery: Machinery,
): readonly ResultRow[] {
  let rows: readonly ResultRow[];
  try {
    rows = machinery.evaluator.evaluate(query, viewOf(draft, actor, machinery));
  } catch (error) {
    if (error instanceof SqlError && (calls.length > 1 || outputs.length > 1))
      throw new UnmodelledError(`an error (${error.code}) beside an advisory-lock function, which may have been called before`);
    throw error;
  }
  if (scan !== undefined) {
    const found = rows.filter(({ values }) => values[scan.found] === true);
    if (found.length === 0 && rows.length > 0 && scan.callsFirst)
      throw new UnmodelledError(`${calls[0]!.name} before a condition that no row fulfils: whether it is called is up to the plan`);
    return found.slice(0, 1);
  }
  if (rows.length > 1 && (filters || !query.ordered))
    throw new UnmodelledError(`${calls[0]!.name} for several rows: in which order they come is up to the plan`);
  return rows;
}
