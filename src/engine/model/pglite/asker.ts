import { DRAWN, drawAs, drawFrom } from '../../chance-functions.js';
import { UnmodelledError } from '../../contract.js';
import type { Catalog } from '../catalog.js';
import type { RowContents } from '../contents.js';
import { SqlError } from '../sql-error.js';
import { fromText, toText, type Value } from '../types.js';
import type { Drawing, ResultRow, SequenceState, View } from '../visible.js';
import { tooLarge } from './catalog-rows.js';
import { abandon } from './instance.js';
import { qualified } from './names.js';
import { copyOf, literal, type PgliteSchema, quote, TEXTS } from './schema.js';
import type { Given, Load, TextQuery } from './text-query.js';

/** How far a stream of chance and some sequences have gone. */
export interface Drawn {
  readonly count: number;
  /** By index. */
  readonly sequences: ReadonlyMap<number, SequenceState>;
}

/** What a query gives, and where its draws have led. */
export interface Answered {
  readonly rows: readonly ResultRow[];
  readonly drawn: Drawn | null;
}

/** Runs a query. Over several rows it is run twice, in another order of the rows and by other joins: what depends on that is open, and refused. */
export class Asker {
  readonly schema: PgliteSchema;
  readonly #catalog: Catalog;
  readonly #contents: RowContents;
  readonly #literals = new Map<number, string>();

  constructor(schema: PgliteSchema, catalog: Catalog, contents: RowContents) {
    this.schema = schema;
    this.#catalog = catalog;
    this.#contents = contents;
  }

  ask(query: TextQuery, view: View, given: Given, drawing: Drawing | null): Answered {
    for (const load of query.loads) {
      const rows = load.given === null ? view.contents(load.table).length : 1;
      if (rows > this.schema.mostRows) throw tooLarge(this.#catalog.tables[load.table]!.name, this.schema.mostRows);
    }
    const first = this.#once(query, view, given, drawing, false);
    const drawn = drawing === null ? null : this.#drawn(query, drawing);
    const several = query.loads.some((load) => load.given === null && view.contents(load.table).length > 1);
    if (several) {
      const second = this.#once(query, view, given, drawing, true);
      compare(first, second, query);
    }
    if (first instanceof SqlError) {
      // What it says of the rows that it comes from reads columns that nobody else may have asked for.
      if (query.hidden.some(({ kind }) => kind === 'text'))
        throw new UnmodelledError(
          `an error (${first.code}) where a subquery or a function is joined: what of it is computed is up to the plan`,
        );
      throw first;
    }
    return { rows: first, drawn };
  }

  /** Where the draws have led: sequences, ours among them, are not rolled back. */
  #drawn(query: TextQuery, drawing: Drawing): Drawn {
    const instance = this.schema.open();
    const count = Number(instance.script(DRAWN)[0]![0]![0]);
    const sequences = new Map<number, SequenceState>();
    for (const index of query.sequences) {
      const sequence = this.#catalog.sequences[index]!;
      const [[lastValue, isCalled]] = instance.script(`SELECT last_value, is_called FROM ${qualified(sequence)}`)[0] as [[string, string]];
      sequences.set(index, { ...drawing.sequences[index]!, lastValue: Number(lastValue), isCalled: isCalled === 't' });
    }
    return { count, sequences };
  }

