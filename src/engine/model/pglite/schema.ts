import { BY_THE_SCHEMA, beginDrawing, chanceFunctions, drawFrom } from '../../chance-functions.js';
import { clockFunctions, withClock } from '../../clock-functions.js';
import { UnmodelledError } from '../../contract.js';
import { CATALOGUE, type Catalogue } from '../../footprints/catalogue.js';
import { Schema } from '../../footprints/statement.js';
import { MODEL_FUNCTIONS } from '../../session-functions.js';
import { typeName } from '../../type-names.js';
import type { Output } from '../query.js';
import type { SqlError } from '../sql-error.js';
import { type CatalogRows, type CatalogTable, MOST_ROWS, readContents, readRows, refuseLarge } from './catalog-rows.js';
import { nameCopiedKeys } from './copied-keys.js';
import { define, extensionsOf } from './definitions.js';
import { type Answer, type Instance, running } from './instance.js';
import { keepRows, keptRows } from './kept-rows.js';
import { literal, qualified, quote } from './names.js';
import { triggerOn } from './triggers.js';
import { type TypeId, TypeIds } from './type-ids.js';

export { literal, quote };

/** Where the rows of the view stand: the tables themselves. */
export const VIEW_SCHEMA = 'public';
/** Copies of every table that hold one given row each, or what a statement's target holds. They have no constraint: those are the layer's. */
export const rowSchema = (index: number): string => `ls_row_${index}`;
/** A copy of every table with its unique indexes: holds the one row that an ON CONFLICT met. */
export const CONFLICT_SCHEMA = 'ls_conflict';
/** A copy of every table that has triggers before an insert, with these: a row passes through it on its way in. */
export const TRIGGER_SCHEMA = 'ls_trigger';
/** A copy of every table for the rows that an INSERT proposes: what is computed from them waits until their sequences have been drawn. */
export const INSERT_SCHEMA = 'ls_insert';
/** Rows of what is no table, as text, by number. */
export const TEXTS = 'lastseat.texts';

/** A sequence's value is drawn when the row's turn comes; until then the row holds this. */
export const UNDRAWN: Readonly<Record<string, number>> = { int2: -32768, int4: -2147483648, int8: Number.MIN_SAFE_INTEGER };

/** A table, or what stands in for it in a schema of ours. */
export const copyOf = (schema: string, table: Pick<CatalogTable, 'schema' | 'name' | 'shown'>): string =>
  schema === VIEW_SCHEMA ? qualified(table) : `${schema}.${quote(table.shown)}`;

/** What PostgreSQL says of a statement before it runs it. */
export interface SaidOfStatement {
  /** It cannot be analysed. */
  readonly invalid: SqlError | null;
  /** That, or it cannot be planned. */
  readonly error: SqlError | null;
  readonly parameterTypes: readonly TypeId[];
  readonly outputs: readonly Output[];
  readonly outputTypes: readonly TypeId[];
  /** Name, mode, kind and schema. */
  readonly locks: readonly (readonly (string | null)[])[];
}

/** The modelled triggers of an event, in a copy. */
const triggersOn = (schema: string, table: CatalogTable, event: 'insert' | 'update'): string[] =>
  table.triggers
    .filter(({ on, refusal }) => refusal === null && on.includes(event))
    .map((trigger) => triggerOn(copyOf(schema, table), trigger, event));

/** One plan's schema in PGlite: set up when first needed, and again when another plan had the place meanwhile. */
export class PgliteSchema {
  /** Rows that a table, or an answer, may have. */
  readonly mostRows: number;
  readonly #text: string;
  readonly #extensions: readonly string[];
  readonly #clockMs: number;
  readonly #prepared = new Set<string>();
  readonly types = new TypeIds(() => this.open());
  #rows: CatalogRows | null = null;
  #observes = false;
  #facts: Schema | null = null;
  #rowSchemas = 0;
  #nowMs: number | null = null;
  #loads = 0;

  /** `clockMs`: what the clock says while the schema is made. It is asked only where the schema inserts rows that depend on it. */
  constructor(text: string, clockMs: number, mostRows = MOST_ROWS) {
    this.mostRows = mostRows;
    this.#text = text;
    this.#extensions = extensionsOf(text);
    this.#clockMs = clockMs;
  }

