import { DataType, type IBackup, type IMemoryDb, type IPreparedQuery, newDb } from 'pg-mem';
import type { Expr, SelectFromStatement } from 'pgsql-ast-parser';
import { UnmodelledError } from '../contract.js';
import type { Catalog } from './catalog.js';
import type { RowContents } from './contents.js';
import { evaluatorType, literal } from './expressions.js';
import { type Answered, Asker } from './pglite/asker.js';
import { isRunning } from './pglite/instance.js';
import { type PgliteSchema, quote } from './pglite/schema.js';
import type { Given, TextQuery } from './pglite/text-query.js';
import { oneRowTable, ROW_COLUMN } from './queries.js';
import type { Query, Subquery } from './query.js';
import { SqlError } from './sql-error.js';
import { checkRange, isPlain, type SqlType, type Value } from './types.js';
import type { ResultRow, View } from './visible.js';

/**
 * Answers SELECTs on a view. pg-mem does the evaluating and nothing else: it holds no index and no constraint, and rows that were
 * loaded for the occasion. Answers depend on the query and the rows that it reads only, so each is computed once.
 */
export class Evaluator {
  readonly #catalog: Catalog;
  readonly #contents: RowContents;
  readonly #db: IMemoryDb;
  readonly #empty: IBackup;
  readonly #answers = new Map<string, readonly ResultRow[]>();
  readonly #prepared = new Map<string, IPreparedQuery>();
  readonly pglite: PgliteSchema;
  readonly #asked = new Map<string, Answered>();
  #asker: Asker | null = null;
  #nowMs = 0;

  constructor(catalog: Catalog, contents: RowContents, pglite: PgliteSchema) {
    this.pglite = pglite;
    this.#catalog = catalog;
    this.#contents = contents;
    this.#db = newDb({ noAstCoverageCheck: true });
    for (const table of catalog.tables) {
      const columns = table.columns
        .flatMap(({ name, type }) => (isPlain(type) ? [`${quote(name)} ${evaluatorType(type)}, `] : []))
        .join('');
      for (const name of [table.shown, oneRowTable(table)])
        this.#db.public.none(`create table ${quote(name)} (${columns}${ROW_COLUMN} integer)`);
    }
    for (const sequence of catalog.sequences)
      this.#db.public.none(`create table ${quote(sequence.shown)} (last_value integer, is_called bool, ${ROW_COLUMN} integer)`);
    this.#db.getSchema('pg_catalog').registerFunction({
      name: 'now',
      returns: DataType.timestamptz,
      impure: true,
      implementation: () => new Date(this.#nowMs),
    });
    this.#empty = this.#db.backup();
  }

  /** `oneRow` is the content that the query's one-row table holds, where it reads one; `subqueryView` what its subqueries see. */
  evaluate(query: Query | TextQuery, view: View, oneRow: number | null = null, subqueryView: View = view): readonly ResultRow[] {
    if ('text' in query) return this.ask(query, view, { rows: [oneRow], texts: [] });
    const constants = query.subqueries.map((subquery) => this.#constant(subquery, subqueryView));
    const key = this.#key(query, view, oneRow, constants);
    let answer = this.#answers.get(key);
    if (answer === undefined) {
      answer = this.#run(query, view, oneRow, constants);
      this.#answers.set(key, answer);
    }
    return answer;
  }

  /** Whether PostgreSQL can be asked without being started for it. */
  get isPostgresUp(): boolean {
    return isRunning();
  }

  /** Asks PGlite. `given` are the contents of the rows that the query has in place of whole tables. */
  ask(query: TextQuery, view: View, given: Given): readonly ResultRow[] {
    const contents = query.loads.map((load) => (load.given === null ? view.contents(load.table).join() : given.rows[load.given]));
    // A statement that is only asked about draws from nobody's stream.
    const drawing = query.draws ? (view.drawing ?? { stream: '', count: 0, sequences: view.sequences }) : null;
    const sequences = query.sequences.map((index) => (drawing ?? view).sequences[index]);
    const stream = drawing === null ? null : [drawing.stream, drawing.count];
    const key = JSON.stringify([query.id, view.nowMs, contents, query.texts.map((number) => given.texts[number]), sequences, stream]);
    let answer = this.#asked.get(key);
    if (answer === undefined) {
      this.#asker ??= new Asker(this.pglite, this.#catalog, this.#contents);
      answer = this.#asker.ask(query, view, given, drawing);
      this.#asked.set(key, answer);
    }
    if (drawing !== null && answer.drawn !== null) {
      const { count, sequences } = answer.drawn;
      drawing.count = count;
      if (sequences.size > 0) drawing.sequences = drawing.sequences.map((before, index) => sequences.get(index) ?? before);
    }
    return answer.rows;
  }

  #key(query: Query, view: View, oneRow: number | null, constants: readonly Expr[]): string {
    let key = `${query.id}`;
    for (const table of query.tables) key += `|${view.contents(table).join()}`;
    if (query.oneRow !== null) key += `|1:${oneRow}`;
    for (const sequence of query.sequences) key += `|s${view.sequences[sequence]!.lastValue},${view.sequences[sequence]!.isCalled}`;
    if (query.usesNow) key += `|t${view.nowMs}`;
    if (constants.length > 0) key += `|${JSON.stringify(constants)}`;
    return key;
  }

  #constant(subquery: Subquery, view: View): Expr {
    const rows = this.evaluate(subquery.query, view);
    const type = subquery.query.outputs[0]?.type ?? 'null';
    switch (subquery.as) {
      case 'exists':
        return { type: 'boolean', value: rows.length > 0 };
      case 'list':
        // An empty list is not SQL; no value is equal to NULL, and no row is what is wanted.
        return {
          type: 'list',
          expressions: rows.length === 0 ? [literal(null, type)] : distinct(rows).map((value) => literal(value, type)),
        };
      case 'scalar':
        if (rows.length > 1) throw new SqlError('21000', 'more than one row returned by a subquery used as an expression');
        return literal(rows[0]?.values[0] ?? null, type);
    }
  }

  #run(query: Query, view: View, oneRow: number | null, constants: readonly Expr[]): readonly ResultRow[] {
    this.#load(query, view, oneRow);
    const select = constants.length === 0 ? query.select : substitute(query.select, constants);
    const planKey = `${query.id}|${JSON.stringify(constants)}`;
    let prepared = this.#prepared.get(planKey);
    try {
      if (prepared === undefined) {
        prepared = this.#db.public.prepare(select);
        this.#prepared.set(planKey, prepared);
      }
      this.#nowMs = view.nowMs;
      const { rows } = prepared.bind().executeAll();
      return windowed(rows, query).map((row) => toResultRow(row, query));
    } catch (error) {
      if (error instanceof SqlError || error instanceof UnmodelledError) throw error;
      throw new UnmodelledError(`pg-mem does not answer this (${firstLine(error)})`);
    }
  }

  #load(query: Query, view: View, oneRow: number | null): void {
    const contents = [...query.tables.flatMap((table) => view.contents(table)), ...(oneRow === null ? [] : [oneRow])];
    if (!contents.every((content) => this.#contents.get(content).isTame))
      throw new UnmodelledError('numbers or texts beyond those that the fast path is held to');
    this.#empty.restore();
    for (const index of new Set(query.tables)) {
      const table = this.#catalog.tables[index]!;
      const target = this.#db.public.getTable(table.shown);
      view.contents(index).forEach((content, row) => {
        target.insert(this.#record(content, row));
      });
    }
    if (query.oneRow !== null && oneRow !== null)
      this.#db.public.getTable(oneRowTable(this.#catalog.tables[query.oneRow]!)).insert(this.#record(oneRow, 0));
    for (const index of query.sequences) {
      const state = view.sequences[index]!;
      const record = { last_value: state.lastValue, is_called: state.isCalled, [ROW_COLUMN]: 0 };
      this.#db.public.getTable(this.#catalog.sequences[index]!.shown).insert(record);
    }
  }

  #record(content: number, row: number): Record<string, unknown> {
    const { table, values } = this.#contents.get(content);
    const record: Record<string, unknown> = { [ROW_COLUMN]: row };
    this.#catalog.tables[table]!.columns.forEach((column, index) => {
      if (!isPlain(column.type)) return;
      const value = values[index]!;
      record[column.name] = column.type === 'timestamptz' && value !== null ? new Date(value as string) : value;
    });
    return record;
  }
}

