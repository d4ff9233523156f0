import type { Expr, InsertStatement, SelectedColumn, SelectFromStatement, Statement } from 'pgsql-ast-parser';
import type { Reply } from '../../reply.js';
import { UnmodelledError } from '../contract.js';
import { type AdvisoryCall, compileAdvisoryCall, isAdvisory, type PlacedCall, resultType } from './advisory.js';
import type { Catalog, Table } from './catalog.js';
import type { FastPath } from './fast-path.js';
import { type LockTable, type ParsedStatement, parseStatement, type TableLockMode, type Truncate } from './parse.js';
import type { Changed } from './pglite/allowed.js';
import type { TextQuery } from './pglite/text-query.js';
import { compileOver, compileSelect, type QueryContext, shownName, type Target, tableNamed } from './queries.js';
import type { Output, Query } from './query.js';
import { SqlError } from './sql-error.js';
import { commonType, type SqlType, type Value } from './types.js';

/** Row lock modes, weakest first (manual, "Row-Level Locks"). Two conflict where their numbers add up to 3 or more. */
export const RowLockMode = { keyShare: 0, share: 1, noKeyUpdate: 2, update: 3 } as const;
export type RowLockMode = (typeof RowLockMode)[keyof typeof RowLockMode];
export type WaitPolicy = 'block' | 'nowait' | 'skip locked';

/** How a locking clause locks the rows of a relation. */
export interface RowMark {
  readonly mode: RowLockMode;
  readonly policy: WaitPolicy;
}

/** Which tables a statement locks first, and how. */
export interface TableLock {
  readonly table: number;
  readonly mode: TableLockMode;
}

interface Common {
  readonly command: string;
  readonly locks: readonly TableLock[];
  readonly writes: boolean;
  /** A function in it that does something else before a version. */
  readonly changed?: Changed;
  /** Where this is a part of a statement that comes first, a locking subquery or a modifying WITH query: the rest. */
  readonly rest?: Rest;
  /** The statement stands for a call of a function that runs it: the call answers one row, null in this column. */
  readonly answersAs?: string;
  /** Set where pg-mem answers: with what its answers are held against PostgreSQL's. */
  readonly fastPath?: FastPath<StatementPlan>;
}

export interface Rest {
  /** It takes one row of the first part, changes what there is to change, and then asks for the next. */
  readonly takesTurns: boolean;
  /** Over the rows that the first part gave. */
  readonly over: (rows: readonly (readonly Value[])[]) => StatementPlan;
}

/** What a statement's rows are joined from: its target, and the relations of its FROM or USING. */
export interface JoinPlan {
  /** Relations whose rows are locked, in order. */
  readonly targets: readonly { readonly at: number; readonly table: Table }[];
  /** Table of each relation; null for what is no table. */
  readonly relations: readonly (number | null)[];
}

