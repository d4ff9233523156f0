import { UnmodelledError } from '../engine/contract.js';
import type { PostgresEngine } from '../engine/postgres/engine.js';
import type { PlanOutcome } from '../outcome.js';
import type { PlanTask } from './task.js';

/** SQL that the model refuses still runs on the server. What passes there for want of better is told as what the model did not answer. */
export async function refusedByModel(
  task: PlanTask,
  refused: UnmodelledError,
  onServer: (postgres: PostgresEngine) => Promise<PlanOutcome>,
): Promise<PlanOutcome> {
  const reason = `the model does not answer ${refused.message}${whereRefused(refused)}`;
  const postgres = await task.options.postgres;
  if (postgres === null) return task.outcome({ verdict: 'unmodelled', reason });
  try {
    const outcome = await onServer(postgres);
    if (outcome.verdict !== 'passed') return outcome.verdict === 'proved' ? outcome : { ...outcome, reason: outcome.reason ?? reason };
    return { ...outcome, verdict: 'unmodelled', reason: outcome.reason === null ? reason : `${outcome.reason}; ${reason}` };
  } catch (error) {
    // Nor can the server be made to show it under a clock of ours.
    if (error instanceof UnmodelledError) return task.outcome({ verdict: 'unmodelled', reason });
    throw error;
  }
}

/** The server runs any SQL, but it cannot be made to show all of it under a clock of ours: what it refuses so is told, and the plan has no other verdict. */
export async function orRefused(task: PlanTask, explored: Promise<PlanOutcome>): Promise<PlanOutcome> {
  try {
    return await explored;
  } catch (error) {
    if (!(error instanceof UnmodelledError)) throw error;
    return task.outcome({ verdict: 'unmodelled', reason: `PostgreSQL cannot be asked for ${error.message}${whereRefused(error)}` });
  }
}

const LONGEST_STATEMENT = 300;

/** `, in UPDATE seats ... (at book.ts:7)`; the statement only where the reason has not named it. */
function whereRefused({ message, at }: UnmodelledError): string {
  if (at === null) return '';
  const statement = at.statement.replace(/\s+/g, ' ').trim();
  const shown = statement.length > LONGEST_STATEMENT ? `${statement.slice(0, LONGEST_STATEMENT)}...` : statement;
  const place = at.place === null ? '' : ` (at ${at.place})`;
  return message.includes(at.statement) ? place : `, in ${shown}${place}`;
}
