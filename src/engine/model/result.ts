import { type Field, inContentOrder, type ResultReply } from '../../reply.js';
import type { Output } from './query.js';
import type { Execution } from './state.js';
import type { StatementPlan } from './statements.js';
import { toReplyValue, toServerText } from './types.js';

/** What a statement answers when it is through. */
export function reply(execution: Execution, textRows: boolean): ResultReply {
  const { plan } = execution;
  if (plan.answersAs !== undefined) {
    const fields = [{ name: plan.answersAs, type: 'void' as const }];
    return { kind: 'result', command: 'SELECT', rowCount: 1, fields, rows: [[null]] };
  }
  const outputs = outputsOf(plan);
  const fields = outputs.map((output): Field => ({ name: output.name, type: output.type }));
  const skipped = plan.kind === 'select for' ? (plan.window?.offset ?? 0) : 0;
  const show = textRows ? toServerText : toReplyValue;
  const rows = execution.outputs.slice(skipped).map((row) => row.map((value, index) => show(value, outputs[index]!.type)));
  const ordered = (plan.kind === 'select' || plan.kind === 'select for' || plan.kind === 'advisory') && plan.query.ordered;
  return {
    kind: 'result',
    command: plan.command,
    rowCount: COUNTLESS.has(plan.kind) ? null : Math.max(0, execution.affected - skipped),
    fields,
    rows: ordered ? rows : inContentOrder(rows),
  };
}

const COUNTLESS: ReadonlySet<StatementPlan['kind']> = new Set(['lock table', 'truncate', 'set constraints', 'commit']);

function outputsOf(plan: StatementPlan): readonly Output[] {
  switch (plan.kind) {
    case 'select':
    case 'select for':
      return plan.query.outputs;
    case 'calls':
      return plan.outputs;
    case 'lock table':
    case 'truncate':
    case 'set constraints':
    case 'commit':
      return [];
    default:
      return plan.outputs;
  }
}