/** A statement ready to be carried out, parameters included. */
export type StatementPlan =
  | (Common & { readonly kind: 'select'; readonly query: Query | TextQuery })
  | (Common & {
      readonly kind: 'select for';
      readonly table: Table;
      readonly query: Query | TextQuery;
      /** The same over one row's newest version, and over the rows that it was joined with; null where that cannot be asked. */
      readonly recheck: Query | TextQuery | null;
      /** How each of the join's targets is locked, or the table alone. */
      readonly marks: readonly RowMark[];
      readonly join: JoinPlan | null;
      readonly window: { readonly offset: number; readonly limit: number } | null;
      /** The table of the statement around it: were it empty, the subquery might not run. */
      readonly around: number | null;
    })
  | (Common & {
      readonly kind: 'insert';
      readonly table: Table;
      /** Column of each source output. */
      readonly columns: readonly number[];
      readonly sources: readonly (Query | TextQuery)[];
      /** Constant defaults of the columns that are not given. */
      readonly defaults: readonly { readonly column: number; readonly query: Query }[];
      /** The row as it comes out of its triggers, over the row that goes in; null where there are none. */
      readonly computed?: TextQuery | null;
      /** Over the row as it was inserted. */
      readonly returning: Query | TextQuery | null;
      readonly outputs: readonly Output[];
      /** By column: the value that stands for one that a sequence is still to give. Null where all columns that are not given draw one. */
      readonly undrawn: readonly (number | null)[] | null;
      /** OVERRIDING SYSTEM VALUE. */
      readonly overriding: boolean;
      readonly onConflict: ConflictPlan | null;
      /** VALUES with one row. */
      readonly oneRow: boolean;
      /** Its rows come in an order that the statement says. */
      readonly ordered: boolean;
    })
  | (Common & {
      readonly kind: 'update';
      /** How the row is locked before its triggers; null where it has none. */
      readonly locksFirst?: RowLockMode | null;
      readonly table: Table;
      readonly columns: readonly number[];
      readonly query: Query | TextQuery;
      readonly recheck: Query | TextQuery | null;
      readonly returning: Query | null;
      readonly outputs: readonly Output[];
      readonly join: JoinPlan | null;
    })
  | (Common & {
      readonly kind: 'delete';
      readonly table: Table;
      readonly query: Query | TextQuery;
      readonly recheck: Query | TextQuery | null;
      readonly returning: Query | null;
      readonly outputs: readonly Output[];
      readonly join: JoinPlan | null;
    })
  | (Common & { readonly kind: 'lock table'; readonly nowait: boolean })
  | (Common & { readonly kind: 'truncate'; readonly refused: boolean })
  /** `names`: null for ALL. */
  | (Common & { readonly kind: 'set constraints'; readonly names: readonly string[] | null; readonly deferred: boolean })
  /** What is owed before a transaction ends; then `answer` is given. */
  | (Common & { readonly kind: 'commit'; readonly answer: Reply; readonly chain: boolean })
  | (Common & { readonly kind: 'calls'; readonly calls: readonly Call[]; readonly outputs: readonly Output[] })
  /** Advisory-lock functions, called for each row of a query: its columns are those of the answer, and then the keys. */
  | (Common & {
      readonly kind: 'advisory';
      readonly query: Query | TextQuery;
      readonly calls: readonly PlacedCall[];
      /** A row for which a call does not come to true is left out. */
      readonly filters: boolean;
      /** The calls stand in the condition of a scan: they are made once, where it meets a row. */
      readonly scan?: ScanOfCalls;
      readonly outputs: readonly Output[];
    });

/** Where a scan calls a function. */
export interface ScanOfCalls {
  /** Which of the query's columns says whether the rest of the condition holds at a row. */
  readonly found: number;
  /** The call stands before the rest: a scan calls it at any row, an index scan only at those that the index finds. */
  readonly callsFirst: boolean;
}

export interface ConflictPlan {
  /** Indices of the unique indexes that count. */
  readonly arbiters: readonly number[];
  /** DO UPDATE: the row that it comes to, over the proposed row and the one in its way; no row where its WHERE does not hold. */
  readonly update: TextQuery | null;
  readonly mode: RowLockMode;
}

/** A function with effects that no snapshot and no rollback of the statement's rows touches, or a plain column beside one. */
export type Call =
  | { readonly function: 'nextval'; readonly sequence: number }
  | { readonly function: 'setval'; readonly sequence: number; readonly value: Query; readonly isCalled: boolean }
  | AdvisoryCall
  | { readonly function: 'value'; readonly value: Query };

/** Text to tree, remembered: parsing costs more than all the rest. */
const parsed = new Map<string, ParsedStatement>();

/** A plan for pg-mem. Refuses by name what pg-mem is not known to answer rightly. */
export function compilePlain(text: string, parameters: readonly unknown[], catalog: Catalog): StatementPlan {
  let statement = parsed.get(text);
  if (statement === undefined) {
    statement = parseStatement(text);
    parsed.set(text, statement);
  }
  const context: QueryContext = { catalog, parameters };
  switch (statement.type) {
    case 'select':
      return compileSelectStatement(statement, context);
    case 'insert':
      return compileInsert(statement, context);
    case 'update':
      return compileUpdate(statement, context);
    case 'delete':
      return compileDelete(statement, context);
    case 'lock table':
      return compileLock(statement, catalog);
    case 'truncate':
      return compileTruncate(statement, catalog);
    default:
      throw new UnmodelledError(`${statement.type.toUpperCase()}: ${text}`);
  }
}

const lock = (table: number, mode: TableLockMode): TableLock => ({ table, mode });