  #once(query: TextQuery, view: View, given: Given, drawing: Drawing | null, backwards: boolean): readonly ResultRow[] | SqlError {
    this.schema.needRowSchemas(1 + Math.max(-1, ...[...query.text.matchAll(/ls_row_(\d+)\./g)].map(([, index]) => Number(index))));
    const name = `q${query.id}${backwards ? 'b' : ''}`;
    const invalid = this.schema.prepare(name, query.text, query.parameterTypes);
    if (invalid !== null) return invalid;
    const places: { load: Load; rows: number[] }[] = [];
    const positions = query.sequences.map((index) => {
      const { lastValue, isCalled } = (drawing ?? view).sequences[index]!;
      return `;SELECT setval(${literal(qualified(this.#catalog.sequences[index]!))}, ${lastValue}, ${isCalled})`;
    });
    const texts = query.texts.map((number) => `;INSERT INTO ${TEXTS} VALUES (${number}, ${literal(given.texts[number] ?? null)})`);
    const stream = drawing === null ? [] : [`;${drawAs(drawing.stream)}`, `;${drawFrom(drawing.count)}`];
    const inserts = [...stream, ...positions, ...texts];
    const before = inserts.length;
    for (const load of query.loads) {
      const all = load.given === null ? view.contents(load.table) : [given.rows[load.given] ?? null].filter((row) => row !== null);
      if (all.length === 0) continue;
      const order = all.map((_, index) => index);
      if (backwards) order.reverse();
      places.push({ load, rows: order });
      inserts.push(
        this.#insert(
          load,
          order.map((index) => all[index]!),
        ),
      );
    }
    if (backwards) inserts.push(OTHER_PLAN);
    const { loaded, answer } = this.schema.ask(inserts.join(''), name, [...query.values], view.nowMs);
    if (answer.error !== null && drawing !== null)
      throw new UnmodelledError(
        `an error (${answer.error.code}) in a statement that draws from chance or a sequence: how much it has drawn before`,
      );
    if (answer.error !== null) return known(answer.error);
    // Nested too deeply for it, for one. The next statement would find it out of order.
    if (answer.results.length === 0) {
      abandon();
      throw new UnmodelledError('PGlite does not answer this');
    }
    const { mostRows } = this.schema;
    if (answer.results[0]!.length > mostRows) throw new UnmodelledError(`a statement over more than ${mostRows} rows`);
    const found = new Map<string, number>();
    places.forEach(({ load, rows }, index) => {
      loaded[index + before]!.forEach(([place], row) => {
        found.set(`${load.schema}.${load.table}${place}`, rows[row]!);
      });
    });
    return (answer.results[0] ?? []).map((row) => toRow(row, query, found));
  }

  #insert(load: Load, contents: readonly number[]): string {
    const table = this.#catalog.tables[load.table]!;
    const columns = table.columns.filter((column) => !column.generated).map((column) => quote(column.name));
    if (columns.length === 0)
      return `;INSERT INTO ${copyOf(load.schema, table)} SELECT FROM generate_series(1, ${contents.length}) RETURNING ctid`;
    const rows = contents.map((content) => this.#literal(content));
    return `;INSERT INTO ${copyOf(load.schema, table)} (${columns.join()}) OVERRIDING SYSTEM VALUE VALUES ${rows.join()} RETURNING ctid`;
  }

  #literal(content: number): string {
    let text = this.#literals.get(content);
    if (text === undefined) {
      const { table, values } = this.#contents.get(content);
      const { columns } = this.#catalog.tables[table]!;
      text = `(${values.flatMap((value, index) => (columns[index]!.generated ? [] : [literal(toText(value))])).join()})`;
      this.#literals.set(content, text);
    }
    return text;
  }
}

/** In hashed joins and groups rows come as their hashes have it, in whichever order they lie. */
const OTHER_PLAN = ';SET LOCAL enable_hashjoin = off;SET LOCAL enable_hashagg = off';

/** Errors that are ours to make, or that say nothing of the statement, are no answer. */
function known(error: SqlError): SqlError {
  if (/^(XX|53|57|58|F0)/.test(error.code)) throw new UnmodelledError(`PGlite does not answer this (${error.message})`);
  return error;
}

function toRow(row: readonly (string | null)[], query: TextQuery, found: ReadonlyMap<string, number>): ResultRow {
  const shown = query.outputs.length;
  const behind = shown + query.changes.length;
  const joined = query.hidden.map((hidden, index): Value => {
    const text = row[behind + index]!;
    if (hidden.kind === 'text' || text === null) return text;
    return found.get(`${hidden.schema}.${hidden.table}${text}`) ?? -1;
  });
  return {
    values: query.outputs.map((output, index) => fromText(row[index]!, output.type)),
    changes: query.changes.map((type, index) => fromText(row[shown + index]!, type)),
    row: typeof joined[0] === 'number' ? joined[0] : -1,
    joined,
  };
}

function compare(first: readonly ResultRow[] | SqlError, second: readonly ResultRow[] | SqlError, query: TextQuery): void {
  const text = (answer: readonly ResultRow[] | SqlError, ordered: boolean) => {
    if (answer instanceof SqlError) return `${answer.code} ${answer.message}`;
    const rows = answer.map((row) => JSON.stringify([row.values, row.changes, row.joined]));
    return (ordered ? rows : rows.sort()).join();
  };
  if (text(first, query.ordered) === text(second, query.ordered)) return;
  if (text(first, false) === text(second, false))
    throw new UnmodelledError('rows that are equal in ORDER BY: their order is up to the server');
  throw new UnmodelledError('an answer that depends on the order in which the server meets the rows');
}