  /** The instance with this schema in place. */
  open(): Instance {
    const instance = running(this.#extensions);
    if (instance.holds !== this) this.#setUp(instance);
    return instance;
  }

  /** What the catalogue says; for a schema that was met before, in an earlier process too, without starting anything. */
  get rows(): CatalogRows {
    if (this.#rows === null) {
      const kept = keptRows(this.#text, this.#clockMs);
      if (kept !== null) refuseLarge(kept, this.mostRows);
      this.#rows = kept;
    }
    if (this.#rows === null) this.open();
    return this.#rows!;
  }

  /** The schema as footprints are told from it. Object ids are those of the instance as it is set up now: where another plan had the place meanwhile, they are others. */
  get facts(): Schema {
    if (!this.#observes) {
      this.#observes = true;
      const instance = running(this.#extensions);
      if (instance.holds === this) instance.holds = null;
    }
    this.open();
    return this.#facts!;
  }

  #setUp(instance: Instance): void {
    instance.holds = null;
    this.#prepared.clear();
    this.types.forget();
    this.#rowSchemas = 0;
    this.#nowMs = null;
    this.#create(instance, this.#clockMs);
    // Before foreign keys and triggers are taken away.
    this.#facts = this.#observes ? new Schema(JSON.parse(instance.script(CATALOGUE)[0]![0]![0]!) as Catalogue) : null;
    if (this.#rows === null) {
      this.#rows = this.#read(instance);
      keepRows(this.#text, this.#clockMs, this.#rows);
    }
    const tables = this.#rows.tables.map(qualified);
    if (Object.keys(this.#rows.contents).length > 0) instance.script(`TRUNCATE ${tables.join(', ')}`);
    const defaultsAndKeys = this.#rows.tables.flatMap((table) => [
      `ALTER TABLE ${qualified(table)} DISABLE TRIGGER USER`,
      ...table.foreignKeys.map((foreignKey) => `ALTER TABLE ${qualified(table)} DROP CONSTRAINT ${quote(foreignKey.name)}`),
      `CREATE TABLE ${copyOf(CONFLICT_SCHEMA, table)} (LIKE ${qualified(table)} INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING INDEXES)`,
      ...this.#bare(table, CONFLICT_SCHEMA),
      `CREATE TABLE ${copyOf(INSERT_SCHEMA, table)} (LIKE ${qualified(table)} INCLUDING DEFAULTS)`,
      ...this.#bare(table, INSERT_SCHEMA),
      ...triggersOn(CONFLICT_SCHEMA, table, 'update'),
      `CREATE TABLE ${copyOf(TRIGGER_SCHEMA, table)} (LIKE ${qualified(table)} INCLUDING GENERATED)`,
      ...this.#bare(table, TRIGGER_SCHEMA),
      ...triggersOn(TRIGGER_SCHEMA, table, 'insert'),
    ]);
    // What a snapshot shows need not satisfy an exclusion constraint, since a newer row may be ours, nor one that is checked later. The layer judges.
    instance.script('UPDATE pg_index SET indisready = false WHERE (indisexclusion AND NOT indisunique) OR NOT indimmediate');
    instance.script(
      [`CREATE SCHEMA ${CONFLICT_SCHEMA}`, `CREATE SCHEMA ${INSERT_SCHEMA}`, `CREATE SCHEMA ${TRIGGER_SCHEMA}`, ...defaultsAndKeys].join(
        ';',
      ),
    );
    nameCopiedKeys(instance, CONFLICT_SCHEMA);
    instance.holds = this;
  }

  /** Runs the schema's DDL in an empty database. */
  #create(instance: Instance, clockMs: number): void {
    const schemas = instance.script("SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'").flat();
    instance.script(
      [
        'DEALLOCATE ALL',
        ...schemas.map(([name]) => `DROP SCHEMA ${quote(name!)} CASCADE`),
        'CREATE SCHEMA public',
        'CREATE SCHEMA lastseat',
        clockFunctions(clockMs).slice(0, -1),
        chanceFunctions().slice(0, -1),
        `${beginDrawing(BY_THE_SCHEMA)};${drawFrom(0)}`,
        MODEL_FUNCTIONS.slice(0, -1),
        `CREATE TABLE ${TEXTS} (number int PRIMARY KEY, value text)`,
        SEARCH_PATH,
      ].join(';'),
    );
    define(instance, withClock(this.#text));
    // What the text has set or made for its own session is no part of the schema.
    instance.script(`RESET ALL; DISCARD TEMP; ${SEARCH_PATH}; ${beginDrawing(BY_THE_SCHEMA)}`);
  }

  /** Rows that the schema inserts are looked at twice: they may depend on the clock, and must not depend on chance. */
  #read(instance: Instance): CatalogRows {
    const rows = readRows(instance, this.mostRows);
    if (Object.keys(rows.contents).length === 0) return rows;
    const readAgain = (clockMs: number) => {
      this.#create(instance, clockMs);
      return JSON.stringify(readContents(instance, rows, this.mostRows));
    };
    const { contents, sequences } = rows;
    const first = JSON.stringify({ contents, sequences });
    if (readAgain(this.#clockMs + A_DAY_MS) === first) return rows;
    if (readAgain(this.#clockMs) !== first) throw new UnmodelledError('rows that the schema inserts, with other values each time');
    return { ...rows, clocked: true };
  }

  /** Takes the NOT NULLs away, but for those of the primary key, and leaves sequences to the layer. */
  #bare(table: CatalogTable, schema: string): string[] {
    return table.columns.flatMap((column) => {
      const alter = `ALTER TABLE ${copyOf(schema, table)} ALTER COLUMN ${quote(column.name)}`;
      const keyed = schema === CONFLICT_SCHEMA && table.key?.includes(column.name);
      return [
        ...(column.notNull && !keyed ? [`${alter} DROP NOT NULL`] : []),
        ...(column.sequence === null ? [] : [`${alter} SET DEFAULT ${UNDRAWN[column.type] ?? 'NULL'}`]),
      ];
    });
  }

  /** Makes sure that there are so many row schemas. */
  needRowSchemas(count: number): void {
    const instance = this.open();
    for (; this.#rowSchemas < count; this.#rowSchemas += 1) {
      const schema = rowSchema(this.#rowSchemas);
      const tables = this.#rows!.tables.flatMap((table) => [
        `CREATE TABLE ${copyOf(schema, table)} (LIKE ${qualified(table)} INCLUDING DEFAULTS INCLUDING GENERATED)`,
        ...this.#bare(table, schema),
        ...triggersOn(schema, table, 'update'),
      ]);
      instance.script([`CREATE SCHEMA ${schema}`, ...tables].join(';'));
    }
  }

  /** Parses a statement once; the error, if it has one. */
  prepare(name: string, text: string, types: readonly TypeId[]): SqlError | null {
    const instance = this.open();
    if (this.#prepared.has(name)) return null;
    const [answer] = instance.send([instance.wire.parse({ name, text, types: this.types.oids(types) }), instance.wire.sync()]);
    if (answer!.error === null) this.#prepared.add(name);
    return answer!.error;
  }

  /** What the grammar says against a text; null where it says nothing. A transaction that has failed looks no further (postgres.c, exec_parse_message). */
  syntaxError(text: string): SqlError | null {
    const instance = this.open();
    const { wire } = instance;
    const answers = instance.send([
      wire.query('BEGIN; SELECT 1 / 0'),
      wire.parse({ name: '', text, types: [] }),
      wire.sync(),
      wire.query('ROLLBACK'),
    ]);
    const { error } = answers[1]!;
    return error?.code === '42601' ? error : null;
  }

  /** What a statement's parameters and outputs are, which relations it locks and how; or the error that it has. */
  describe(text: string, values: (string | null)[], types: readonly TypeId[] = []): SaidOfStatement {
    const instance = this.open();
    const { wire } = instance;
    const known = this.types.oids(types);
    const answers = instance.send([
      wire.query('BEGIN'),
      wire.parse({ name: '', text, types: known }),
      wire.describe({ type: 'S', name: '' }),
      wire.sync(),
      // Some errors come with the plan only.
      wire.bind({ statement: '', values }),
      wire.sync(),
      wire.query(LOCKS),
      wire.query('ROLLBACK'),
    ]);
    const { error, fields, parameterTypes } = answers[1]!;
    const internal = error ?? answers[2]!.error;
    if (internal?.code.startsWith('XX')) throw new UnmodelledError(`PGlite does not answer this (${internal.message})`);
    return {
      invalid: error,
      error: error ?? answers[2]!.error,
      parameterTypes: this.types.ids(parameterTypes),
      outputs: fields.map(({ name, dataTypeID }) => ({ name, type: typeName(dataTypeID), nullable: true })),
      outputTypes: this.types.ids(fields.map(({ dataTypeID }) => dataTypeID)),
      locks: answers[3]!.results[0] ?? [],
    };
  }

  /** Runs a prepared statement over loaded rows, and undoes all of it. The results of loading come first. */
  ask(
    load: string,
    name: string,
    values: (string | null)[],
    nowMs: number,
  ): { readonly loaded: Answer['results']; readonly answer: Answer } {
    const instance = this.open();
    const { wire } = instance;
    if (this.#nowMs !== nowMs) {
      instance.script(clockFunctions(nowMs));
      this.#nowMs = nowMs;
    }
    this.#tidy(instance);
    const [loaded, answer] = instance.send([
      wire.query(`BEGIN;${load}`),
      wire.bind({ statement: name, values }),
      wire.execute({ portal: '' }),
      wire.sync(),
      wire.query('ROLLBACK'),
    ]);
    if (loaded!.error !== null) throw new UnmodelledError(`rows that PGlite does not take: ${loaded!.error.message}`);
    return { loaded: loaded!.results.slice(1), answer: answer! };
  }

  /** What was rolled back stays in the files until they are emptied. */
  #tidy(instance: Instance): void {
    this.#loads += 1;
    if (this.#loads % TIDY_EVERY !== 0) return;
    const schemas = [
      VIEW_SCHEMA,
      CONFLICT_SCHEMA,
      INSERT_SCHEMA,
      TRIGGER_SCHEMA,
      ...Array.from({ length: this.#rowSchemas }, (_, index) => rowSchema(index)),
    ];
    const tables = schemas.flatMap((schema) => this.#rows!.tables.map((table) => copyOf(schema, table)));
    instance.script(`TRUNCATE ${[...tables, TEXTS].join(', ')}`);
  }
}

const SEARCH_PATH = 'SET search_path = public, lastseat, pg_catalog';
const TIDY_EVERY = 200;
const A_DAY_MS = 86_400_000;

const LOCKS = `SELECT c.relname, l.mode, c.relkind, n.nspname
  FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE l.locktype = 'relation' AND c.relkind NOT IN ('i', 'I') AND c.relname NOT IN ('pg_locks', 'pg_class', 'pg_namespace') ORDER BY c.oid`;