/** Tables of a query and of its subqueries are locked in ACCESS SHARE; in which order, the statement's text says. */
function readLocks(...queries: (Query | null)[]): TableLock[] {
  return queries.flatMap((query) =>
    query === null
      ? []
      : [...query.tables.map((table) => lock(table, 'ACCESS SHARE')), ...readLocks(...query.subqueries.map((subquery) => subquery.query))],
  );
}

export const ROW_MODES = { update: 3, 'no key update': 2, share: 1, 'key share': 0 } as const;

function compileSelectStatement(statement: SelectFromStatement, context: QueryContext): StatementPlan {
  const calls = compileCalls(statement, context);
  if (calls !== null) return calls;
  if (!statement.for) {
    const query = compileSelect(statement, context);
    return { kind: 'select', command: 'SELECT', query, locks: readLocks(query), writes: false };
  }
  const query = compileSelect(statement, context, { rows: true });
  const recheck = compileSelect(statement, context, { rows: true, oneRow: true });
  const table = context.catalog.tables[query.tables[0]!]!;
  const policy = statement.skip?.type === 'nowait' ? 'nowait' : statement.skip ? 'skip locked' : 'block';
  return {
    kind: 'select for',
    command: 'SELECT',
    table,
    query,
    recheck,
    marks: [{ mode: ROW_MODES[statement.for.type], policy }],
    join: null,
    window: null,
    around: null,
    locks: [lock(table.index, 'ROW SHARE'), ...readLocks(query)],
    writes: true,
  };
}

/** `SELECT nextval('s')`, `SELECT setval('s', ...)`, `SELECT pg_advisory_lock(1)` and their kin, one after the other. */
function compileCalls(statement: SelectFromStatement, context: QueryContext): StatementPlan | null {
  const columns = statement.columns ?? [];
  const nameOf = (item: SelectedColumn) => (item.expr.type === 'call' ? item.expr.function.name : '');
  const isCall = (item: SelectedColumn) => SEQUENCE_FUNCTIONS.has(nameOf(item)) || isAdvisory(nameOf(item));
  if (!columns.some(isCall)) return null;
  const { from, where, for: locking, limit, distinct, groupBy, having, orderBy } = statement;
  if (from || where || locking || limit || distinct || groupBy || having || orderBy)
    throw new UnmodelledError(`${nameOf(columns.find(isCall)!)} inside a larger query`);
  const compiled = columns.map((item): { call: Call; output: Output; query: Query | null } => {
    const output = (name: string, type: SqlType) => ({ name: item.alias?.name ?? name, type, nullable: true });
    const expression = item.expr as Extract<Expr, { type: 'call' }>;
    if (isAdvisory(nameOf(item))) {
      const call = compileAdvisoryCall(expression, context);
      return { call, output: output(call.name, resultType(call)), query: null };
    }
    if (isCall(item)) {
      const call = compileSequenceCall(expression, context);
      return { call, output: output(call.function, 'int8'), query: call.function === 'setval' ? call.value : null };
    }
    const value = compileOver(null, [item], null, context);
    return { call: { function: 'value', value }, output: value.outputs[0]!, query: value };
  });
  return {
    kind: 'calls',
    command: 'SELECT',
    calls: compiled.map(({ call }) => call),
    outputs: compiled.map(({ output }) => output),
    locks: readLocks(...compiled.map(({ query }) => query)),
    writes: columns.some((item) => SEQUENCE_FUNCTIONS.has(nameOf(item))),
  };
}

const SEQUENCE_FUNCTIONS = new Set(['nextval', 'setval']);

function compileSequenceCall(
  call: Extract<Expr, { type: 'call' }>,
  context: QueryContext,
): Extract<Call, { function: 'nextval' | 'setval' }> {
  const sequence = sequenceNamed(call.args[0], context.catalog);
  if (call.function.name === 'nextval') return { function: 'nextval', sequence };
  const flag = call.args[2];
  if (flag !== undefined && flag.type !== 'boolean') throw new UnmodelledError('setval with a computed third argument');
  const value = compileOver(null, [{ expr: call.args[1]! }], null, context, { types: ['int8'] });
  return { function: 'setval', sequence, value, isCalled: flag?.value ?? true };
}

