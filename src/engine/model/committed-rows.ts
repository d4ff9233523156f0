import type { Row } from '../../context.js';
import { committedColumn } from '../committed-column.js';
import { byAllColumns, isInKeyOrder } from '../committed-order.js';
import type { Column, Table } from './catalog.js';
import type { RowContents } from './contents.js';
import type { Evaluator } from './evaluator.js';
import { copyOf, rowSchema } from './pglite/schema.js';
import { newTextQuery, type TextQuery } from './pglite/text-query.js';
import { isPlain, toReplyValue, type Value } from './types.js';
import type { View } from './visible.js';

/** Nothing but the one row that is given. */
const NO_VIEW: View = { contents: () => [], sequences: [], nowMs: 0 };

/** Rows as a committed state shows them. Where that is more than a plain value's own text, PostgreSQL writes them. */
export class CommittedRows {
  readonly #contents: RowContents;
  readonly #evaluator: Evaluator;
  readonly #rows = new Map<number, Row>();
  readonly #queries = new Map<number, TextQuery>();

  constructor(contents: RowContents, evaluator: Evaluator) {
    this.#contents = contents;
    this.#evaluator = evaluator;
  }

  /** Whether PostgreSQL has to be there for the table's rows. */
  static asks({ columns, rows }: Table): boolean {
    return (
      columns.some((column) => !isSimple(column)) || rows.some((values) => values.some((value, index) => isFine(value, columns[index]!)))
    );
  }

  /** A table's rows, in their order. */
  of(table: Table, contents: readonly number[]): readonly Row[] {
    const key = table.key.map((index) => table.columns[index]!);
    if (!isInKeyOrder(key)) return contents.map((content) => this.#row(table, content)).sort(byAllColumns([...key, ...table.columns]));
    const sorted = contents
      .map((content) => ({ content, values: this.#contents.values(content) }))
      .sort((left, right) => byKey(table, left.values, right.values));
    return sorted.map(({ content }) => this.#row(table, content));
  }

  #row(table: Table, content: number): Row {
    let row = this.#rows.get(content);
    if (row === undefined) {
      row = this.#show(table, content);
      this.#rows.set(content, row);
    }
    return row;
  }

  #show(table: Table, content: number): Row {
    const values = this.#contents.values(content);
    if (table.columns.every((column, index) => isSimple(column) && !isFine(values[index]!, column)))
      return Object.fromEntries(
        table.columns.map(({ name, type }, index) => [name, isPlain(type) ? toReplyValue(values[index]!, type) : values[index]!]),
      );
    const [written] = this.#evaluator.ask(this.#query(table), NO_VIEW, { rows: [content], texts: [] });
    return JSON.parse(written!.values[0] as string) as Row;
  }

  #query(table: Table): TextQuery {
    let query = this.#queries.get(table.index);
    if (query === undefined) {
      const source = `SELECT ${table.columns.map(committedColumn).join(', ')} FROM ${copyOf(rowSchema(0), table)}`;
      query = newTextQuery({
        text: `SELECT row_to_json(ls_shown)::text FROM (${source}) AS ls_shown`,
        parameterTypes: [],
        values: [],
        outputs: [{ name: 'row', type: 'text', nullable: false }],
        changes: [],
        hidden: [],
        loads: [{ schema: rowSchema(0), table: table.index, given: 0 }],
        ordered: false,
        texts: [],
      });
      this.#queries.set(table.index, query);
    }
    return query;
  }
}

/** Its values show as they are kept. */
const isSimple = ({ type, isEnum }: Column): boolean => isPlain(type) || isEnum || type === 'date' || type === 'numeric';

/** A moment that has no ISO form in milliseconds. */
const isFine = (value: Value, { type }: Column): boolean =>
  type === 'timestamptz' && value !== null && !/^\d{4}-\d\d-\d\dT/.test(String(value));

function byKey({ key }: Table, left: readonly Value[], right: readonly Value[]): number {
  for (const column of key) {
    const [one, other] = [left[column]!, right[column]!];
    if (one !== other) return one < other ? -1 : 1;
  }
  return 0;
}
