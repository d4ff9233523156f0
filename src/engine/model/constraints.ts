import { UnmodelledError } from '../contract.js';
import type { CheckConstraint, Table } from './catalog.js';
import type { RowContents } from './contents.js';
import type { Evaluator } from './evaluator.js';
import type { TextQuery } from './pglite/text-query.js';
import { compileOver } from './queries.js';
import type { Query } from './query.js';
import { SqlError } from './sql-error.js';
import { checkRange, type Value } from './types.js';
import type { View } from './visible.js';

const compiled = new WeakMap<Table, readonly (Query | TextQuery)[]>();

/** Types, NOT NULL by column, then CHECK by name: the order in which PostgreSQL complains (execMain.c, ExecConstraints). */
export function checkRow(
  table: Table,
  values: readonly Value[],
  machinery: { readonly contents: RowContents; readonly evaluator: Evaluator },
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
  checkQueries(table).forEach((query, index) => {
    const holds = machinery.evaluator.evaluate(query, view, content)[0]!.values[0];
    if (holds !== false) return;
    const { name } = table.checks[index]!;
    throw new SqlError('23514', `new row for relation "${table.name}" violates check constraint "${name}"`, {
      constraint: name,
      table: table.name,
    });
  });
}

function checkQueries(table: Table): readonly (Query | TextQuery)[] {
  let queries = compiled.get(table);
  if (queries === undefined) {
    queries = table.checks.map((check) => compileCheck(check, table));
    compiled.set(table, queries);
  }
  return queries;
}

function compileCheck({ plain, query }: CheckConstraint, table: Table): Query | TextQuery {
  if (plain === null) return query;
  const context = { catalog: { tables: [table], sequences: [], plain: true }, parameters: [] };
  try {
    return compileOver({ table, alias: table.name, oneRow: true }, [{ expr: plain }], null, context);
  } catch (error) {
    if (error instanceof UnmodelledError || error instanceof SqlError) return query;
    throw error;
  }
}