function sequenceNamed(argument: Expr | undefined, catalog: Catalog): number {
  const named = argument?.type === 'cast' ? argument.operand : argument;
  if (named?.type === 'call' && named.function.name === 'pg_get_serial_sequence') {
    const [table, column] = named.args;
    if (table?.type !== 'string' || column?.type !== 'string') throw new UnmodelledError('pg_get_serial_sequence of a computed name');
    const found = tableNamed(catalog, table.value).columns.find((item) => item.name === column.value);
    if (found?.sequence != null) return found.sequence;
  }
  if (named?.type !== 'string') throw new UnmodelledError('a sequence by computed name');
  if (!/^[a-z_][\w.]*$/.test(named.value)) throw new UnmodelledError(`the sequence ${named.value}`);
  const name = named.value.replace(/^public\./, '');
  const sequence = catalog.sequences.find((item) => item.shown === name);
  if (sequence === undefined) throw new SqlError('42P01', `relation "${named.value}" does not exist`);
  return sequence.index;
}

function compileInsert(statement: InsertStatement, context: QueryContext): StatementPlan {
  const table = plainTable(context.catalog, shownName(statement.into));
  if (statement.onConflict) throw new UnmodelledError('ON CONFLICT');
  const columns = statement.columns
    ? statement.columns.map((column) => columnNamed(table, column.name))
    : table.columns.map((_, index) => index);
  const types = columns.map((column) => table.columns[column]!.type);
  const sources = compileSources(statement, columns, types, table, context);
  const given = new Set(columns.slice(0, sources[0]?.outputs.length ?? columns.length));
  for (const column of given)
    if (table.columns[column]!.generatedAlways && statement.overriding !== 'system')
      throw new SqlError('428C9', `cannot insert a non-DEFAULT value into column "${table.columns[column]!.name}"`, { table: table.name });
  const defaults = table.columns.flatMap((column, index) =>
    given.has(index) || column.default === null || column.sequence !== null
      ? []
      : [{ column: index, query: compileOver(null, [{ expr: column.default }], null, context, { types: [column.type] }) }],
  );
  const returning = compileReturning(statement.returning, { table, alias: statement.into.alias ?? table.name, oneRow: true }, context);
  return {
    kind: 'insert',
    command: 'INSERT',
    table,
    columns,
    sources,
    defaults,
    returning,
    outputs: returning?.outputs ?? [],
    undrawn: null,
    overriding: false,
    onConflict: null,
    oneRow: true,
    ordered: sources.every((source) => source.tables.length === 0 || source.ordered),
    locks: [lock(table.index, 'ROW EXCLUSIVE'), ...readLocks(...sources, returning)],
    writes: true,
  };
}

function compileSources(
  statement: InsertStatement,
  columns: readonly number[],
  types: readonly SqlType[],
  table: Table,
  context: QueryContext,
): Query[] {
  const { insert } = statement;
  const sources =
    insert.type === 'values'
      ? insert.values.map((row) => {
          if (row.length > columns.length) throw new SqlError('42601', 'INSERT has more expressions than target columns');
          if (row.some((item) => item.type === 'default')) throw new UnmodelledError('DEFAULT in VALUES: leave the column out');
          return compileOver(
            null,
            row.map((expr) => ({ expr })),
            null,
            context,
            { types },
          );
        })
      : [compileInsertSelect(insert, types, context)];
  for (const source of sources) checkAssignable(source, columns, table);
  return sources;
}

function compileInsertSelect(
  insert: Exclude<InsertStatement['insert'], { type: 'values' }>,
  types: readonly SqlType[],
  context: QueryContext,
): Query {
  if (insert.type !== 'select' || insert.for) throw new UnmodelledError('INSERT with such a query');
  // A parameter in the select list has the type of the column that it goes to, as in PostgreSQL.
  const typed = (insert.columns ?? []).map((item, index): SelectedColumn => {
    const type = types[index];
    if (item.expr.type !== 'parameter' || type === undefined) return item;
    return { ...item, expr: { type: 'cast', operand: item.expr, to: { name: type } } };
  });
  return compileSelect({ ...insert, columns: typed }, context);
}

function checkAssignable(source: Query, columns: readonly number[], table: Table): void {
  source.outputs.forEach((output, index) => {
    const column = table.columns[columns[index]!]!;
    if (output.type === 'text' && source.select.columns?.[index]?.expr.type === 'cast') return;
    commonType(output.type, column.type);
  });
}

