import type { Expr, From, OrderByStatement, SelectedColumn, SelectFromStatement, SelectStatement } from 'pgsql-ast-parser';
import { UnmodelledError } from '../contract.js';
import type { Catalog, Sequence, Table } from './catalog.js';
import { compileCondition, compileExpression, type Scope, type Typed, type VisibleColumn } from './expressions.js';
import type { Output, Query } from './query.js';
import { SqlError } from './sql-error.js';
import { readParameter, type SqlType } from './types.js';

/** Hidden column of every table in pg-mem: which row of the view this is. */
export const ROW_COLUMN = 'ls_row';
/** The table that holds one row: a locked row's newest version, or a row about to be written. */
export const oneRowTable = (table: Table): string => `ls_one_${table.shown}`;

let queries = 0;

/** Where a query's names come from. */
interface Sources {
  readonly from: From[];
  readonly columns: VisibleColumn[];
  readonly tables: number[];
  readonly sequences: number[];
  oneRow: number | null;
}

export interface QueryContext {
  readonly catalog: Catalog;
  readonly parameters: readonly unknown[];
}

/** One table that a query reads in place of what its FROM says: for DML, RETURNING, CHECK and rechecks of locked rows. */
export interface Target {
  readonly table: Table;
  readonly alias: string;
  /** Read the one given row, not the view. */
  readonly oneRow: boolean;
}

/** A name as the catalogue shows it. */
export const shownName = ({ name, schema }: { readonly name: string; readonly schema?: string }): string =>
  schema === undefined || schema === 'public' ? name : `${schema}.${name}`;

/** By its name as shown. */
export const tableNamed = (catalog: Catalog, name: string): Table => {
  const table = catalog.tables.find((item) => item.shown === name);
  if (table !== undefined) return table;
  if (!catalog.plain) throw new UnmodelledError(`relation ${name}, which may be a view`);
  if (/^pg_|^information_schema$/.test(name)) throw new UnmodelledError(`the system catalog ${name}`);
  throw new SqlError('42P01', `relation "${name}" does not exist`);
};

/** Compiles a whole SELECT. With `rows` every result row comes with the hidden column of its one table. */
export function compileSelect(
  statement: SelectStatement,
  context: QueryContext,
  options: { outer?: Scope; oneRow?: boolean; rows?: boolean } = {},
): Query {
  if (statement.type !== 'select') throw new UnmodelledError(`${statement.type.toUpperCase()} as a query`);
  if (statement.having) throw new UnmodelledError('HAVING');
  if (statement.distinct && statement.distinct !== 'distinct') throw new UnmodelledError('DISTINCT ON');
  const sources = readFrom(statement.from ?? [], context, options);
  return finish(statement, sources, context, options.outer ?? null, options.rows ?? false);
}

/** Compiles expressions, and perhaps a condition, over one table: what DML and its RETURNING come down to. */
export function compileOver(
  target: Target | null,
  columns: readonly SelectedColumn[],
  where: Expr | null,
  context: QueryContext,
  options: { rows?: boolean; types?: readonly (SqlType | null)[] } = {},
): Query {
  const sources: Sources = { from: [], columns: [], tables: [], sequences: [], oneRow: null };
  if (target !== null) addTable(sources, target);
  const statement: SelectFromStatement = { type: 'select', columns: [...columns], where };
  return finish(statement, sources, context, null, options.rows ?? false, options.types);
}

