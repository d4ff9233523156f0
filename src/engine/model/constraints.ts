import { UnmodelledError } from '../contract.js';
import type { CheckConstraint, Table } from './catalog.js';
import type { RowContents } from './contents.js';
import type { Evaluator } from './evaluator.js';
import { type FastPath, held } from './fast-path.js';
import type { TextQuery } from './pglite/text-query.js';
import { compileOver } from './queries.js';
import type { Query } from './query.js';
import type { Shapes } from './shapes.js';
import { SqlError } from './sql-error.js';
import { checkRange, type Value } from './types.js';
import type { View } from './visible.js';

/** What is asked of a row: whether the constraint holds, or is NULL. */
interface CheckPlan {
  readonly query: Query | TextQuery;
  readonly fastPath?: FastPath<CheckPlan>;
}

const compiled = new WeakMap<Table, readonly CheckPlan[]>();

/** Types, NOT NULL by column, then CHECK by name: the order in which PostgreSQL complains (execMain.c, ExecConstraints). */
export function checkRow(
  table: Table,
  values: readonly Value[],
  machinery: { readonly contents: RowContents; readonly evaluator: Evaluator; readonly shapes: Shapes },
  nowMs: number,
): void {
  table.columns.forEach((column, index) => {
    checkRange(values[index]!, column.type);
  });
  table.columns.forEach((column, index) => {
    if (column.notNull && values[index] === null)
      throw new SqlError('23502', `null value in column "${column.name}" of relation "${table.name}" violates not-null constraint`, {
        table: table.name,
      });
  });
  if (table.checks.length === 0) return;
  const view: View = { contents: () => [], sequences: [], nowMs };
  const content = machinery.contents.intern(table.index, values);
  checkPlans(table, machinery).forEach((plan, index) => {
    const holds = held<CheckPlan, Value>(plan, machinery.evaluator, {
      ask: ({ query }) => machinery.evaluator.evaluate(query, view, content)[0]!.values[0]!,
      text: String,
      key: () => `${content} ${nowMs}`,
      input: () => JSON.stringify([values, nowMs]),
    });
    if (holds !== false) return;
    const { name } = table.checks[index]!;
    throw new SqlError('23514', `new row for relation "${table.name}" violates check constraint "${name}"`, {
      constraint: name,
      table: table.name,
    });
  });
}

function checkPlans(table: Table, { shapes }: { readonly shapes: Shapes }): readonly CheckPlan[] {
  let plans = compiled.get(table);
  if (plans === undefined) {
    plans = table.checks.map((check) => compileCheck(check, table, shapes));
    compiled.set(table, plans);
  }
  return plans;
}

function compileCheck({ name, plain, query }: CheckConstraint, table: Table, shapes: Shapes): CheckPlan {
  if (plain === null) return { query };
  const context = { catalog: { tables: [table], sequences: [], plain: true, clocked: false }, parameters: [] };
  try {
    const fast = compileOver({ table, alias: table.name, oneRow: true }, [{ expr: plain }], null, context);
    return { query: fast, fastPath: { shape: shapes.of(`CHECK ${name} of ${table.name}`, []), whole: () => ({ query }) } };
  } catch (error) {
    if (error instanceof UnmodelledError || error instanceof SqlError) return { query };
    throw error;
  }
}