function compileUpdate(statement: Extract<Statement, { type: 'update' }>, context: QueryContext): StatementPlan {
  if (statement.from) throw new UnmodelledError('UPDATE ... FROM');
  const table = plainTable(context.catalog, shownName(statement.table));
  const alias = statement.table.alias ?? table.name;
  const columns = statement.sets.map((set) => columnNamed(table, set.column.name));
  const types = columns.map((column) => table.columns[column]!.type);
  const values = statement.sets.map((set) => {
    if (set.value.type === 'default') throw new UnmodelledError('SET ... = DEFAULT');
    return { expr: set.value };
  });
  const build = (oneRow: boolean) => compileOver({ table, alias, oneRow }, values, statement.where ?? null, context, { rows: true, types });
  const query = build(false);
  checkAssignable(query, columns, table);
  const returning = compileReturning(statement.returning, { table, alias, oneRow: true }, context);
  return {
    kind: 'update',
    command: 'UPDATE',
    table,
    columns,
    query,
    recheck: build(true),
    returning,
    outputs: returning?.outputs ?? [],
    join: null,
    locks: [lock(table.index, 'ROW EXCLUSIVE'), ...readLocks(query, returning)],
    writes: true,
  };
}

function compileDelete(statement: Extract<Statement, { type: 'delete' }>, context: QueryContext): StatementPlan {
  const table = plainTable(context.catalog, shownName(statement.from));
  const alias = statement.from.alias ?? table.name;
  const build = (oneRow: boolean) => compileOver({ table, alias, oneRow }, [], statement.where ?? null, context, { rows: true });
  const query = build(false);
  const returning = compileReturning(statement.returning, { table, alias, oneRow: true }, context);
  return {
    kind: 'delete',
    command: 'DELETE',
    table,
    query,
    recheck: build(true),
    returning,
    outputs: returning?.outputs ?? [],
    join: null,
    locks: [lock(table.index, 'ROW EXCLUSIVE'), ...readLocks(query, returning)],
    writes: true,
  };
}

function compileReturning(returning: readonly SelectedColumn[] | null | undefined, target: Target, context: QueryContext): Query | null {
  if (!returning || returning.length === 0) return null;
  return compileOver(target, returning, null, context);
}

function compileLock(statement: LockTable, catalog: Catalog): StatementPlan {
  return {
    kind: 'lock table',
    command: 'LOCK',
    nowait: statement.nowait,
    locks: statement.tables.map((name) => lock(tableNamed(catalog, name).index, statement.mode)),
    writes: false,
  };
}

/** Tables that refer to one of them go too, or forbid it: once all that is named is locked (tablecmds.c, ExecuteTruncate). */
function compileTruncate(statement: Truncate, catalog: Catalog): StatementPlan {
  const tables = new Set(statement.tables.map((name) => tableNamed(catalog, name)));
  const referring = () =>
    catalog.tables.filter(
      (table) => !tables.has(table) && [...tables].some(({ referencedBy }) => referencedBy.some((key) => key.table === table.index)),
    );
  const refused = !statement.cascade && referring().length > 0;
  if (statement.cascade) for (let more = referring(); more.length > 0; more = referring()) for (const table of more) tables.add(table);
  for (const { name, columns } of tables)
    if (statement.restartIdentity && columns.some((column) => column.sequence !== null))
      throw new UnmodelledError(`TRUNCATE ... RESTART IDENTITY of ${name}, which has a sequence`);
  return {
    kind: 'truncate',
    command: 'TRUNCATE',
    refused,
    locks: [...tables].map((table) => lock(table.index, 'ACCESS EXCLUSIVE')),
    writes: true,
  };
}

function plainTable(catalog: Catalog, name: string): Table {
  const table = tableNamed(catalog, name);
  if (!table.plain) throw new UnmodelledError(`table ${name}, with what its schema says of it`);
  return table;
}

function columnNamed(table: Table, name: string): number {
  const index = table.columns.findIndex((column) => column.name === name);
  if (index < 0) throw new SqlError('42703', `column "${name}" of relation "${table.name}" does not exist`, { table: table.name });
  return index;
}