function finish(
  statement: SelectFromStatement,
  sources: Sources,
  context: QueryContext,
  outer: Scope | null,
  rows: boolean,
  types: readonly (SqlType | null)[] = [],
): Query {
  const nested: { tables: number[]; sequences: number[] } = { tables: [], sequences: [] };
  const scope: Scope = {
    columns: sources.columns,
    parameters: context.parameters,
    outer,
    aggregates: false,
    subqueries: [],
    use: { now: false },
    compileSubquery: (select, around) => {
      if (select.type === 'select' && select.for) throw new UnmodelledError('a locking clause in a subquery');
      const query = compileSelect(select, context, { outer: around });
      nested.tables.push(...query.tables);
      nested.sequences.push(...query.sequences);
      if (query.usesNow) scope.use.now = true;
      return query;
    },
  };
  const from = sources.from.map((item) => compileJoin(item, scope));
  const where = statement.where ? compileCondition(statement.where, scope) : null;
  const listed = expandStars(statement.columns ?? [], sources);
  const selectScope: Scope = { ...scope, aggregates: true };
  const typed = listed.map((item, index) => compileExpression(item.expr, selectScope, types[index] ?? null));
  const names = listed.map((item) => item.alias?.name ?? nameOf(item.expr));
  const groupBy = (statement.groupBy ?? []).map((item) => compileExpression(resolveOutput(item, listed, true), scope).expression);
  refuseNamesakes(groupBy);
  if (rows && (groupBy.length > 0 || statement.distinct || listed.some((item) => hasAggregate(item.expr))))
    throw new SqlError('0A000', 'FOR UPDATE is not allowed with GROUP BY, DISTINCT or aggregate functions');
  const orderBy = (statement.orderBy ?? []).map((item) => compileOrder(item, listed, selectScope));
  const columns: SelectedColumn[] = typed.map((item, index) => ({ expr: item.expression, alias: { name: `c${index}` } }));
  if (rows && sources.columns.length === 0) throw new UnmodelledError('rows of a table without columns');
  if (rows)
    columns.push({ expr: { type: 'ref', table: { name: sources.columns[0]!.source }, name: ROW_COLUMN }, alias: { name: ROW_COLUMN } });
  orderBy.forEach((item, index) => {
    columns.push({ expr: item.by, alias: { name: `o${index}` } });
  });
  queries += 1;
  return {
    id: queries,
    select: {
      type: 'select',
      columns,
      ...(from.length > 0 ? { from } : {}),
      ...(where === null ? {} : { where }),
      ...(groupBy.length > 0 ? { groupBy } : {}),
      ...(orderBy.length > 0 ? { orderBy } : {}),
      ...(statement.distinct === 'distinct' ? { distinct: 'distinct' as const } : {}),
    },
    outputs: typed.map((item, index) => output(names[index]!, item)),
    tables: sources.tables,
    sequences: sources.sequences,
    oneRow: sources.oneRow,
    subqueries: scope.subqueries,
    usesNow: scope.use.now,
    ordered: orderBy.length > 0,
    orderKeys: orderBy.length,
    window: windowOf(statement, context, orderBy.length > 0, rows),
  };
}

const output = (name: string, typed: Typed): Output => ({
  name,
  // A bare NULL or string in a select list is text in PostgreSQL.
  type: typed.type === 'null' ? 'text' : typed.type,
  nullable: typed.nullable,
});

function readFrom(from: readonly From[], context: QueryContext, options: { oneRow?: boolean; rows?: boolean }): Sources {
  const sources: Sources = { from: [], columns: [], tables: [], sequences: [], oneRow: null };
  if ((options.rows || options.oneRow) && from.length !== 1)
    throw new UnmodelledError('a locking clause over several tables, or over none');
  for (const item of from) {
    if (item.type !== 'table') throw new UnmodelledError(`${item.type === 'call' ? 'a function' : 'a subquery'} in FROM`);
    if (item.name.columnNames) throw new UnmodelledError('column aliases in FROM');
    const alias = item.name.alias ?? item.name.name;
    const sequence = context.catalog.sequences.find((candidate) => candidate.shown === shownName(item.name));
    if (sequence !== undefined) {
      addSequence(sources, sequence, alias);
      continue;
    }
    const type = item.join?.type;
    if (type !== undefined && type !== 'INNER JOIN' && type !== 'LEFT JOIN') throw new UnmodelledError(type);
    if (item.join?.using) throw new UnmodelledError('JOIN ... USING');
    addTable(
      sources,
      { table: tableNamed(context.catalog, shownName(item.name)), alias, oneRow: options.oneRow ?? false },
      item.join ?? null,
      type === 'LEFT JOIN',
    );
  }
  return sources;
}

function addTable(sources: Sources, target: Target, join: From['join'] = null, optional = false): void {
  const { table, alias, oneRow } = target;
  sources.from.push({ type: 'table', name: { name: oneRow ? oneRowTable(table) : table.shown, alias }, ...(join ? { join } : {}) });
  for (const column of table.columns)
    sources.columns.push({ source: alias, name: column.name, type: column.type, nullable: optional || !column.notNull });
  if (oneRow) sources.oneRow = table.index;
  else sources.tables.push(table.index);
}

function addSequence(sources: Sources, sequence: Sequence, alias: string): void {
  sources.from.push({ type: 'table', name: { name: sequence.shown, alias } });
  sources.columns.push({ source: alias, name: 'last_value', type: 'int8', nullable: false });
  sources.columns.push({ source: alias, name: 'is_called', type: 'bool', nullable: false });
  sources.sequences.push(sequence.index);
}

