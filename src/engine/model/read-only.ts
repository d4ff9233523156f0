import { SqlError } from './sql-error.js';
import type { RowLockMode, StatementPlan } from './statements.js';

const LOCKING = ['SELECT FOR KEY SHARE', 'SELECT FOR SHARE', 'SELECT FOR NO KEY UPDATE', 'SELECT FOR UPDATE'] as const;

/** What a locking clause is called in messages. */
export const lockingName = (mode: RowLockMode): string => LOCKING[mode];

/** What a READ ONLY transaction may not do is refused before anything else where it is no query (utility.c, PreventCommandIfReadOnly). */
export function refuseUtility(plan: StatementPlan): void {
  if (plan.kind === 'truncate') throw refusal('TRUNCATE TABLE');
  if (plan.kind !== 'calls' || !plan.writes) return;
  throw refusal(`${plan.calls.find((call) => call.function === 'nextval' || call.function === 'setval')!.function}()`);
}

/** A query is refused when it begins to run (execMain.c, ExecCheckXactReadOnly): it has waited for its tables by then. */
export function refuseQuery(plan: StatementPlan): void {
  if (!plan.writes || plan.kind === 'lock table') return;
  // Around a locking subquery stands another statement, and that is what is named.
  throw refusal(plan.kind === 'select for' && plan.around === null ? lockingName(plan.marks[0]!.mode) : plan.command);
}

const refusal = (what: string): SqlError => new SqlError('25006', `cannot execute ${what} in a read-only transaction`);
