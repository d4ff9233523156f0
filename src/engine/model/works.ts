import type { Catalog } from './catalog.js';
import { CommittedRows } from './committed-rows.js';
import { RowContents } from './contents.js';
import { Evaluator } from './evaluator.js';
import { catalogOf } from './pglite/catalog.js';
import { ModelObserver } from './pglite/observer.js';
import { PgliteSchema } from './pglite/schema.js';
import { Shapes } from './shapes.js';
import type { SqlError } from './sql-error.js';
import type { StatementPlan } from './statements.js';

/** What depends on a schema alone: its catalogue, statements that were compiled against it, rows that were met, and what queries came to. */
export interface Works {
  readonly catalog: Catalog;
  readonly contents: RowContents;
  readonly evaluator: Evaluator;
  readonly committedRows: CommittedRows;
  /** How far pg-mem's answers have been held against PostgreSQL's. */
  readonly shapes: Shapes;
  /** By the statement's text and its values. */
  readonly observer: ModelObserver;
  readonly plans: Map<string, StatementPlan>;
  /** What the grammar says against a text, where only that was asked. */
  readonly syntax: Map<string, SqlError | null>;
}

/** Contents after which what was remembered is given up with the next plan. */
const MOST_CONTENTS = 100_000;

let last: { readonly schema: string; readonly clockMs: number; readonly mostRows: number | undefined; readonly works: Works } | null = null;

/**
 * The works for a schema. Those of the last one are kept: a scenario's plans are explored one after the other, and nothing that is remembered
 * changes an answer.
 */
export function worksFor(schema: string, clockMs: number, mostRows?: number): Works {
  if (last === null || !isFor(last, schema, clockMs) || last.mostRows !== mostRows || last.works.contents.size > MOST_CONTENTS) {
    const pglite = new PgliteSchema(schema, clockMs, mostRows);
    const catalog = catalogOf(pglite.rows);
    const contents = new RowContents();
    const evaluator = new Evaluator(catalog, contents, pglite);
    last = {
      schema,
      clockMs,
      mostRows,
      works: {
        catalog,
        contents,
        evaluator,
        committedRows: new CommittedRows(contents, evaluator),
        observer: new ModelObserver(pglite),
        plans: new Map(),
        syntax: new Map(),
        shapes: new Shapes(schema),
      },
    };
  }
  return last.works;
}

const isFor = (known: NonNullable<typeof last>, schema: string, clockMs: number): boolean =>
  known.schema === schema && (known.clockMs === clockMs || !known.works.catalog.clocked);