function compileJoin(item: From, scope: Scope): From {
  if (!item.join?.on) return item;
  return { ...item, join: { type: item.join.type, on: compileCondition(item.join.on, scope) } };
}

function expandStars(listed: readonly SelectedColumn[], sources: Sources): SelectedColumn[] {
  return listed.flatMap((item) => {
    const { expr } = item;
    if (expr.type !== 'ref' || expr.name !== '*') return [item];
    const wanted = sources.columns.filter((column) => expr.table === undefined || column.source === expr.table.name);
    return wanted.map((column): SelectedColumn => ({ expr: { type: 'ref', table: { name: column.source }, name: column.name } }));
  });
}

/** pg-mem does not tell columns of one name in two tables apart when it groups by both. */
function refuseNamesakes(groupBy: readonly Expr[]): void {
  const names = groupBy.flatMap((item) => (item.type === 'ref' ? [item.name] : []));
  if (new Set(names).size < names.length) throw new UnmodelledError('GROUP BY two columns of the same name');
}

/** ORDER BY and GROUP BY may name an output, or count to it (manual, SELECT). */
function resolveOutput(expression: Expr, listed: readonly SelectedColumn[], grouping: boolean): Expr {
  if (expression.type === 'integer') return listed[expression.value - 1]?.expr ?? expression;
  if (expression.type === 'ref' && !expression.table) {
    const named = listed.find((item) => item.alias?.name === expression.name);
    const input = grouping && listed.some((item) => item.expr.type === 'ref' && item.expr.name === expression.name);
    if (named !== undefined && !input) return named.expr;
  }
  return expression;
}

function compileOrder(item: OrderByStatement, listed: readonly SelectedColumn[], scope: Scope): OrderByStatement {
  const typed = compileExpression(resolveOutput(item.by, listed, false), scope);
  if (item.nulls) throw new UnmodelledError('NULLS FIRST or LAST');
  if (typed.nullable) throw new UnmodelledError('ORDER BY over what may be NULL');
  return { by: typed.expression, order: item.order ?? 'ASC' };
}

function windowOf(statement: SelectFromStatement, context: QueryContext, ordered: boolean, rows: boolean): Query['window'] {
  const { limit } = statement;
  if (!limit) return null;
  if (rows) throw new UnmodelledError('LIMIT with a locking clause');
  if (!ordered) throw new UnmodelledError('LIMIT without ORDER BY: which rows it gives is up to the server');
  const count = (expression: Expr | null | undefined, otherwise: number, name: string): number => {
    if (!expression) return otherwise;
    const given =
      expression.type === 'integer'
        ? expression.value
        : expression.type === 'parameter'
          ? readParameter(context.parameters[Number(expression.name.slice(1)) - 1], 'int8')
          : null;
    if (typeof given !== 'number') throw new UnmodelledError(`${name} with a computed number`);
    if (given < 0) throw new SqlError(name === 'LIMIT' ? '2201W' : '2201X', `${name} must not be negative`);
    return given;
  };
  return { offset: count(limit.offset, 0, 'OFFSET'), limit: count(limit.limit, Number.POSITIVE_INFINITY, 'LIMIT') };
}

function hasAggregate(expression: Expr): boolean {
  return expression.type === 'call' && ['count', 'sum', 'min', 'max'].includes(expression.function.name);
}

/** PostgreSQL's name for an output that has no alias (parse_target.c, FigureColname). */
function nameOf(expression: Expr): string {
  switch (expression.type) {
    case 'ref':
      return expression.name;
    case 'call':
      return expression.function.name;
    case 'cast': {
      const inner = nameOf(expression.operand);
      return inner === '?column?' && 'name' in expression.to ? pgName(expression.to.name) : inner;
    }
    case 'case':
      return expression.else && nameOf(expression.else) !== '?column?' ? nameOf(expression.else) : 'case';
    case 'keyword':
      return expression.keyword;
    case 'select': {
      const first = expression.columns?.[0];
      return first === undefined ? '?column?' : (first.alias?.name ?? nameOf(first.expr));
    }
    default:
      return '?column?';
  }
}

const pgName = (name: string) => ({ int: 'int4', integer: 'int4', bigint: 'int8', boolean: 'bool', smallint: 'int2' })[name] ?? name;