function toResultRow(row: Record<string, unknown>, query: Query): ResultRow {
  return {
    values: query.outputs.map((output, index) => fromEvaluator(row[`c${index}`], output.type)),
    row: (row[ROW_COLUMN] as number | undefined) ?? -1,
  };
}

/** The rows that LIMIT and OFFSET leave. Where ORDER BY leaves open which of two different rows comes first, the order is the server's own. */
function windowed(rows: readonly Record<string, unknown>[], query: Query): readonly Record<string, unknown>[] {
  if (!query.ordered) return rows;
  const { offset, limit } = query.window ?? { offset: 0, limit: Number.POSITIVE_INFINITY };
  const keys = Array.from({ length: query.orderKeys }, (_, index) => `o${index}`);
  const text = (row: Record<string, unknown>, names: readonly string[]) => JSON.stringify(names.map((name) => row[name] ?? null));
  const shown = [...query.outputs.map((_, index) => `c${index}`), ROW_COLUMN];
  rows.forEach((row, index) => {
    const next = rows[index + 1];
    if (next === undefined || index + 1 < offset || index >= offset + limit) return;
    if (text(row, keys) === text(next, keys) && text(row, shown) !== text(next, shown))
      throw new UnmodelledError('rows that are equal in ORDER BY: their order is up to the server');
  });
  return rows.slice(offset, offset + limit);
}

function fromEvaluator(value: unknown, type: SqlType): Value {
  if (value === null || value === undefined) return null;
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'number') return checkRange(value, type);
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  throw new UnmodelledError(`a value of type ${type} that pg-mem gives as ${typeof value}`);
}

function distinct(rows: readonly ResultRow[]): Value[] {
  return [...new Set(rows.map((row) => row.values[0]!))];
}

/** The tree with each placeholder replaced by its constant. */
function substitute(select: SelectFromStatement, constants: readonly Expr[]): SelectFromStatement {
  const walk = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(walk);
    if (typeof node !== 'object' || node === null) return node;
    const { type, name } = node as { type?: unknown; name?: unknown };
    if (type === 'parameter' && typeof name === 'string' && name.startsWith('#')) return constants[Number(name.slice(1))];
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, walk(value)]));
  };
  return walk(select) as SelectFromStatement;
}

const firstLine = (error: unknown) => String((error as Error).message ?? error).split('\n')[0]!;
